"""The ORM methods that read: searching, reading, describing fields. ``methods.py`` says which versions have which."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

from metta_local.odoo import errors
from metta_local.odoo.database import BOT_USER_ID, Row
from metta_local.odoo.domains import check_number, search_ids
from metta_local.odoo.schema import Field
from metta_local.odoo.world import World

_ORDER = re.compile(r"\s*\w+(\s+(asc|desc))?(\s*,\s*\w+(\s+(asc|desc))?)*\s*", re.IGNORECASE)


def search(
    world: World, model: str, domain: Sequence[Any], offset: int = 0, limit: int | None = None, order: str | None = None
) -> list[int]:
    """Ids in order; no limit, None and 0 mean all of them."""
    return [row["id"] for row in _found(world, model, domain, offset, limit, order)]


def search_count(world: World, model: str, domain: Sequence[Any], limit: int | None = None) -> int:
    """How many match."""
    return len(_found(world, model, domain, 0, limit, None))


def search_as_in_15(
    world: World, model: str, args: Sequence[Any], offset: int = 0, limit: int | None = None, order: str | None = None
) -> list[int]:
    """The same while its domain was named ``args``."""
    return search(world, model, args, offset, limit, order)


def search_count_as_in_15(world: World, model: str, args: Sequence[Any]) -> int:
    """The same while its domain was named ``args`` and it knew no limit."""
    return search_count(world, model, args)


def search_read(
    world: World,
    model: str,
    domain: Sequence[Any] | None = None,
    fields: Sequence[str] | None = None,
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
    **read_kwargs: Any,
) -> list[Row]:
    """Matching records; those that a rule hides are simply not among them."""
    load = inspect.signature(_read_options).bind(**read_kwargs).arguments.get("load", "_classic_read")
    names = _names(world, model, fields)
    return [_record(world, model, row, names, load) for row in _found(world, model, domain or (), offset, limit, order)]


def read(
    world: World,
    model: str,
    ids: Sequence[int],
    fields: Sequence[str] | None = None,
    load: str | None = "_classic_read",
) -> list[Row]:
    """Records by id, archived ones too; missing ones are dropped, hidden ones raise."""
    world.check_access(model)
    names = _names(world, model, fields)
    rows = {row["id"]: row for row in world.visible(model)}
    for identifier in ids:
        check_number("id", "integer", identifier)
        if identifier not in rows and identifier in world.database.rows.get(model, {}):
            raise errors.rule_error(model, identifier)
    return [_record(world, model, rows[each], names, load) for each in ids if each in rows]


def fields_get(
    world: World, model: str, allfields: Sequence[str] | None = None, attributes: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """Descriptions of the fields that exist; unknown names are left out without a word."""
    described: dict[str, dict[str, Any]] = {}
    readonly = not (world.database.may("write", model) or world.database.may("create", model))
    for name, field in world.fields(model).items():
        if allfields and name not in allfields:
            continue
        facts = {"type": field.type, "string": name.replace("_", " ").title(), "readonly": readonly, "name": name}
        if field.relation:
            facts["relation"] = field.relation
        described[name] = {key: value for key, value in facts.items() if not attributes or key in attributes}
    return described


def _found(
    world: World, model: str, domain: Sequence[Any], offset: int, limit: int | None, order: str | None
) -> list[Row]:
    if limit is not None and limit < 0:
        raise errors.negative("LIMIT")
    if offset < 0:
        raise errors.negative("OFFSET")
    if order and not _ORDER.fullmatch(order):
        raise errors.bad_order(order)
    archived = world.context.get("active_test") is False
    ids = search_ids(world, model, domain, archived=archived)
    rows = [row for row in world.visible(model) if row["id"] in ids]
    for part in reversed((order or "id").split(",")):
        name, _, direction = part.strip().partition(" ")
        if name not in world.fields(model):
            raise errors.invalid_field(name, model)
        rows.sort(key=lambda row: _sortable(world.value(model, row, name)), reverse=direction.lower() == "desc")
    return rows[offset : offset + limit] if limit else rows[offset:]


def _sortable(value: Any) -> tuple[bool, Any]:
    """Empty values last, texts without regard to case, as PostgreSQL's usual collation has it."""
    return (value is None, value.casefold() if isinstance(value, str) else 0 if value is None else value)


def _read_options(load: str | None = "_classic_read") -> None:
    """The signature of what ``search_read`` hands on to ``read``."""


def _names(world: World, model: str, fields: Sequence[str] | None) -> list[str]:
    known = world.fields(model)
    if unknown := [name for name in fields or () if name not in known]:
        raise errors.invalid_field(unknown[0], model)
    return ["id", *(name for name in (fields or known) if name != "id")]


def _record(world: World, model: str, row: Row, names: Sequence[str], load: str | None) -> Row:
    return {name: _classic(world, model, row, name, load) for name in names}


def _classic(world: World, model: str, row: Row, name: str, load: str | None) -> Any:
    """A value as the RPC gives it: False for empty, ``[id, name]`` for many2one, 0.0 for a number."""
    field = world.fields(model)[name]
    value = world.value(model, row, name)
    if field.type == "many2one":
        if not value:
            return False
        return [value, world.display_name(field.relation, value)] if load else value
    if field.type in ("one2many", "many2many"):
        return _related(world, field, value or [])
    if field.type == "boolean":
        return bool(value)
    if field.type in ("float", "monetary"):
        return float(value or 0.0)
    if field.type == "integer":
        return int(value or 0)
    return value or False


def _related(world: World, field: Field, ids: list[int]) -> list[int]:
    """Ids of the records that rules leave; until 18 a many2many is listed without the right to read what it lists."""
    if field.type == "one2many" or world.database.version >= 19:
        world.check_access(field.relation)
    allowed = {row["id"] for row in world.visible(field.relation)}
    return [each for each in ids if each in allowed]


def context_get(world: World, _model: str) -> dict[str, Any]:
    """The user's own context, which clients send with their calls."""
    user = world.database.rows["res.users"][BOT_USER_ID]
    return {"lang": "en_US", "tz": user.get("tz") or False, "uid": BOT_USER_ID}
