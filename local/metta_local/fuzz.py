"""``metta fuzz``: judges texts that nobody would send until the time is up, and says what does not hold for one.

Two kinds of work share the time: texts that every property is asked about, and shapes whose cost is compared at two
lengths. A text depends on the seed and its number alone, so that one can be made again.
"""

from __future__ import annotations

import itertools
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from metta_local.console import CommandError, say, say_json
from metta_local.fuzz_growth import growth, suspects
from metta_local.fuzz_patterns import guardrail_patterns, pieces_of
from metta_local.fuzz_properties import NOWHERE, TURN, Property, Subject, complaint, shrunk, unchanged
from metta_local.fuzz_report import Report, Violation
from metta_local.fuzz_shapes import ENDS, SHAPES, Shape, repeated
from metta_local.fuzz_texts import PLAIN, Texts
from metta_local.progress import Progress

GROWTH_SHARE = 0.4
"""Part of the time that goes to shapes."""
_SHAPE_LENGTH = 4000
_SUSPECT_LENGTH = 2000
_SUSPECTS = 60
_PIECES = 12
_SHOWN = 120
"""Characters of a shape that are shown."""
_HANGS = 60
"""Seconds after which one property of one text, or one shape, counts as hanging."""
Work = Callable[[str], object]


class _HangError(BaseException):
    """Not an ``Exception``, so that no check takes it for its own failure."""


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Break off what takes longer; outside the main thread nothing can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _HangError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Fuzz:
    """One run.

    Args:
        seed: what everything is drawn from.
        texts: makes the texts.
        subject: what judges them.
    """

    def __init__(self, seed: int, texts: Texts, subject: Subject) -> None:
        self._seed = seed
        self._texts = texts
        self._subject = subject
        self._properties = subject.properties()
        self.report = Report(seed)

    def run_for(self, seconds: float) -> None:
        """Judge texts and measure shapes by turns until the time is up."""
        with Progress("judging texts that nobody would send, seconds", round(seconds)) as progress:
            self._run_for(seconds, progress)

    def _run_for(self, seconds: float, progress: Progress) -> None:
        began = time.monotonic()
        shapes, numbers = self._shapes(), itertools.count()
        on_shapes = 0.0
        while (spent := time.monotonic() - began) < seconds:
            before = time.monotonic()
            progress.at(round(spent))
            if on_shapes <= spent * GROWTH_SHARE:
                self._measure(*next(shapes))
                on_shapes += time.monotonic() - before
            else:
                self.look(next(numbers))
        self.report.seconds = time.monotonic() - began

    def look(self, number: int) -> None:
        """Make text ``number`` and ask every property about it."""
        made, text = self._texts.draw(random.Random(f"{self._seed}:{number}"))
        self.report.saw(made, text)
        for name, check in self._asked(made).items():
            try:
                with _at_most(_HANGS):
                    wrong = complaint(check, text)
            except _HangError:
                self.report.add(Violation(name, made, f"takes more than {_HANGS} seconds", text, self._again(number)))
                continue
            if wrong and self.report.is_new(name, wrong):
                least = self._shrunk(check, text)
                wrong = complaint(check, least) or wrong
                self.report.add(Violation(name, made, wrong, least, self._again(number)))

    def _asked(self, made: str) -> Mapping[str, Property]:
        return {**self._properties, "plain text reads as itself": unchanged} if made == PLAIN else self._properties

    def _shrunk(self, check: Property, text: str) -> str:
        try:
            with _at_most(_HANGS):
                return shrunk(check, text)
        except _HangError:
            return text

    def _again(self, number: int) -> str:
        return f"metta fuzz --seed {self._seed} --case {number}"

    def _shapes(self) -> Iterator[tuple[str, Shape, int]]:
        """Name, shape and length: the named ones in any order, then what single patterns are slow on, then mixes."""
        dice = random.Random(f"{self._seed}:shapes")
        for name in dice.sample(tuple(SHAPES), len(SHAPES)):
            yield name, SHAPES[name], _SHAPE_LENGTH
        patterns = guardrail_patterns()
        slowest = suspects(patterns, dice, length=_SUSPECT_LENGTH, pieces=_PIECES)
        for _, name, shape in slowest[:_SUSPECTS]:
            yield name, shape, _SUSPECT_LENGTH
        pieces = [piece for pattern in patterns.values() for piece in pieces_of(pattern, dice)]
        while True:
            before, piece, end = dice.choice(("", *pieces)), "".join(dice.sample(pieces, 2)), dice.choice(ENDS)
            name = f"{piece!a} behind {before!a}, at the end {end!a}"
            yield name, repeated(piece, before, end), dice.choice((_SUSPECT_LENGTH, _SHAPE_LENGTH))

    def _measure(self, name: str, shape: Shape, length: int) -> None:
        for side, work in works(self._subject).items():
            try:
                with _at_most(_HANGS):
                    wrong = complaint(self._grows(name, shape, length, side, work), "")
            except _HangError:
                wrong = f"{side} takes more than {_HANGS} seconds"
            if wrong:
                text, again = shape(_SHOWN, random.Random(self._seed)), f"metta fuzz --seed {self._seed}"
                self.report.add(Violation("time grows with the length only", name, wrong, text, again))

    def _grows(self, name: str, shape: Shape, length: int, side: str, work: Work) -> Property:
        def check(_text: str) -> str | None:
            found = growth(name, shape, work, length, str(self._seed))
            self.report.measured(side, found)
            return None if found.linear else f"{side}: four times the text takes {found.ratio:.1f} times as long"

        return check


def works(subject: Subject) -> Mapping[str, Work]:
    """Side -> what is done there with a text, with nothing remembered of an earlier one."""
    guardrails, counter = subject.guardrails, itertools.count()
    return {
        "input": lambda text: guardrails.validate_input(text, NOWHERE),
        "output": lambda text: guardrails.validate_output(text, TURN),
        "sanitize": guardrails.sanitize,
        "text from the shop": lambda text: subject.foreign(f"{text} {next(counter)}"),
    }


def run(*, seconds: float, seed: int | None, case: int | None, as_json: bool) -> int:
    """Fuzz for a while, or look at one case again; 1 when something does not hold.

    Args:
        seconds: how long.
        seed: None draws one.
        case: the number of the only text to be judged.
        as_json: the report as one JSON object.
    """
    if case is not None and seed is None:
        raise CommandError("--case names a text of a seed: say which with --seed")
    fuzz = Fuzz(random.SystemRandom().randrange(10**6) if seed is None else seed, Texts(), Subject())
    if case is None:
        fuzz.run_for(seconds)
    else:
        fuzz.look(case)
    if as_json:
        say_json(fuzz.report.as_json())
    else:
        say(fuzz.report.describe())
    return 1 if fuzz.report.violations else 0
