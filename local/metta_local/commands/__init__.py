"""The subcommands of ``metta``: a module each for its arguments, its help and what it calls.

Only the arguments are made at the start. What does the work is imported when a command runs.
"""

from metta_local.commands import (
    audit,
    bench,
    chaos,
    completion,
    demo,
    doctor,
    fuzz,
    guard,
    migrate,
    policy,
    redrive,
    redteam,
    send,
    tool,
    up,
    worker,
)
from metta_local.commands import help as help_command

COMMANDS = (
    demo.COMMAND,
    up.COMMAND,
    worker.COMMAND,
    send.COMMAND,
    doctor.COMMAND,
    audit.COMMAND,
    redrive.COMMAND,
    migrate.COMMAND,
    policy.COMMAND,
    guard.COMMAND,
    tool.COMMAND,
    chaos.COMMAND,
    redteam.COMMAND,
    fuzz.COMMAND,
    bench.COMMAND,
    completion.COMMAND,
    help_command.COMMAND,
)
"""In the order that help shows them."""

__all__ = ["COMMANDS"]
