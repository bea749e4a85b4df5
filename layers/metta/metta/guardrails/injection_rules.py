"""The rules of ``data/injection.yaml`` and ``data/foreign.yaml``, compiled: each has an id, a reason and a score."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from metta.guardrails.lists import read_data
from metta.guardrails.patterns import regex


class Rule(NamedTuple):
    """One reviewable reason to take a text for an attack on the assistant."""

    id: str
    reason: str
    score: float
    needs: frozenset[str]
    """The rule is tried only when one of these words is in the text."""
    marks: tuple[str, ...]
    """Or when one of these stands anywhere in it."""
    pattern: re.Pattern[str]


class RuleIndex:
    """Rules by what makes them worth trying, so that a text without such words and marks costs one comparison.

    Args:
        rules: in the order in which they are tried.

    Raises:
        ValueError: a rule has neither needs nor marks, and would be tried on every text.
    """

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._by_key: dict[str, set[int]] = {}
        for i, rule in enumerate(rules):
            if not rule.needs and not rule.marks:
                raise ValueError(f"rule {rule.id} has neither needs nor marks")
            for key in rule.needs:
                self._by_key.setdefault(key, set()).add(i)
        self._keys = frozenset(self._by_key)
        self._by_mark = [(mark, i) for i, rule in enumerate(rules) for mark in rule.marks]

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def worth_trying(self, words: frozenset[str], folded: str) -> Iterable[Rule]:
        """The rules of which a folded text, with these distinct words, holds a key word or a mark."""
        seen = self._keys & words
        marked = [i for mark, i in self._by_mark if mark in folded]
        if not seen and not marked:
            return ()
        return [self._rules[i] for i in sorted({*marked}.union(*[self._by_key[key] for key in seen]))]


class RuleSet(NamedTuple):
    """Everything ``data/injection.yaml`` holds."""

    rules: RuleIndex
    talks_about: re.Pattern[str]
    """Talk about attacks in place of attacks."""
    prompt_words: frozenset[str]
    vocabulary_scores: dict[int, float]
    """Number of distinct prompt words -> score."""


def _compiled(block: str, parts: dict[str, str]) -> re.Pattern[str]:
    pattern = block.replace("\n", "")
    for name, part in parts.items():
        pattern = pattern.replace(f"<<{name}>>", part)
    return regex(pattern)


def _rules(data: dict[str, Any], parts: dict[str, str]) -> RuleIndex:
    return RuleIndex(
        tuple(
            Rule(
                entry["id"],
                entry["reason"],
                float(entry["score"]),
                frozenset(entry.get("needs", "").split()),
                tuple(entry.get("marks", ())),
                _compiled(entry["pattern"], parts),
            )
            for entry in data["rules"]
        )
    )


def _parts(data: dict[str, Any]) -> dict[str, str]:
    return {name: block.replace("\n", "") for name, block in data["parts"].items()}


class ForeignRules(NamedTuple):
    """Everything ``data/foreign.yaml`` holds: what is different about texts that no customer wrote."""

    rules: RuleIndex
    factors: dict[str, float]
    """Rule of ``injection.yaml``, or the part of its id before the dot -> what its score is multiplied by."""
    harmless: re.Pattern[str]
    """Advice that goods carry; evidence within it does not count."""


@cache
def foreign_rules() -> ForeignRules:
    """The packaged rules for texts from the shop; read once."""
    data: dict[str, Any] = read_data("foreign.yaml")
    parts = _parts(data)
    factors = {name: float(factor) for name, factor in data["factors"].items()}
    return ForeignRules(_rules(data, parts), factors, _compiled(data["harmless"], parts))


@cache
def rule_set() -> RuleSet:
    """The packaged rules; read once."""
    data: dict[str, Any] = read_data("injection.yaml")
    parts = _parts(data)
    return RuleSet(
        _rules(data, parts),
        _compiled(data["talks_about"], parts),
        frozenset(data["prompt_words"].split()),
        {int(count): float(score) for count, score in data["vocabulary_scores"].items()},
    )
