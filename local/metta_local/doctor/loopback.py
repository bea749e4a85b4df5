"""Whether a host is this machine itself, whose traffic nobody else sees."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Of a name or an address; a path, as of a socket, is this machine as well."""
    if host.lower() in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
