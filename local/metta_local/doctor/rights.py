"""What the bot's user can do beyond reading what the tools tell, and how long its key holds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from metta.integrations.odoo import OdooClient
from metta.integrations.odoo.port import FieldMissing, NoAccess, Refused
from metta_local.doctor.check import Check, fail, ok, skip, warn

WATCHED = (
    "sale.order",
    "sale.order.line",
    "stock.picking",
    "account.move",
    "product.template",
    "res.partner",
    "res.users",
)
"""Models that the bot must not change."""
CHANGES = ("write", "create", "unlink")
KEY_DAYS = 14
"""So many days before a key expires it is time to replace it."""
_AT_A_TIME = 6
_RECIPE = "docs/odoo.md"
_KEY_SCOPES = (False, None, "", "rpc")
"""Scopes of keys that log in; keys of other scopes, such as remembered devices, do not."""


async def changes(client: OdooClient) -> Check:
    """Which of the watched models the user may change.

    Raises:
        OdooDown: the server cannot be asked.
    """
    gate = asyncio.Semaphore(_AT_A_TIME)

    async def granted(model: str, operation: str) -> str | None:
        async with gate:
            return operation if await _may(client, model, operation) else None

    found: list[str] = []
    for model in WATCHED:
        given = await asyncio.gather(*(granted(model, operation) for operation in CHANGES))
        if some := [operation for operation in given if operation]:
            found.append(f"{model} ({', '.join(some)})")
    if not found:
        return ok("odoo.changes", "none of orders, deliveries, invoices, products, partners and users can be changed")
    return warn(
        "odoo.changes",
        f"ODOO_USERNAME may change {'; '.join(found)}: Metta never does, but whoever gets hold of the key could",
        f"take every other group from the user; 'Metta: read-only' is enough ({_RECIPE})",
    )


async def administrator(client: OdooClient) -> Check:
    """Whether the user may give itself any right.

    Raises:
        OdooDown: the server cannot be asked.
    """
    if await _may(client, "res.users", "write") or await _may(client, "ir.model.access", "write"):
        return fail(
            "odoo.administrator",
            "ODOO_USERNAME administers Odoo: it can change users and access rights",
            f"make a user of its own for Metta ({_RECIPE}) and withdraw this key",
        )
    return ok("odoo.administrator", "the user does not administer Odoo")


async def sees_more(client: OdooClient) -> Check:
    """What the user can read that Metta has no use for; an internal user always can.

    Raises:
        OdooDown: the server cannot be asked.
    """
    seen = []
    if "standard_price" in await client.fields_get("product.product", ["standard_price"]):
        seen.append("cost prices (product.product, standard_price)")
    if await _may(client, "res.partner.bank", "read"):
        seen.append("bank accounts (res.partner.bank)")
    if not seen:
        return ok("odoo.sees_more", "neither cost prices nor bank accounts can be read")
    return warn(
        "odoo.sees_more",
        f"ODOO_USERNAME can also read {' and '.join(seen)}, as every internal user can; Metta's code never asks",
        f"keep the key secret; {_RECIPE} describes a user of the portal, who sees neither",
    )


async def companies(client: OdooClient, username: str) -> Check:
    """Whether the user belongs to one company.

    Raises:
        OdooDown: the server cannot be asked.
    """
    try:
        rows = await client.search_read("res.users", [("login", "=", username)], ["company_ids"], limit=1, order="id")
    except (NoAccess, FieldMissing, Refused):
        rows = []
    ids = rows[0].get("company_ids") if rows else None
    if not isinstance(ids, list):
        return skip("odoo.company", "which companies the user belongs to is not known")
    count = len(ids)
    if count <= 1:
        return ok("odoo.company", "the user belongs to one company")
    return warn(
        "odoo.company",
        f"ODOO_USERNAME belongs to {count} companies: products and orders of all of them are looked up",
        f"leave it the one that Metta answers for ({_RECIPE})",
    )


async def key_expiry(client: OdooClient, username: str, *, major: int, now: datetime | None = None) -> Check:
    """How long the key holds. Which of several keys is used cannot be seen, so the first to expire counts.

    Raises:
        OdooDown: the server cannot be asked.
    """
    name = "odoo.key"
    fields = ["id", "scope"] + (["expiration_date"] if major >= _EXPIRES_SINCE else [])
    try:
        rows = await client.search_read(
            "res.users.apikeys", [("user_id.login", "=", username)], fields, limit=50, order="id"
        )
    except (NoAccess, FieldMissing, Refused):
        return skip(name, "when the key expires is not known")
    keys = [row for row in rows if row.get("scope") in _KEY_SCOPES]
    if not keys:
        fix = f"make a key under Preferences, Account Security ({_RECIPE})"
        return warn(name, "the user has no API key: is ODOO_API_KEY its password?", fix)
    if major < _EXPIRES_SINCE:
        return ok(name, f"keys do not expire before Odoo {_EXPIRES_SINCE}: replace it from time to time ({_RECIPE})")
    ends = [end for row in keys if (end := _time(row.get("expiration_date")))]
    if not ends:
        return ok(name, "the key does not expire")
    left = min(ends) - (now or datetime.now(UTC))
    which = "the key expires" if len(keys) == 1 else f"the first of {len(keys)} keys expires"
    when = f"{which} on {min(ends):%Y-%m-%d}"
    if left > timedelta(days=KEY_DAYS):
        return ok(name, when)
    return warn(name, f"{when}, in {max(0, left.days)} days", f"make a new key and put it in place ({_RECIPE})")


_EXPIRES_SINCE = 18


def _time(value: object) -> datetime | None:
    """One of Odoo's naive UTC date-times."""
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC) if value else None
    except ValueError:
        return None


async def _may(client: OdooClient, model: str, operation: str) -> bool:
    try:
        return await client.may(model, operation)
    except Refused:
        return False  # no such model here
