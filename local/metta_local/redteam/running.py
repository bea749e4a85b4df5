"""Runs cases one after the other, with detection on or off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from metta_local.aws import MiniStack
from metta_local.redteam.cases import Case
from metta_local.redteam.effects import forbidden_effects, was_obeyed, was_read
from metta_local.redteam.stage import play
from metta_local.redteam.world import World


@dataclass(frozen=True)
class Result:
    """What came of one case."""

    case: Case
    detection: bool
    effects: tuple[str, ...]
    """Forbidden effects, with where each was seen."""
    read: bool
    """Whether the attack reached the model."""
    obeyed: bool
    """Whether the model did what it was told."""


@contextmanager
def world(folder: Path, aws: MiniStack, *, detection: bool) -> Iterator[World]:
    """A world that ends with the block; nothing of it is left in the process."""
    made = World(folder, aws, detection=detection)
    try:
        yield made
    finally:
        made.close()


class Played:
    """Plays cases on a world, each once.

    Args:
        made: the world.
    """

    def __init__(self, made: World) -> None:
        self._world = made
        self._results: dict[Case, Result] = {}

    def result(self, case: Case) -> Result:
        """What came of a case."""
        if case not in self._results:
            self._results[case] = self.play(case)
        return self._results[case]

    def play(self, case: Case) -> Result:
        """Play a case, whether it was played before or not."""
        evidence = play(self._world, case)
        read = was_read(case, evidence)
        return Result(
            case,
            self._world.detection,
            tuple(forbidden_effects(case, evidence)),
            read,
            read and was_obeyed(case, evidence),
        )


def run(chosen: Iterable[Case], folder: Path, aws: MiniStack, *, detection: bool) -> Iterator[Result]:
    """All results, as they come."""
    with world(folder, aws, detection=detection) as made:
        played = Played(made)
        for case in chosen:
            yield played.result(case)
