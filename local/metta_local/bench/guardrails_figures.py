"""What ``metta bench guardrails`` prints: a figure, its target, its parts; and which of them are met."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from metta.messages import JsonObject
from metta_local.bench.guardrails_stats import Counts, Rate


@dataclass(frozen=True)
class Target:
    """A bound that a figure is held to."""

    bound: float
    at_least: bool

    def met_by(self, value: float) -> bool:
        """Whether ``value`` is on the right side, the bound included."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:.4g}"


def least(bound: float) -> Target:
    """The figure must reach ``bound``."""
    return Target(bound, at_least=True)


def most(bound: float) -> Target:
    """The figure must not exceed ``bound``."""
    return Target(bound, at_least=False)


@dataclass(frozen=True)
class Part:
    """A figure of one source, language, kind or form."""

    name: str
    value: float
    rate: Rate | None = None
    counts: Counts | None = None

    def as_json(self) -> JsonObject:
        """With counts and intervals."""
        return {"name": self.name, "value": round(self.value, 6), **_detail(self.rate, self.counts)}


@dataclass(frozen=True)
class Figure:
    """One figure of the table.

    Attributes:
        key: stable name, ``check.what``; a peer's figure of the same key stands beside it.
        value: what is held to the target.
        parts: the same per source, language, kind or form.
        peers: what others gave on the same rows in the same run.
        void: a check broke on the texts it was taken from, so that it says nothing.
    """

    key: str
    what: str
    value: float
    target: Target | None = None
    unit: str = ""
    rate: Rate | None = None
    counts: Counts | None = None
    parts: tuple[Part, ...] = ()
    peers: dict[str, float] = field(default_factory=dict)
    void: bool = False

    @property
    def met(self) -> bool | None:
        """None where nothing is asked, nothing was counted, or the figure is void."""
        if self.void or self.target is None or (self.rate is not None and not self.rate.of):
            return None
        return self.target.met_by(self.value)

    def as_json(self) -> JsonObject:
        """For ``--json``."""
        return {
            "key": self.key,
            "what": self.what,
            "value": round(self.value, 6),
            "unit": self.unit,
            "target": str(self.target) if self.target else None,
            "met": self.met,
            "void": self.void,
            **_detail(self.rate, self.counts),
            "parts": [part.as_json() for part in self.parts],
            "peers": {name: round(value, 6) for name, value in self.peers.items()},
        }


def of_rate(key: str, what: str, rate: Rate, target: Target | None = None, parts: Iterable[Part] = ()) -> Figure:
    """A figure that is a rate."""
    return Figure(key, what, rate.value, target, rate=rate, parts=tuple(parts))


def of_counts(key: str, what: str, counts: Counts, target: Target | None = None, parts: Iterable[Part] = ()) -> Figure:
    """A figure that is an F1; not asked for where there was nothing to find."""
    there = target if counts.right + counts.missed else None
    return Figure(key, what, counts.f1, there, counts=counts, parts=tuple(parts))


def rate_parts(rates: dict[str, Rate]) -> tuple[Part, ...]:
    """Parts of a rate, by name."""
    return tuple(Part(name, rate.value, rate=rate) for name, rate in sorted(rates.items()))


def counts_parts(counts: dict[str, Counts]) -> tuple[Part, ...]:
    """Parts of an F1, by name."""
    return tuple(Part(name, one.f1, counts=one) for name, one in sorted(counts.items()))


def _detail(rate: Rate | None, counts: Counts | None) -> JsonObject:
    detail: JsonObject = {}
    if rate is not None:
        detail |= {"count": rate.hits, "of": rate.of, "interval": _interval(rate)}
    if counts is not None:
        detail |= {
            "right": counts.right,
            "wrong": counts.wrong,
            "missed": counts.missed,
            "precision": round(counts.precision.value, 6),
            "precision_interval": _interval(counts.precision),
            "recall": round(counts.recall.value, 6),
            "recall_interval": _interval(counts.recall),
        }
    return detail


def _interval(rate: Rate) -> list[float]:
    return [round(bound, 6) for bound in rate.interval]
