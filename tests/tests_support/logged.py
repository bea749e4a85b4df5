"""The keys that the code puts on log lines, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import metta
from metta.observability.logs import OWN_KEYS
from metta.queue.rescue import Rescue
from metta.queue.telling import end_of
from metta.queue.watchdog import WatchReport
from tests_support.turns import eventful_turn

SOURCE = Path(metta.__file__).parent


def sources() -> Iterator[ast.Module]:
    """Every module of the layer."""
    for path in SOURCE.rglob("*.py"):
        yield ast.parse(path.read_text(encoding="utf-8"))


def calls(*names: str, within: ast.AST | None = None) -> Iterator[ast.Call]:
    """Calls of functions and methods of these names, in ``within`` or anywhere in the layer."""
    for tree in [within] if within is not None else sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in names:
                    yield node


def logged_keys() -> set[str]:
    """Every key that a line can have."""
    keys = {"message"} | {keyword.arg for call in calls("log_keys") for keyword in call.keywords if keyword.arg}
    for tree in sources():
        for call in calls("info", "warning", "error", "log", within=tree):
            for extra in (keyword.value for keyword in call.keywords if keyword.arg == "extra"):
                keys |= _keys(extra)
                for name in (node.id for node in ast.walk(extra) if isinstance(node, ast.Name)):
                    keys |= {key for value in _values(tree, name) for key in _keys(value)}
    return (
        keys | OWN_KEYS | set(end_of(eventful_turn())) | set(Rescue().fields()) | set(WatchReport.__dataclass_fields__)
    )


def _values(tree: ast.Module, name: str) -> Iterator[ast.expr | None]:
    """What a variable or function of a module can be, which ``extra`` is put together from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
            yield node.value
        elif isinstance(node, ast.FunctionDef) and node.name == name:
            yield from (inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return))


def _keys(value: ast.expr | None) -> set[str]:
    match value:
        case ast.Dict():
            return {key.value for key in value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
        case ast.IfExp():
            return _keys(value.body) | _keys(value.orelse)
        case ast.BinOp():
            return _keys(value.left) | _keys(value.right)
    return set()
