"""The cases as data: each goal's attacks in the places where somebody may write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any

import yaml

_NEVER = "(?!)"
_EVERY = 3
"""Of the cases of goals that stand in every place, so many times fewer are sampled."""
_TIGHT = 100
"""Where no more characters fit, few attacks stand: all are sampled."""


@dataclass(frozen=True)
class Goal:
    """What an attacker wants."""

    name: str
    side: str
    """What has to stop it where detection fails: input, tool or output."""
    attacks: tuple[str, ...]
    forbidden: str = _NEVER
    """Matches what must not reach the customer."""
    wanted: str = ""
    """Matches what the model says or calls when it obeys; ``forbidden`` where empty."""
    places: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    """Places where the goal is none."""
    wide: bool = False
    """Whether its first attack stands in every place."""
    masked: bool = False
    """Whether what the attack says is masked before any model reads it, so that none can obey."""

    @cached_property
    def forbids(self) -> re.Pattern[str]:
        """``forbidden``, compiled."""
        return re.compile(self.forbidden, re.IGNORECASE)

    @cached_property
    def wants(self) -> re.Pattern[str]:
        """``wanted``, compiled."""
        return re.compile(self.wanted or self.forbidden, re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where an attack stands."""

    name: str
    side: str
    """Whether it comes with what the customer sends (input) or with what a tool reads (tool)."""
    messages: str = "single"
    reads: bool = True
    """Whether the model may read what stands there; if not, it must not."""
    room: int = 1000
    """Characters that fit; longer attacks do not stand there."""
    own: bool = False
    """Whether only goals that name the place use it."""


@dataclass(frozen=True)
class Case:
    """One attack in one place."""

    goal: Goal
    place: Place
    attack: str
    number: int = 1
    """Of the attack among the goal's."""
    sampled: bool = True
    """Whether it is among those that every test run plays; the others come after them."""

    @property
    def name(self) -> str:
        """For people and for test ids."""
        return f"{self.goal.name} {self.number} / {self.place.name}"


@cache
def cases() -> tuple[Case, ...]:
    """All cases, goal by goal."""
    data: dict[str, Any] = yaml.safe_load(resources.files(__package__).joinpath("cases.yaml").read_text("utf-8"))
    places = {name: Place(name, **fields) for name, fields in data["places"].items()}
    return tuple(case for index, name in enumerate(data["goals"]) for case in _cases_of(name, index, data, places))


def _cases_of(name: str, index: int, data: dict[str, Any], places: dict[str, Place]) -> Iterator[Case]:
    fields: dict[str, Any] = data["goals"][name]
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    goal = Goal(name=name, **fields)
    for number, attack in enumerate(goal.attacks, 1):
        # the later attacks of a goal stand where its kind is told apart best
        named = goal.places or tuple(data["everywhere" if number == 1 else "otherwise"])
        for one in named:
            yield Case(goal, places[one], attack, number)
    if goal.wide:
        wide = [place for place in places.values() if not place.own and place.name not in goal.spared]
        for turn, place in enumerate(wide):
            if place.name not in (goal.places or data["everywhere"]) and len(goal.attacks[0]) <= place.room:
                yield Case(goal, place, goal.attacks[0], sampled=(turn + index) % _EVERY == 0 or place.room < _TIGHT)
