"""The methods that can be called from outside, by version, and the two ways in which the protocols call them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metta_local.odoo import errors, orm, writing
from metta_local.odoo.rights import check_access_rights, has_access
from metta_local.odoo.world import Database, World


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
    for found in (*_METHODS.get((model, method), ()), *_METHODS.get(("", method), ())):
        if found.since <= version <= found.until:
            return found
    raise errors.no_such_method(model, method, version)


def _run(
    method: Method, database: Database, context: Any, model: str, args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    try:
        return method.run(World(database, dict(context)), model, *args, **options)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise errors.OdooError(f"builtins.{type(error).__name__}", str(error)) from error


_METHODS: dict[tuple[str, str], tuple[Method, ...]] = {
    ("", "search"): (Method(orm.search, since=16), Method(orm.search_as_in_15, until=15)),
    ("", "search_count"): (Method(orm.search_count, since=16), Method(orm.search_count_as_in_15, until=15)),
    ("", "search_read"): (Method(orm.search_read),),
    ("", "read"): (Method(orm.read, of_records=True),),
    ("", "fields_get"): (Method(orm.fields_get),),
    ("", "create"): (Method(writing.create),),
    ("", "write"): (Method(writing.write, of_records=True),),
    ("", "unlink"): (Method(writing.unlink, of_records=True),),
    ("", "copy"): (Method(writing.copy, of_records=True),),
    ("", "check_access_rights"): (Method(check_access_rights, until=18),),
    ("", "has_access"): (Method(has_access, of_records=True, since=18),),
    ("res.users", "context_get"): (Method(orm.context_get),),
}
