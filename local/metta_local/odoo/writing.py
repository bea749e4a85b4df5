"""The ORM methods that change records, for a bot that may: what Metta must never be able to do can be seen to happen.

Values are taken as they come, without Odoo's defaults, computations and constraints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from metta_local.odoo import errors
from metta_local.odoo.database import Row
from metta_local.odoo.world import World


def create(world: World, model: str, vals_list: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> int | list[int]:
    """New records; the id for one mapping of values, ids for a list of them."""
    world.check_access(model, "create")
    if isinstance(vals_list, Mapping):
        return _add(world, model, vals_list)
    return [_add(world, model, values) for values in vals_list]


def write(world: World, model: str, ids: Sequence[int], vals: Mapping[str, Any]) -> bool:
    """Change records."""
    world.check_access(model, "write")
    _check_names(world, model, vals)
    for identifier in ids:
        _row(world, model, identifier).update(vals)
    return True


def unlink(world: World, model: str, ids: Sequence[int]) -> bool:
    """Delete records."""
    world.check_access(model, "unlink")
    for identifier in ids:
        del world.database.rows[model][_row(world, model, identifier)["id"]]
    return True


def copy(world: World, model: str, ids: Sequence[int], default: Mapping[str, Any] | None = None) -> list[int]:
    """Duplicate records."""
    world.check_access(model, "create")
    return [_add(world, model, _row(world, model, identifier) | dict(default or {})) for identifier in ids]


def _add(world: World, model: str, values: Mapping[str, Any]) -> int:
    rows = world.database.rows[model]
    _check_names(world, model, values if values.get("id") is None else {})
    identifier = max(rows, default=0) + 1
    rows[identifier] = dict.fromkeys(world.fields(model)) | {"active": True} | dict(values) | {"id": identifier}
    return identifier


def _check_names(world: World, model: str, values: Mapping[str, Any]) -> None:
    for name in values:
        if name not in world.fields(model):
            raise errors.invalid_field(name, model)


def _row(world: World, model: str, identifier: int) -> Row:
    row = world.database.rows[model].get(identifier)
    if row is None:
        raise errors.missing_record(model, identifier)
    return row
