"""Variables that put a real service in the place of an embedded one: is it there, and is it one to be played with?"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from metta_local.console import CommandError
from metta_local.doctor.loopback import is_loopback

NAMING = ("AWS_SQS_QUEUE_URL", "DATABASE_URL", "CHATWOOT_BASE_URL", "ODOO_URL", "OPENAI_BASE_URL")
"""Each names a service that is then used as it is."""
CONNECT_SECONDS = 2.0


def check(environ: Mapping[str, str]) -> None:
    """Look at what is named before anything is started.

    Raises:
        CommandError: real customers' messages would be taken off their queue, or nothing listens where a variable
            points on this machine, as after ``. up.env`` once that stack has ended.
    """
    given = {name: environ[name] for name in NAMING if environ.get(name)}
    if not environ.get("OPENAI_API_KEY"):
        given.pop("OPENAI_BASE_URL", None)  # without a key the emulated model takes its place anyway
    elsewhere = not any(_is_here(environ.get(name, "")) for name in ("AWS_SQS_QUEUE_URL", "AWS_ENDPOINT_URL"))
    if "AWS_SQS_QUEUE_URL" in given and elsewhere and "CHATWOOT_BASE_URL" not in given:
        raise CommandError(
            "AWS_SQS_QUEUE_URL is set and CHATWOOT_BASE_URL is not: what is on that queue would be taken off it and "
            "answered to an emulated Chatwoot. Unset it, or give `metta up` the queue's own Chatwoot as well"
        )
    dead = [name for name, url in given.items() if _is_dead(url)]
    if dead:
        raise CommandError(
            f"{', '.join(dead)}: set, but nothing listens there; if a `metta up` that has ended left "
            f"{'it' if len(dead) == 1 else 'them'} in this shell, `unset {' '.join(dead)}` or open a new one"
        )


def _is_here(url: str) -> bool:
    """Whether it is an address of this machine, such as an embedded AWS has."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)


def _is_dead(url: str) -> bool:
    """Whether an address of this machine refuses connections; of any other, and of what is none, nothing is said."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or port is None or not is_loopback(host):
        return False
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
