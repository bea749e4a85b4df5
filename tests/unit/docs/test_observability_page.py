"""docs/observability.md has every metric, word, log key and span that the code has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from metta.observability import METRICS, Dimension, Metric
from metta.timing import SPANS
from tests_support.logged import calls, logged_keys

PAGE = Path(__file__).parents[3] / "docs" / "observability.md"


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def metrics_table() -> str:
    rows = ["| metric | unit | also by | series | meaning |", "|---|---|---|--:|---|"]
    for metric, spec in METRICS.items():
        by = "; ".join(" + ".join(f"`{name}`" for name in names) for names in spec.by)
        zero = " (0)" if spec.zero else ""
        rows.append(f"| `{metric.value}` | {spec.unit.value}{zero} | {by} | {spec.most_series} | {spec.meaning} |")
    total = sum(spec.most_series for spec in METRICS.values())
    return "\n".join([*rows, f"| together | | | {total} | |"]) + "\n"


def words_table() -> str:
    rows = ["| metrics | dimension | words, besides `other` |", "|---|---|---|"]
    users: dict[tuple[Dimension, frozenset[str]], list[Metric]] = {}
    for metric, spec in METRICS.items():
        for name, words in spec.words.items():
            users.setdefault((name, words), []).append(metric)
    for (name, words), metrics in users.items():
        listed = ", ".join(f"`{metric.value}`" for metric in metrics)
        rows.append(f"| {listed} | `{name.value}` | {', '.join(f'`{word}`' for word in sorted(words))} |")
    return "\n".join(rows) + "\n"


def literals(call: ast.Call) -> set[str]:
    return {one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def test_it_lists_every_metric_with_unit_dimensions_and_meaning() -> None:
    assert block("metrics") == metrics_table()


def test_it_lists_every_word_that_a_metric_is_split_by() -> None:
    assert block("words") == words_table()


def test_it_explains_every_key_of_the_log() -> None:
    keys = logged_keys()
    assert {"turn", "conversation", "frames", "outcome", "direction", "waited_ms"} <= keys
    told = set(re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8").split("## Logs")[1].split("## Traces")[0]))
    assert keys <= told, sorted(keys - told)


def test_it_shows_every_span() -> None:
    names = {name for call in calls("span") for name in literals(call)}
    names |= {SPANS.get(name, name) for call in calls("timed") for name in literals(call)}
    assert {"batch", "conversation", "turn", "validate_input", "agent", "send", "audit", "watchdog"} <= names
    shown = set(re.findall(r"[a-z_]+", PAGE.read_text(encoding="utf-8").split("```")[1]))
    assert names <= shown, sorted(names - shown)
