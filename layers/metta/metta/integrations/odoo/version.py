"""Which Odoo it is: asked once per process, without a login, and decides which protocol is spoken."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from metta.integrations.odoo.transport import Call, HttpStatusError, Wire

FIRST_WITH_JSON2 = 19
_ASK = b'{"jsonrpc": "2.0", "method": "call", "params": {}}'
_SAAS = re.compile(r"(?:saas[~-])?([0-9]{1,3})")


@dataclass(frozen=True)
class OdooVersion:
    """A release of Odoo.

    Attributes:
        major: 15 to 19 and later; 0 when the server does not say.
        name: as the server calls it, for example ``18.0`` or ``saas~19.1``; for operators, not for customers.
    """

    major: int = 0
    name: str = "unknown"

    @property
    def has_json2(self) -> bool:
        """Whether the JSON-2 API should be there; before, and where the version is not known, there is only RPC."""
        return self.major >= FIRST_WITH_JSON2


def ask_version(wire: Wire, call: Call) -> OdooVersion:
    """The server's version; an unknown one where neither endpoint tells it.

    ``version_info`` answers on every release so far; ``/web/version`` (19 and later) is meant to outlive it.

    Raises:
        HttpStatusError: the server is in trouble (status 429 or 5xx).
        ValueError, OSError, http.client.HTTPException: its answers cannot be read, or there is none.
    """
    unreadable = False
    for method, path, body in (("POST", "/web/webclient/version_info", _ASK), ("GET", "/web/version", None)):
        try:
            told = json.loads(wire.request(call, method, path, body, {"Content-Type": "application/json"}))
        except HttpStatusError as failure:
            if failure.status == 429 or failure.status >= 500:
                raise
            continue
        if (found := _read(told)) is not None:
            return found
        unreadable = True
    if unreadable:
        raise ValueError("no version in the answer")
    return OdooVersion()


def _read(told: Any) -> OdooVersion | None:
    if not isinstance(told, dict):
        return None
    inner = told.get("result", told)
    if not isinstance(inner, dict):
        return None
    info = inner.get("server_version_info", inner.get("version_info"))
    first = info[0] if isinstance(info, list) and info else None
    match = _SAAS.fullmatch(str(first))
    if match is None:
        return None
    name = inner.get("server_version", inner.get("version"))
    return OdooVersion(int(match[1]), name[:40] if isinstance(name, str) else match[1])
