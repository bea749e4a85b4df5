"""Evaluates Odoo's search domains: prefix notation, wildcards, dotted paths, and what Odoo does with odd values.

A domain is compiled before any row is looked at, so that a bad value fails as it does in PostgreSQL, rows or none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from metta_local.odoo import errors
from metta_local.odoo.database import Row
from metta_local.odoo.patterns import like
from metta_local.odoo.schema import Field
from metta_local.odoo.world import World

Predicate = Callable[[Row], bool]

_TEXTS = ("char", "text", "html", "selection")
_NUMBERS = ("integer", "float", "monetary")
_RELATIONS = ("many2one", "one2many", "many2many")
_PATTERNS = ("like", "ilike", "=like", "=ilike", "not like", "not ilike")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: bool(a < b),
    ">": lambda a, b: bool(a > b),
    "<=": lambda a, b: bool(a <= b),
    ">=": lambda a, b: bool(a >= b),
}
_OPERATORS = {"=", "!=", "in", "not in", "child_of", *_PATTERNS, *_COMPARISONS}
_MAX_INTEGER = 2**31 - 1


def compile_domain(world: World, model: str, domain: Sequence[Any]) -> Predicate:
    """A function that says of a row whether it matches.

    Raises:
        OdooError: an unknown field or operator, a malformed domain, or a value that PostgreSQL refuses.
    """
    remaining = _normalized(domain)
    return _expression(world, model, remaining) if remaining else lambda _row: True


def _normalized(domain: Sequence[Any]) -> list[Any]:
    """The domain with the ``&`` that stands between its terms written out."""
    result: list[Any] = []
    expected = 1
    for token in domain:
        if expected == 0:
            result.insert(0, "&")
            expected = 1
        if isinstance(token, str):
            if token not in ("&", "|", "!"):
                raise errors.OdooError("builtins.ValueError", f"Invalid domain term {token!r}")
            expected += token != "!"
        elif isinstance(token, list | tuple) and len(token) == 3:
            expected -= 1
        else:
            raise errors.OdooError("builtins.ValueError", f"Invalid domain term {token!r}")
        result.append(token)
    if expected and result:
        raise errors.OdooError("builtins.ValueError", f"Domain {list(domain)!r} is malformed")
    return result


def _expression(world: World, model: str, tokens: list[Any]) -> Predicate:
    token = tokens.pop(0)
    if token == "!":
        operand = _expression(world, model, tokens)
        return lambda row: not operand(row)
    if token in ("&", "|"):
        left = _expression(world, model, tokens)
        right = _expression(world, model, tokens)
        if token == "&":
            return lambda row: left(row) and right(row)
        return lambda row: left(row) or right(row)
    path, operator, value = token
    if path in (0, 1) and operator == "=" and value == 1:
        return lambda _row: path == 1
    if operator not in _OPERATORS:
        raise errors.OdooError("builtins.ValueError", f"Invalid operator {operator!r} in domain term {token!r}")
    return _leaf(world, model, str(path), operator, value)


def _leaf(world: World, model: str, path: str, operator: str, value: Any) -> Predicate:
    name, _, rest = path.partition(".")
    field = world.fields(model).get(name)
    if field is None or not field.searchable or (rest and field.type not in _RELATIONS):
        if world.database.version >= 19:
            raise errors.invalid_condition(model, name, (path, operator, value))
        raise errors.invalid_field(path if field and rest else name, model)
    if rest:
        # A path through a many2one also finds archived records; one through x2many does not.
        matching = search_ids(world, field.relation, [(rest, operator, value)], archived=field.type == "many2one")
        return lambda row: bool(_ids(world.value(model, row, name)) & matching)
    _check_value(field, name, operator, value)
    if operator == "child_of":
        return _child_of(world, model, name, field, value)
    if field.type in _RELATIONS:
        return _relation(world, model, name, field, operator, value)
    if operator in _PATTERNS:
        return _like(world, lambda row: world.value(model, row, name), operator, value)
    return _plain(lambda row: world.value(model, row, name), field, operator, value)


def search_ids(world: World, model: str, domain: Sequence[Any], *, archived: bool) -> set[int]:
    """Ids of the records that match.

    Args:
        world: database and context.
        model: where to search.
        domain: what for.
        archived: whether archived records count; else only where the domain itself asks for ``active``.
    """
    fields = world.fields(model)
    world.check_access(model)
    matches = compile_domain(world, model, domain)
    asked = any(isinstance(term, list | tuple) and term[0] == "active" for term in domain)
    hide = "active" in fields and not archived and not asked
    return {row["id"] for row in world.visible(model) if matches(row) and (row.get("active", True) or not hide)}


def _check_value(field: Field, name: str, operator: str, value: Any) -> None:
    for each in value if isinstance(value, list | tuple) else (value,):
        if isinstance(each, str) and "\0" in each:
            raise errors.nul_in_text()
        if field.type in _NUMBERS and operator not in (*_PATTERNS, "child_of"):
            check_number(name, field.type, each)


def check_number(column: str, kind: str, value: object) -> None:
    """Raise what PostgreSQL does about a value that is no number of this kind."""
    if isinstance(value, str):
        raise errors.bad_integer(column, value)
    if value is True:
        raise errors.not_a_number(column)
    if kind == "integer" and isinstance(value, int) and abs(value) > _MAX_INTEGER:
        raise errors.out_of_range(column)


def _ids(value: Any) -> set[int]:
    if isinstance(value, list):
        return set(value)
    return set() if value is None else {value}


def _child_of(world: World, model: str, name: str, field: Field, value: Any) -> Predicate:
    target = field.relation if field.type in _RELATIONS else model
    found = _named(world, target, value, "ilike")
    rows = world.database.rows[target]
    while more := {row["id"] for row in rows.values() if row.get("parent_id") in found} - found:
        found |= more
    if field.type in _RELATIONS:
        return lambda row: bool(_ids(world.value(model, row, name)) & found)
    return lambda row: row["id"] in found


def _named(world: World, model: str, value: Any, operator: str) -> set[int]:
    """Ids that a value for a relation means; a string is searched for as a name."""
    found: set[int] = set()
    for each in value if isinstance(value, list | tuple) else (value,):
        if isinstance(each, str):
            world.check_access(model)
            matches = like(operator, each, unaccent=world.database.unaccent)
            names = ((row["id"], world.display_name(model, row["id"])) for row in world.visible(model))
            found |= {identifier for identifier, shown in names if matches(shown)}
        elif isinstance(each, int) and not isinstance(each, bool):
            if abs(each) > _MAX_INTEGER:
                raise errors.out_of_range(f"{model}.id")
            found.add(each)
    return found


def _relation(world: World, model: str, name: str, field: Field, operator: str, value: Any) -> Predicate:
    def of(row: Row) -> set[int]:
        return _ids(world.value(model, row, name))

    if value in (False, None, []) and operator in ("=", "!="):
        return (lambda row: not of(row)) if operator == "=" else (lambda row: bool(of(row)))
    pattern = operator.removeprefix("not ") if operator in _PATTERNS else "=like"
    found = _named(world, field.relation, value, pattern)
    if operator in ("!=", "not in", "not like", "not ilike"):
        return lambda row: not of(row) & found
    return lambda row: bool(of(row) & found)


def _plain(get: Callable[[Row], Any], field: Field, operator: str, value: Any) -> Predicate:
    if operator in _COMPARISONS:
        compare = _COMPARISONS[operator]
        return lambda row: get(row) is not None and compare(get(row), value)
    # "=" with a list is "in"; False means empty, which for bool and numbers is their zero.
    wanted = list(value) if isinstance(value, list | tuple) else [value]
    if operator in ("in", "not in") and not isinstance(value, list | tuple | bool):
        raise errors.OdooError("builtins.ValueError", f"Invalid value {value!r} for operator {operator!r}")

    def equal(row: Row) -> bool:
        held = get(row)
        if field.type == "boolean":
            return bool(held) in [bool(each) for each in wanted]
        empty = held is None or held == ""
        if any(each is False or each is None for each in wanted) and (empty or held == 0):
            return True
        if field.type in _TEXTS:
            return not empty and held in [str(each) for each in wanted if each is not False and each is not None]
        return held is not None and held in [each for each in wanted if each is not False]

    return (lambda row: not equal(row)) if operator in ("!=", "not in") else equal


def _like(world: World, get: Callable[[Row], Any], operator: str, value: Any) -> Predicate:
    text = "" if value is False or value is None else str(value)
    if not text and not operator.startswith("="):
        return lambda _row: not operator.startswith("not")
    matches = like(operator.removeprefix("not "), text, unaccent=world.database.unaccent)
    if operator.startswith("not"):
        return lambda row: get(row) is None or not matches(str(get(row)))
    return lambda row: get(row) is not None and matches(str(get(row)))
