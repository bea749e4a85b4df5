"""``metta up``: the embedded stack and a worker, running until stopped."""

from __future__ import annotations

import json
import logging
import shlex
import sys
import time
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from metta.console import HEALTH, SIMULATE
from metta.settings import Settings
from metta_local.console import CommandError
from metta_local.migrate_command import require_current
from metta_local.serving import LoopbackServer
from metta_local.stack import ODOO_VERSION, LocalStack

if TYPE_CHECKING:
    from metta_local.inprocess import InProcessWorker

PORTS = {"aws": 4566, "chatwoot": 3000, "odoo": 8069, "model": 8080}
"""Where ``events/local.env.json`` expects the services, so that ``sam local invoke`` finds them."""
LOOK_SECONDS = 0.5
"""Between looks at signals: one that the system gives to another thread does not wake the main thread."""


def run(
    *,
    as_json: bool = False,
    deployed: bool = False,
    directory: str | None = None,
    odoo_version: str = ODOO_VERSION,
) -> int:
    """Start everything, print the variables that point at it, and run until SIGINT or SIGTERM.

    Standard output carries the variables alone; logs go to standard error.

    Args:
        as_json: print ``{"environment": {...}, "services": {...}, "webhook": "...", "console": "..."}`` on one line.
        deployed: run the built template on the embedded AWS instead of the handler in this process.
        directory: where data and logs live; None keeps nothing.
        odoo_version: which release the embedded Odoo is.

    Raises:
        CommandError: something does not start; nothing is left running.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    home = Path(directory).resolve() if directory else None
    stack = LocalStack(directory=home, deploy=deployed, ports=PORTS, odoo_version=odoo_version)
    out, console_url = sys.stdout, None
    with redirect_stdout(sys.stderr), ExitStack() as running:
        try:
            running.enter_context(stack)
            require_current(stack.settings())
            if not deployed:
                running.enter_context(stack.applied())
                from metta_local.inprocess import InProcessWorker
                from metta_local.watching import EVERY_SECONDS

                worker = running.enter_context(InProcessWorker(stack.settings(), watchdog_seconds=EVERY_SECONDS))
                console_url = _console(stack.settings(), worker, running)
        except RuntimeError as error:
            raise CommandError(str(error)) from None
        _show(stack, out, console_url, as_json=as_json)
        try:
            while True:
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            print("metta: stopping", file=sys.stderr, flush=True)
    return 0


def _console(settings: Settings, worker: InProcessWorker, running: ExitStack) -> str:
    """Serve the console beside the worker, on the worker's own pipeline; gives its URL."""
    from metta.bootstrap.console import build_console
    from metta_local.console_server import ConsoleServer

    console = build_console(settings, pipeline=worker.handler.pipeline)
    running.callback(console.close)
    return running.enter_context(LoopbackServer(ConsoleServer(console).app)).url


def _show(stack: LocalStack, out: TextIO, console_url: str | None, *, as_json: bool) -> None:
    environment = dict(sorted(stack.environment().items()))
    if as_json:
        shown = {
            "environment": environment,
            "services": stack.describe(),
            "webhook": stack.receiver_url,
            "console": console_url,
        }
        print(json.dumps(shown), file=out, flush=True)
        return
    for service, facts in stack.describe().items():
        print(f"# {service}: {'emulated' if facts['emulated'] else 'real'}, {facts['what']}", file=out)
    if stack.receiver_url:
        print(f"# Chatwoot's webhooks go to {stack.receiver_url}", file=out)
    if console_url:
        print(f"# console: GET {console_url}{HEALTH}, POST {console_url}{SIMULATE}", file=out)
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}", file=out)
    print("# running; Ctrl-C stops everything", file=out, flush=True)
