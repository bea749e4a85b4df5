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


def calls(*names: str) -> Iterator[ast.Call]:
    """Calls of functions and methods of these names, anywhere in the layer."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in names:
                    yield node


def logged_keys() -> set[str]:
    """Every key that a line can have."""
    keys = {"message"} | {keyword.arg for call in calls("log_keys") for keyword in call.keywords if keyword.arg}
    for call in calls("info", "warning", "error", "log"):
        extra = [keyword.value for keyword in call.keywords if keyword.arg == "extra"]
        for node in (inner for one in extra for inner in ast.walk(one)):
            if isinstance(node, ast.Dict):
                keys |= {key.value for key in node.keys if isinstance(key, ast.Constant)}
    return (
        keys | OWN_KEYS | set(end_of(eventful_turn())) | set(Rescue().fields()) | set(WatchReport.__dataclass_fields__)
    )
