"""Patterns are compiled on first use, so that a mistake in one must show here and not in a customer's turn."""

from __future__ import annotations

import re
from itertools import chain

import pytest

from metta.guardrails.numbers import IBAN_FORMS, iban_form
from metta.guardrails.patterns import regex
from metta.guardrails.promises import _known
from metta_local.fuzz_patterns import guardrail_patterns

FEWEST = 200
"""Patterns that code and data hold at least; with fewer something was not looked at."""


def all_patterns() -> dict[str, re.Pattern[str]]:
    found = guardrail_patterns()
    for number, promises in enumerate(chain.from_iterable(_known()[0].values())):
        found |= {f"promise {number}": promises.pattern, f"refusal {number}": promises.refusal}
    for country in IBAN_FORMS:
        form = iban_form(country)
        assert form is not None
        found[f"IBAN {country}"] = form
    return found


def test_every_pattern_of_code_and_data_compiles() -> None:
    patterns = all_patterns()
    assert len(patterns) > FEWEST

    wrong = {}
    for name, pattern in patterns.items():
        try:
            re.compile(pattern.pattern, pattern.flags)
        except re.error as error:
            wrong[name] = str(error)

    assert not wrong


@pytest.mark.parametrize("text", ["", "a1", "b22 c3", "C4"])
def test_a_pattern_finds_what_a_compiled_one_finds(text: str) -> None:
    source = r"([a-z])(\d+)"
    lazy, compiled = regex(source, re.IGNORECASE), re.compile(source, re.IGNORECASE)

    for _ in range(2):  # the first time it is compiled, then remembered
        assert lazy.findall(text) == compiled.findall(text)
        assert [m.span() for m in lazy.finditer(text)] == [m.span() for m in compiled.finditer(text)]
        assert lazy.sub(r"\2\1", text) == compiled.sub(r"\2\1", text)
    assert (lazy.pattern, lazy.flags, lazy.groups) == (compiled.pattern, compiled.flags, compiled.groups)
    assert re.split(lazy, text) == re.split(compiled, text)


def test_a_mistake_shows_when_the_pattern_is_used() -> None:
    broken = regex("(")

    for _ in range(2):
        with pytest.raises(re.error):
            broken.search("a")
