"""``metta up``: the embedded stack, a worker and the playground page, running until stopped."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from metta.console import HEALTH, SIMULATE
from metta.policy import load_policy
from metta.settings import load
from metta_local import given_services
from metta_local.console import CommandError, complain
from metta_local.console_later import ConsoleLater
from metta_local.migrate_command import require_current
from metta_local.playground.address import PORT, serve_at
from metta_local.playground.directory import held
from metta_local.playground.exports import export_lines, exported_to
from metta_local.playground.logs import Logs, logs
from metta_local.playground.stage import Playground
from metta_local.progress import Progress
from metta_local.serving import LoopbackServer
from metta_local.stack import ODOO_VERSION, LocalStack

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
    port: int = PORT,
    env_file: str | None = None,
    open_page: bool = False,
    log: str | None = None,
) -> int:
    """Start everything, print the page's address and the variables that point at it, run until SIGINT or SIGTERM.

    Standard output carries these alone; logs go to standard error, or into a file where that is a terminal.

    Args:
        as_json: print ``{"page": "...", "environment": {...}, "services": {...}, "webhook": "...", "console": "..."}``
            on one line.
        deployed: run the built template on the embedded AWS instead of a worker beside this process.
        directory: where data and logs live; None keeps nothing.
        odoo_version: which release the embedded Odoo is.
        port: of the page; 0 for any free one.
        env_file: where the variables are written, too, for as long as the stack runs.
        open_page: open the page in a browser.
        log: a file that the logs are appended to.

    Raises:
        CommandError: something does not start; nothing is left running.
        SettingsError: a variable or the policy file is malformed.
    """
    given_services.check(os.environ)
    load_policy(load().metta_policy)  # what is wrong with it is known before anything is started
    home = Path(directory).resolve() if directory else None
    stack = LocalStack(directory=home, deploy=deployed, ports=PORTS, odoo_version=odoo_version)
    out = sys.stdout
    with logs(log, home, terminal=sys.stderr.isatty()) as written, _logging(written), ExitStack() as running:
        playground = Playground(deployed=deployed, log_to=written.descriptor)
        page = serve_at(playground.server.app, port)
        running.callback(page.stop)
        if home is not None:
            running.enter_context(held(home, page.url))
        exports = running.enter_context(exported_to(Path(env_file))) if env_file else None
        running.callback(stack.stop)
        running.enter_context(playground)
        with Progress("starting the local stack"):
            shown = _start(stack, playground, running, page.url, deployed=deployed)
        if exports is not None:
            exports.write(shown["environment"])
        _show(shown, out, written.path, as_json=as_json)
        if open_page and not webbrowser.open(page.url):
            complain(f"--open: no browser was found here; open {page.url} yourself")
        try:
            while True:
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            print("metta: stopping", file=sys.stderr, flush=True)
    return 0


def _start(
    stack: LocalStack, playground: Playground, running: ExitStack, page: str, *, deployed: bool
) -> dict[str, Any]:
    """Start the stack and what belongs to it; gives what is to be shown.

    Raises:
        CommandError: something does not start.
    """
    console_url = None
    try:
        playground.load_worker()
        stack.start()
        require_current(stack.settings())
        running.enter_context(stack.applied())
        playground.start(stack)
    except RuntimeError as error:
        raise CommandError(str(error)) from None
    if not deployed:
        console = ConsoleLater(stack.settings())
        running.callback(console.close)
        console_url = running.enter_context(LoopbackServer(console)).url
    return {
        "page": page,
        "environment": dict(sorted(stack.environment().items())),
        "services": stack.describe(),
        "webhook": stack.receiver_url,
        "console": console_url,
    }


@contextmanager
def _logging(written: Logs) -> Iterator[None]:
    """This process's own logs, and whatever would else be printed, go where the worker's go."""
    with os.fdopen(os.dup(written.descriptor), "w", buffering=1, encoding="utf-8", errors="backslashreplace") as file:
        handler = logging.StreamHandler(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logging.getLogger().addHandler(handler)
        try:
            with redirect_stdout(file):
                yield
        finally:
            logging.getLogger().removeHandler(handler)


def _show(shown: dict[str, Any], out: TextIO, log: Path | None, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(shown), file=out, flush=True)
        return
    print(f"# page: {shown['page']}", file=out)
    for service, facts in shown["services"].items():
        print(f"# {service}: {'emulated' if facts['emulated'] else 'real'}, {facts['what']}", file=out)
    if shown["webhook"]:
        print(f"# Chatwoot's webhooks go to {shown['webhook']}", file=out)
    if shown["console"]:
        print(f"# console: GET {shown['console']}{HEALTH}, POST {shown['console']}{SIMULATE}", file=out)
    for line in export_lines(shown["environment"]):
        print(line, file=out)
    where = "logs follow" if log is None else f"logs are in {log}"
    print(f"# running: open {shown['page']} in a browser; Ctrl-C stops everything; {where}", file=out, flush=True)
