"""docs/invariants.md has each invariant with what keeps it, what would fail without it, and what it does not cover."""

from __future__ import annotations

import re

import pytest

from .blocks import text_of

SECTIONS = re.split(r"^## ", text_of("docs/invariants.md"), flags=re.MULTILINE)[1:]


def test_all_twelve_are_there_in_order() -> None:
    assert [section.split()[0] for section in SECTIONS] == [f"I{number}" for number in range(1, 13)]


@pytest.mark.parametrize("section", SECTIONS, ids=[section.split()[0] for section in SECTIONS])
def test_each_says_what_it_promises_where_it_is_kept_and_what_it_does_not_cover(section: str) -> None:
    promise = re.findall(r"\*\*(.+?)\*\*", section, re.DOTALL)
    assert len(promise) == 1, "one sentence in bold"
    assert "- Kept in " in section
    assert re.search(r"^- Tests: `tests/", section, re.MULTILINE)
    assert "- Not covered: " in section
