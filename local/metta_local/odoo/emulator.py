"""The emulated server: its endpoints, with faults on demand.

Serve ``OdooEmulator().app`` with ``metta_local.serving.LoopbackServer`` and point ``ODOO_*`` at it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from metta_local.odoo import accounts, database
from metta_local.odoo.broken import ConnectionApp
from metta_local.odoo.json2 import SINCE, Json2
from metta_local.odoo.jsonrpc import JsonRpc, answer
from metta_local.odoo.rights import EVERYTHING
from metta_local.odoo.schema import MODULES, models_of
from metta_local.odoo.server import OdooCall, Server, not_found
from metta_local.odoo.versions import Version
from metta_local.odoo.world import Database

__all__ = ["OdooCall", "OdooEmulator"]

_ANY_METHOD = ("GET", "POST", "PUT", "DELETE", "PATCH")


class OdooEmulator(Server):
    """An Odoo with a small shop in memory; its attributes are those of ``Server``.

    Args:
        version: ``15.0`` to ``19.0``, also as ``saas~19.1`` or ``19.0+e``.
        modules: installed modules of ``schema.MODULES``; all of them unless given.
        denied: models that the bot's user may not read, for example ``stock.quant``.
        writable: models whose records it may also create, change and delete.
        api_key: the key that is accepted.
        unaccent: whether searches with ``ilike`` ignore accents.
        rpc: whether the RPC services are there; they end with Odoo 22 and can be hidden before.

    Attributes:
        app: the ASGI application.
    """

    def __init__(
        self,
        version: str = "18.0",
        modules: Iterable[str] | None = None,
        *,
        denied: Iterable[str] = (),
        writable: Iterable[str] = (),
        api_key: str = "emulated-odoo-key",
        unaccent: bool = False,
        rpc: bool = True,
    ) -> None:
        major = Version(version).major
        installed = MODULES if modules is None else frozenset(modules)
        data = Database(
            models_of(major, installed),
            database.tables(major) | accounts.tables(major, installed),
            version=major,
            denied=set(denied),
            access=dict.fromkeys(accounts.FOR_ADMINISTRATORS, frozenset()) | dict.fromkeys(writable, EVERYTHING),
            unaccent=unaccent,
        )
        accounts.join_groups(data.rows["res.users"], major)
        super().__init__(version, data, api_key=api_key, rpc=rpc)
        json2 = Json2(self)
        self.app = ConnectionApp(
            routes=[
                Route("/web/webclient/version_info", self._version_info, methods=["POST"]),
                Route("/web/version", self._web_version, methods=["GET", "POST"]),
                Route("/json/version", self._web_version, methods=["GET", "POST"]),
                Route("/jsonrpc", JsonRpc(self).__call__, methods=["POST"]),
                Route("/json/2/{model}/{method}", json2.__call__, methods=_ANY_METHOD),
                Route("/json/2", json2.__call__, methods=_ANY_METHOD),
                Route("/json/2/{rest:path}", json2.__call__, methods=_ANY_METHOD),
            ],
            exception_handlers={404: lambda _request, _error: not_found()},
        )

    def revoke_key(self, new_key: str = "another-key") -> None:
        """Let the present key stop working, as after a revocation."""
        self.api_key = new_key

    def key_expires(self, when: datetime | None) -> None:
        """Let the bot's key expire at ``when``, or never.

        Raises:
            ValueError: keys expire since Odoo 18 only.
        """
        if self.release.major < accounts.KEYS_EXPIRE_SINCE:
            raise ValueError(f"keys of Odoo {self.version} do not expire")
        row = self.data.rows["res.users.apikeys"][accounts.BOT_KEY_ID]
        row["expiration_date"] = when and when.astimezone(UTC).strftime(accounts.DATETIME)

    async def _version_info(self, request: Request) -> Response:
        self.count_connection(request)
        return answer(await request.json(), {"result": self.release.about()})

    async def _web_version(self, request: Request) -> Response:
        """Odoo 19's answer without a key; a POST would need a form's token."""
        self.count_connection(request)
        if self.release.major < SINCE:
            return not_found()
        if request.method != "GET":
            return HTMLResponse("<p>Session expired (invalid CSRF token)</p>", status_code=400)
        return JSONResponse({"version_info": self.release.info, "version": self.release.name})
