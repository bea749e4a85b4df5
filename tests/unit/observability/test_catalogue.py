"""The list of metrics is whole, each of them is really emitted, and its words are those that the code gives."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import metta
from metta import errors
from metta.ai.tools import SPECS
from metta.errors import DependencyDown, Retry
from metta.integrations.chatwoot.filter import SkipReason
from metta.messages import Action, Direction
from metta.observability import METRICS, Dimension, Metric
from unit.test_handoff_words import CHECKS, found_in_source, verdict_reasons

SOURCE = Path(metta.__file__).parent
FUNCTIONS = Path(__file__).parents[3] / "functions"


def words(metric: Metric, name: Dimension) -> frozenset[str]:
    return METRICS[metric].words[name]


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from ((path.relative_to(SOURCE).as_posix(), node) for node in ast.walk(tree))


def texts(node: ast.AST) -> set[str]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def given_for(outcome: str) -> set[str]:
    """Reasons that stand beside an outcome in an assignment of both, as far as they are literals."""
    found: set[str] = set()
    for _, node in nodes():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            values = node.value.elts
            if ast.unparse(values[0]) == f"Outcome.{outcome}" and isinstance(values[1], ast.Constant):
                found.add(str(values[1].value))
    return found


def closed_reasons() -> set[str]:
    (function,) = (
        node
        for path, node in nodes()
        if path == "conversation.py" and isinstance(node, ast.FunctionDef) and node.name == "closed_reason"
    )
    returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return {one.value for one in returned if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def subclasses(kind: type) -> set[str]:
    below = kind.__subclasses__()
    return {one.__name__ for one in below if one.__module__ == errors.__name__}.union(*map(subclasses, below))


def test_the_list_has_every_metric_and_the_code_emits_each_of_them() -> None:
    assert set(METRICS) == set(Metric)
    emitted = {
        node.attr
        for path, node in nodes()
        if not path.startswith("observability/catalogue")
        and isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Metric"
    }
    assert {metric.name for metric in Metric} == emitted


def test_metrics_cannot_become_many() -> None:
    assert sum(spec.most_series for spec in METRICS.values()) < 250
    for spec in METRICS.values():
        assert all(set(names) <= set(spec.words) for names in spec.by)
        assert all(len(names) <= 2 for names in spec.by)


def test_handoffs_are_split_by_every_reason_that_the_code_gives() -> None:
    reasons, _ = found_in_source()
    heads = {reason.partition(":")[0] for reason in (*reasons, *verdict_reasons())}
    assert heads == words(Metric.TURNS_HANDED_OFF, Dimension.REASON)


def test_drops_and_skips_are_split_by_every_reason_that_the_code_gives() -> None:
    assert len(closed_reasons()) == 5
    drops = closed_reasons() | given_for("DROPPED")
    for _, node in nodes():
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("drop", "self._clear"):
            drops |= texts(node.args[2])
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("state.takeover"):
            drops |= texts(node.value)
    assert {"overtaken", "conversation_gone", "handed_off", "nobody_waits"} <= drops
    assert drops == words(Metric.TURNS_DROPPED, Dimension.REASON)
    skips = closed_reasons() | given_for("SKIPPED") | {"human_took_over"}
    assert skips == words(Metric.TURNS_SKIPPED, Dimension.REASON)
    assert {str(reason) for reason in SkipReason} == words(Metric.RECORDS_SKIPPED, Dimension.REASON)


def test_the_other_words_are_those_of_the_code() -> None:
    assert words(Metric.RECORDS_RETRIED, Dimension.CAUSE) >= subclasses(Retry) - {"DependencyDown", "NotYet"}
    dependencies = {str(vars(kind)["dependency"]) for kind in DependencyDown.__subclasses__()}
    assert words(Metric.DEPENDENCY_FAILURES, Dimension.DEPENDENCY) == dependencies
    assert words(Metric.TOOL_CALLS, Dimension.TOOL) == set(SPECS)
    assert words(Metric.VERDICTS, Dimension.ACTION) == {str(action) for action in Action}
    assert words(Metric.VERDICTS, Dimension.DIRECTION) == {str(direction) for direction in Direction}
    assert words(Metric.VERDICTS, Dimension.CHECK) == {*CHECKS, "none", "broken"}
    deployed = {path.name for path in FUNCTIONS.iterdir() if path.is_dir()}
    assert deployed <= words(Metric.COLD_STARTS, Dimension.FUNCTION)
