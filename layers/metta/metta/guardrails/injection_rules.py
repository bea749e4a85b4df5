"""The rules of ``data/injection.yaml`` and ``data/foreign.yaml``, compiled: each has an id, a reason and a score."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from metta.guardrails.lists import read_data


@dataclass(frozen=True, slots=True)
class Rule:
    """One reviewable reason to take a text for an attack on the assistant."""

    id: str
    reason: str
    score: float
    needs: frozenset[str]
    """The rule is tried only when one of these words is in the text; empty means always."""
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Everything ``data/injection.yaml`` holds."""

    rules: tuple[Rule, ...]
    letters_only: re.Pattern[str]
    """Attacks whose words ran together because their letters were spaced."""
    talks_about: re.Pattern[str]
    """Talk about attacks in place of attacks."""
    prompt_words: frozenset[str]
    vocabulary_scores: dict[int, float]
    """Number of distinct prompt words -> score."""


def _compiled(block: str, parts: dict[str, str]) -> re.Pattern[str]:
    pattern = block.replace("\n", "")
    for name, part in parts.items():
        pattern = pattern.replace(f"<<{name}>>", part)
    return re.compile(pattern)


def _rules(data: dict[str, Any], parts: dict[str, str]) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            entry["id"],
            entry["reason"],
            float(entry["score"]),
            frozenset(entry["needs"].split()),
            _compiled(entry["pattern"], parts),
        )
        for entry in data["rules"]
    )


def _parts(data: dict[str, Any]) -> dict[str, str]:
    return {name: block.replace("\n", "") for name, block in data["parts"].items()}


@dataclass(frozen=True, slots=True)
class ForeignRules:
    """Everything ``data/foreign.yaml`` holds: what is different about texts that no customer wrote."""

    rules: tuple[Rule, ...]
    factors: dict[str, float]
    """Rule of ``injection.yaml``, or the part of its id before the dot -> what its score is multiplied by."""
    harmless: re.Pattern[str]
    """Advice that goods carry; evidence within it does not count."""


@cache
def foreign_rules() -> ForeignRules:
    """The packaged rules for texts from the shop; read and compiled once."""
    data: dict[str, Any] = read_data("foreign.yaml")
    parts = _parts(data)
    factors = {name: float(factor) for name, factor in data["factors"].items()}
    return ForeignRules(_rules(data, parts), factors, _compiled(data["harmless"], parts))


@cache
def rule_set() -> RuleSet:
    """The packaged rules; read and compiled once."""
    data: dict[str, Any] = read_data("injection.yaml")
    parts = _parts(data)
    return RuleSet(
        _rules(data, parts),
        _compiled(data["letters_only"], parts),
        _compiled(data["talks_about"], parts),
        frozenset(data["prompt_words"].split()),
        {int(count): float(score) for count, score in data["vocabulary_scores"].items()},
    )
