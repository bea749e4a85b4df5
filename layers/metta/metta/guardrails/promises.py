"""Finds promises and advice that a reply may not hold: refunds, discounts, delivery dates, legal and medical advice.

Patterns in seven languages come from ``data/promises.yaml``. What the policy's facts say may be said, and so may what
this turn's tools returned: a refund where there is a credit note, a day that is one of the dates they gave.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, cached_property, lru_cache
from typing import Any, get_args

from metta.guardrails.calendar import find_dates
from metta.guardrails.chars import fold
from metta.guardrails.lists import read_data
from metta.guardrails.patterns import regex
from metta.guardrails.phrases import phrase_pattern
from metta.guardrails.sources import Told, read_told
from metta.guardrails.spans import SPAN, Span, find_spans
from metta.policy import PromiseKind

_GAP = r"[\s,]{1,3}"
_WORD = r"[^\s,;:.!?]{1,24}+"
_CLAUSE = regex(r"[.!?;:,\n]|\s[-–]\s")
_BACK = 80
_WORDS_BEFORE = 5
"""Words before a promise in which a refusal counts."""
_SAFE = regex(r"\bsans[\s,]{1,3}(?:danger|risque)\b")
"""Advice that looks like a refusal."""
_LETTER = r"[^\W_]"
_DAY = "{day}"
_SPAN = regex(SPAN)
_BEHIND = 24
_AMBIGUOUS = 4
"""English refusals of no more letters mean something else in other languages."""
_PERCENT = regex(
    r"(\d{1,3}(?:[.,]\d{1,2})?) ?(?:%|percent|per cent|prozent|pour ?cent|por ?cento|por ciento|per cento|procent)"
)
_OURSELVES = regex(
    r"(?:i|we|ich|wir|je|nous|le|les|te|ti|puedo|podemos|voy|vamos|he|hemos|posso|podemos|vou|dou|damos|ofereco|oferecemos"
    r"|faco|fazemos|possiamo|vorrei|vogliamo|ho|abbiamo|j'ai|ik|wij|tak\w{1,3}|took|knock\w{0,3}|deduct\w{0,3}|here)(?![^\W_])"
)
_NEXT = 8
"""Characters between a day in words and its date."""


@dataclass
class _Promises:
    """One kind of promise in one language."""

    stems: tuple[str, ...]
    sources: tuple[str, ...]
    although: tuple[str, ...]
    """Promises that hold a negation of their own: only a refusal before them takes them back."""
    refusals: tuple[str, ...]
    days: str = field(repr=False)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Put together when a text first holds a stem."""
        return _any_of(tuple(one for one in self.sources if _DAY not in one), self.days)

    @cached_property
    def dated(self) -> re.Pattern[str]:
        """Those that name a day: their pattern is long, so it is tried where a text names one."""
        return _any_of(tuple(one for one in self.sources if _DAY in one), self.days)

    @cached_property
    def has_days(self) -> bool:
        return any(_DAY in one for one in self.sources)

    @cached_property
    def negated(self) -> re.Pattern[str]:
        return _any_of(self.although, self.days)

    @cached_property
    def refusal(self) -> re.Pattern[str]:
        return phrase_pattern(self.refusals)

    def find(self, folded: str) -> Iterator[re.Match[str]]:
        if any(stem in folded for stem in self.stems):
            for pattern in (self.pattern, self.dated) if self.has_days and names_day(folded) else (self.pattern,):
                for match in pattern.finditer(folded):
                    if not self._refused(folded, match.start(), match.group()):
                        yield match
            for match in self.negated.finditer(folded) if self.although else ():
                if not self._refused(folded, match.start(), ""):
                    yield match

    def _refused(self, folded: str, start: int, said: str) -> bool:
        before = _CLAUSE.split(folded[max(0, start - _BACK) : start])[-1]
        words = before.split()[-_WORDS_BEFORE:]
        return bool(self.refusal.search(_SAFE.sub(" ", f"{' '.join(words)} {said}")))


def _any_of(sources: tuple[str, ...], days: str) -> re.Pattern[str]:
    if not sources:
        return phrase_pattern(())
    return regex(rf"(?<!{_LETTER})(?:{'|'.join(_regex(one, days) for one in sources)})(?!{_LETTER})")


def _regex(source: str, days: str) -> str:
    """A pattern of the data file as a regular expression; see the file's head."""
    source = source.replace("{day}", "\0").replace("(", "(?:")
    source = source.replace("__ ", f"(?:{_WORD} ){{0,7}}").replace("_ ", f"(?:{_WORD} ){{0,4}}")
    return source.replace(" ?", f"(?:{_GAP})?").replace(" ", _GAP).replace("\0", f"(?:{days})")


