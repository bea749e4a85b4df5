"""``docs/bounds.md`` is kept: every limit of the policy has its row, with the default it has and tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from metta.policy import Limits, load_policy

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "bounds.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| bound |")
]


def test_every_limit_has_one_row_with_its_default() -> None:
    documented = {row[1].strip("`").removeprefix("limits."): row[2] for row in ROWS if row[1].startswith("`limits.")}
    assert len(documented) == sum(row[1].startswith("`limits.") for row in ROWS)
    assert documented == {name: f"{value:g}" for name, value in Limits().model_dump().items()}


def test_the_packaged_policy_has_the_same_defaults() -> None:
    assert load_policy().limits == Limits()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_bound_says_what_happens_and_names_a_test_that_exists(row: list[str]) -> None:
    assert len(row) == 5
    assert row[3]
    named = re.findall(r"`(tests/[^`]+)`", row[4])
    assert named
    for test in named:
        path, _, function = test.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert not function or function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
