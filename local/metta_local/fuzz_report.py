"""What a run of ``metta fuzz`` saw, for people and for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field

from metta.messages import JsonObject
from metta_local.fuzz_growth import Growth

_WORST = 10
_MOST = 50
"""Violations that are listed; more are counted."""
_SAME = 25
"""Characters of a complaint that make it the same as another one."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that does not hold."""

    property: str
    made: str
    """How the text was made, or the name of the shape."""
    wrong: str
    text: str
    """As short as it could be made."""
    repeat: str
    """The command, or the argument, that makes it again."""


@dataclass(slots=True)
class Report:
    """Grows while the run goes on."""

    seed: int
    seconds: float = 0.0
    texts: int = 0
    characters: int = 0
    made: Counter[str] = field(default_factory=Counter)
    growths: dict[tuple[str, str], Growth] = field(default_factory=dict)
    """Side and shape -> what it cost."""
    violations: list[Violation] = field(default_factory=list)
    again: Counter[str] = field(default_factory=Counter)
    """Property -> violations like one that is listed."""
    _known: set[tuple[str, str]] = field(default_factory=set)

    def saw(self, made: str, text: str) -> None:
        """Count a text."""
        self.texts += 1
        self.characters += len(text)
        self.made[made] += 1

    def measured(self, side: str, found: Growth) -> None:
        """Keep what a shape cost."""
        self.growths[side, found.shape] = found

    def is_new(self, name: str, wrong: str) -> bool:
        """Whether nothing like this was seen; counts it otherwise."""
        key = (name, wrong[:_SAME])
        if key in self._known or len(self._known) >= _MOST:
            self.again[name] += 1
            return False
        self._known.add(key)
        return True

    def add(self, violation: Violation) -> None:
        """List a violation, up to a bound."""
        if len(self.violations) < _MOST:
            self.violations.append(violation)
        else:
            self.again[violation.property] += 1

    def as_json(self) -> JsonObject:
        """All of it."""
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 2),
            "texts": self.texts,
            "characters": self.characters,
            "textsPerSecond": round(self.texts / self.seconds, 1) if self.seconds else None,
            "made": dict(self.made),
            "shapesMeasured": len({shape for _, shape in self.growths}),
            "worstShapes": [
                {
                    "shape": found.shape,
                    "side": side,
                    "characters": found.length,
                    "microsecondsPerCharacter": round(found.microseconds_a_character, 3),
                    "growth": round(found.ratio, 2),
                }
                for side, found in self._worst()
            ],
            "violations": [asdict(violation) for violation in self.violations],
            "likeThose": dict(self.again),
        }

    def describe(self) -> str:
        """For people; texts are escaped, so that they can be copied."""
        rate = f", {self.texts / self.seconds:.0f} a second with shapes between them" if self.seconds else ""
        lines = [f"seed {self.seed}: {self.texts:,} texts of {self.characters:,} characters{rate}"]
        lines += [f"  {count:>7,}  {name}" for name, count in sorted(self.made.items())]
        if self.growths:
            lines.append(f"{len({shape for _, shape in self.growths})} shapes measured; the slowest:")
            lines += [
                f"  {found.microseconds_a_character:>7.2f} us a character, x{found.ratio:.1f} for four times the text: "
                f"{side}, {found.shape}"
                for side, found in self._worst()
            ]
        for violation in self.violations:
            lines += [
                f"VIOLATED: {violation.property} ({violation.made})",
                f"  {violation.wrong}",
                f"  text: {violation.text!a}",
                f"  again: {violation.repeat}",
            ]
        lines += [f"  and {count:,} more like those of: {name}" for name, count in self.again.items()]
        lines.append(f"{len(self.violations)} violations" if self.violations else "every property held")
        return "\n".join(lines)

    def _worst(self) -> list[tuple[str, Growth]]:
        found = [(side, cost) for (side, _), cost in self.growths.items()]
        return sorted(found, key=lambda item: -item[1].microseconds_a_character)[:_WORST]
