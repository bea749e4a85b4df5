"""The ORM methods that can be called from outside: searching and reading. Everything else is refused."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metta_local.odoo import errors, writing
from metta_local.odoo.database import BOT_USER_ID, Row
from metta_local.odoo.domains import check_number, search_ids
from metta_local.odoo.rights import check_access_rights, has_access
from metta_local.odoo.schema import Field
from metta_local.odoo.world import Database, World

_ORDER = re.compile(r"\s*\w+(\s+(asc|desc))?(\s*,\s*\w+(\s+(asc|desc))?)*\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Method:
    """A method that can be called from outside."""

    run: Callable[..., Any]
    """Takes a world, a model's name, the ids if it is of records, and then the method's own arguments."""
    of_records: bool = False
    since: int = 15
    until: int = 19


def execute(database: Database, model: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call ``method`` of ``model`` as the service ``object`` does, with positional and named arguments.

    Raises:
        OdooError: whatever Odoo would raise.
    """
    options = dict(kwargs)
    context = options.pop("context", None) or {}
    if model not in database.models:
        raise errors.no_such_model(model)
    return _run(public_method(model, method, database.version), database, context, model, args, options)


def call_named(database: Database, model: str, method: str, named: Mapping[str, Any]) -> Any:
    """Call ``method`` of ``model`` as JSON-2 does: named arguments, and ``ids`` for a method of records.

    Raises:
        OdooError: whatever Odoo would raise.
    """
    options = dict(named)
    context, ids = options.pop("context", {}), options.pop("ids", ())
    if model not in database.models:
        raise errors.http_error("NotFound", f"the model {model!r} does not exist")
    try:
        found = public_method(model, method, database.version)
    except errors.OdooError as error:
        if error.name != "builtins.AttributeError":
            raise
        raise errors.http_error("NotFound", error.message) from None
    if ids and not found.of_records:
        raise errors.http_error("UnprocessableEntity", f"cannot call {model}.{method} with ids")
    args = (ids,) if found.of_records else ()
    try:
        inspect.signature(found.run).bind(None, model, *args, **options)
    except TypeError as error:
        raise errors.http_error("UnprocessableEntity", str(error)) from None
    return _run(found, database, context, model, args, options)


def public_method(model: str, method: str, version: int) -> Method:
    """The method that may be called from outside.

    Raises:
        OdooError: it is private, or there is none.
    """
    if method.startswith("_"):
        raise errors.private_method(model, method, version)
    found = _METHODS.get((model, method)) or _METHODS.get(("", method))
    if found is None or not found.since <= version <= found.until:
        raise errors.no_such_method(model, method, version)
    return found


def _run(
    method: Method, database: Database, context: Any, model: str, args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    try:
        return method.run(World(database, dict(context)), model, *args, **options)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise errors.OdooError(f"builtins.{type(error).__name__}", str(error)) from error


def search(
    world: World, model: str, domain: Sequence[Any], offset: int = 0, limit: int | None = None, order: str | None = None
) -> list[int]:
    """Ids in order; no limit, None and 0 mean all of them."""
    return [row["id"] for row in _found(world, model, domain, offset, limit, order)]


def search_count(world: World, model: str, domain: Sequence[Any], limit: int | None = None) -> int:
    """How many match."""
    return len(_found(world, model, domain, 0, limit, None))


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
    """Ids of the records that rules leave; to list the other side of a many2one takes the right to read it."""
    if field.type == "one2many":
        world.check_access(field.relation)
    allowed = {row["id"] for row in world.visible(field.relation)}
    return [each for each in ids if each in allowed]


def context_get(_world: World, _model: str) -> dict[str, Any]:
    """The user's own context, which clients send with their calls."""
    return {"lang": "en_US", "tz": "Europe/Berlin", "uid": BOT_USER_ID}


_METHODS: dict[tuple[str, str], Method] = {
    ("", "search"): Method(search),
    ("", "search_count"): Method(search_count),
    ("", "search_read"): Method(search_read),
    ("", "read"): Method(read, of_records=True),
    ("", "fields_get"): Method(fields_get),
    ("", "create"): Method(writing.create),
    ("", "write"): Method(writing.write, of_records=True),
    ("", "unlink"): Method(writing.unlink, of_records=True),
    ("", "copy"): Method(writing.copy, of_records=True),
    ("", "check_access_rights"): Method(check_access_rights, until=18),
    ("", "has_access"): Method(has_access, of_records=True, since=18),
    ("res.users", "context_get"): Method(context_get),
}
