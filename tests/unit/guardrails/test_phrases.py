"""A phrase that the policy names is found however short or long its words are."""

from __future__ import annotations

import pytest

from metta.guardrails.normalise import View
from metta.guardrails.phrases import phrases_of

LONG = "donaudampfschifffahrtselektrizitatenhauptbetriebswerk"


def found(phrases: list[str], text: str) -> list[str]:
    view = View(text)
    return [match.group() for match in phrases_of(phrases).find(view.words, view.folded)]


@pytest.mark.parametrize(
    ("phrases", "text", "expected"),
    [
        (["X"], "It is cheaper at X, they say.", ["x"]),
        (["X", "Acme Lamps"], "It is cheaper at x.", ["x"]),
        (["Acme Lamps"], "See ACME-lamps for more.", ["acme-lamps"]),
        (["Acme Lamps"], "Our acme of lamps", []),
        ([LONG], f"The {LONG}!", [LONG]),
        (["Anwältin"], "Meine Anwaltin, meine ANWÄLTIN", ["anwaltin", "anwaltin"]),
        (["...", ""], "Nothing... at all", []),
        ([], "Nothing at all", []),
    ],
)
def test_phrases_are_found(phrases: list[str], text: str, expected: list[str]) -> None:
    assert found(phrases, text) == expected
