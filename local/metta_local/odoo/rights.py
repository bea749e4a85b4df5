"""Asking for the bot's rights, as ``metta doctor`` does: which of the versions' methods for it says what."""

from __future__ import annotations

from collections.abc import Sequence

from metta_local.odoo import errors
from metta_local.odoo.world import World

OPERATIONS = ("read", "write", "create", "unlink")
EVERYTHING = frozenset(OPERATIONS)


def check_access_rights(world: World, model: str, operation: str, raise_exception: bool = True) -> bool:
    """Until Odoo 18: whether the rights on the model cover the operation; else, unless told otherwise, an error."""
    _check_operation(operation)
    if raise_exception:
        world.check_access(model, operation)
    return world.database.may(operation, model)


def has_access(world: World, model: str, ids: Sequence[int], operation: str) -> bool:
    """Since Odoo 18: the same, and that no rule hides any of the records."""
    _check_operation(operation)
    visible = {row["id"] for row in world.visible(model)}
    hidden = world.database.rows.get(model, {}).keys() - visible
    return world.database.may(operation, model) and hidden.isdisjoint(ids)


def _check_operation(operation: str) -> None:
    if operation not in OPERATIONS:
        raise errors.OdooError("builtins.AssertionError", "Invalid access mode")
