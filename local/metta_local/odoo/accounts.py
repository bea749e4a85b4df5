"""Rows that belong to no shop: the bot's groups and its API key, and the modules that are installed."""

from __future__ import annotations

from datetime import UTC, datetime

from metta_local.odoo.database import BOT_USER_ID, Row, Tables

BOT_KEY_ID = 31
DATETIME = "%Y-%m-%d %H:%M:%S"
"""How Odoo writes a point in time, in UTC."""
KEYS_EXPIRE_SINCE = 18
FOR_ADMINISTRATORS = ("ir.module.module",)
"""Models whose records an ordinary user may not even read."""
_GROUPS = {1: "User types / Internal User", 41: "Sales / Metta: read-only"}
_BASE_MODULES = {"base", "web", "mail", "product", "account"}


def tables(version: int, modules: frozenset[str]) -> Tables:
    """Fresh rows, by model and id."""
    key: Row = {
        "id": BOT_KEY_ID,
        "name": "Metta",
        "user_id": BOT_USER_ID,
        "scope": "rpc",
        "create_date": datetime.now(UTC).strftime(DATETIME),
    }
    if version >= KEYS_EXPIRE_SINCE:
        key["expiration_date"] = None
    installed = sorted(_BASE_MODULES | modules)
    return {
        "res.groups": {
            number: {"id": number, "full_name": name, "name": name.rpartition(" / ")[2]}
            for number, name in _GROUPS.items()
        },
        "res.users.apikeys": {BOT_KEY_ID: key},
        "ir.module.module": {
            number: {"id": number, "name": name, "shortdesc": name.replace("_", " ").title(), "state": "installed"}
            for number, name in enumerate(installed, start=1)
        },
    }


def join_groups(users: dict[int, Row], version: int) -> None:
    """Make every user an internal one, and the bot a member of its own group besides."""
    for user in users.values():
        user["group_ids" if version >= 19 else "groups_id"] = [1, 41] if user["id"] == BOT_USER_ID else [1]
