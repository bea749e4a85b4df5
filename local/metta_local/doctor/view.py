"""How ``metta doctor`` looks to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from metta_local.doctor.check import Check, Status

_STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red", Status.SKIP: "dim"}


def show(checks: Sequence[Check], out: TextIO) -> None:
    """A table of all checks and a line that counts them."""
    console = Console(file=out, highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("check", no_wrap=True)
    table.add_column("found", ratio=1)
    for check in checks:
        found = Text(check.found, "dim" if check.status is Status.SKIP else "")
        if check.fix:
            found.append(f"\n-> {check.fix}", "cyan")
        table.add_row(Text(check.status.value, _STYLES[check.status]), Text(check.name), found)
    console.print(table)
    counted = Counter(check.status for check in checks)
    console.print("\n" + ", ".join(f"{counted[status]} {status.value}" for status in Status if counted[status]))