@cache
def _known() -> tuple[dict[PromiseKind, tuple[_Promises, ...]], dict[str, re.Pattern[str]]]:
    data: dict[str, Any] = read_data("promises.yaml")
    days = {str(name): phrase_pattern(words) for name, words in data["days"].items()}
    every = "|".join((*(f"(?:{pattern.pattern})" for pattern in days.values()), SPAN))
    refusals: dict[str, list[str]] = data["not_promised"]
    # "arrive" is French too, and an English "whether" before it says as much there
    plain = [word for word in refusals["en"] if len(word) > _AMBIGUOUS]
    kinds: dict[PromiseKind, tuple[_Promises, ...]] = {
        kind: tuple(
            _Promises(
                tuple(entry["stems"]),
                tuple(entry["promises"]),
                tuple(entry.get("although", ())),
                (*refusals[code], *plain),
                every,
            )
            for code, entry in data[kind].items()
        )
        for kind in get_args(PromiseKind)
    }
    return kinds, days


@lru_cache(maxsize=1)
def names_day(folded: str) -> bool:
    """Whether a folded text names a day or a span of time in words; asked once a text and language."""
    _, days = _known()
    return any(pattern.search(folded) for pattern in days.values()) or _SPAN.search(folded) is not None


class Vouching:
    """What may be said although it is a promise.

    Args:
        facts: of the policy, folded.
        tool_results: of the turn, JSON texts.
        today: the current date.
    """

    def __init__(self, facts: str, tool_results: tuple[str, ...], today: date) -> None:
        self._facts = facts
        self._results = tool_results
        self._today = today

    @cached_property
    def _told(self) -> Told:
        return read_told(self._results)

    def permits(self, kind: PromiseKind, said: str, behind: str) -> bool:
        """Whether facts or tools say it.

        Args:
            kind: of the promise.
            said: its words, folded.
            behind: what comes right after it; a date there is a figure like any other, and checked as such.
        """
        if said in self._facts:
            return True
        if kind == "refund":
            return "credit note" in self._told.typed
        if kind == "discount":
            return self._is_given_to_all(said, behind)
        if kind == "medical_advice":
            return said in fold("\n".join(self._told.free))
        return kind == "delivery_date" and (self._is_given(said) or _begins_with_date(behind))

    def _is_given_to_all(self, said: str, behind: str) -> bool:
        """Whether a promise names a percentage that the facts name, and is no gift of the speaker's."""
        if _OURSELVES.match(said):
            return False
        named = set(_PERCENT.findall(f"{said}{behind}"))
        return bool(named) and named <= set(_PERCENT.findall(self._facts))

    def _is_given(self, said: str) -> bool:
        """Whether each day or span in the promise is a date that the tools gave, or a span that the facts name."""
        _, days = _known()
        named = [name for name, pattern in days.items() if pattern.search(said)]
        if "after_tomorrow" in named and "tomorrow" in named:
            named.remove("tomorrow")
        spans = find_spans(said)
        return (
            bool(named or spans)
            and all(any(self._means(name, given) for given in self._dates) for name in named)
            and all(self._is_known(span) for span in spans)
        )

    def _is_known(self, span: Span) -> bool:
        if any(span.is_said_by(known) for known in self._spans):
            return True
        return span.low == span.high and any((day - self._today).days * 24 == span.low for day in self._dates)

    @cached_property
    def _spans(self) -> list[Span]:
        return find_spans(fold("\n".join((self._facts, *self._told.typed))))

    @cached_property
    def _dates(self) -> list[date]:
        text = "\n".join(self._told.typed)
        readings = [day.as_date() for found in find_dates(text, text) for day in found.readings]
        return [day for day in readings if day is not None]

    def _means(self, name: str, given: date) -> bool:
        ahead = (given - self._today).days
        if name in ("today", "tomorrow", "after_tomorrow"):
            return ahead == ("today", "tomorrow", "after_tomorrow").index(name)
        if name in ("this_week", "next_week"):
            week = self._today + timedelta(weeks=1 if name == "next_week" else 0)
            return given.isocalendar()[:2] == week.isocalendar()[:2]
        if name == "weekend":
            return ahead >= 0 and given.isocalendar()[:2] == self._today.isocalendar()[:2]
        return 0 <= ahead <= 13 and given.isoweekday() == int(name)


def _begins_with_date(folded: str) -> bool:
    dates = find_dates(folded, folded)
    return bool(dates) and dates[0].start <= _NEXT


class PromiseFinder:
    """Finds what a reply may not promise.

    Args:
        kinds: those that are looked for.
        facts: the policy's, folded.
        today: the current date, which the model is told as well.
    """

    def __init__(self, kinds: tuple[PromiseKind, ...], facts: str, today: Callable[[], date]) -> None:
        self._kinds = kinds
        self._facts = facts
        self._today = today

    def find(self, folded: str, tool_results: tuple[str, ...]) -> Iterator[tuple[int, int]]:
        """Places of forbidden promises in a folded reply."""
        known, _ = _known()
        vouching = Vouching(self._facts, tool_results, self._today())
        for kind in self._kinds:
            for promises in known[kind]:
                for match in promises.find(folded):
                    behind = folded[match.end() : match.end() + _BEHIND]
                    if not vouching.permits(kind, match.group(), behind):
                        yield match.span()
