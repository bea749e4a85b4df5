"""``metta bench guardrails``: every figure that the guardrails are held to, on a folder of labelled rows.

Without a folder it takes the texts in ``heldout/``. All figures come through ``Guardrails.validate_input`` in this
process, which is what ``metta guard`` runs.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from metta.messages import JsonObject
from metta_local.bench import (
    guardrails_footprint,
    guardrails_hostile,
    guardrails_injection,
    guardrails_pii,
    guardrails_speed,
    guardrails_toxicity,
)
from metta_local.bench.guardrails_figures import Figure, most, of_rate, rate_parts
from metta_local.bench.guardrails_judge import Look, Watch, metta, remembered
from metta_local.bench.guardrails_kinds import honest, of, sample
from metta_local.bench.guardrails_peers import Peer, peers
from metta_local.bench.guardrails_rows import HELD_OUT, Row, Section, read_rows
from metta_local.bench.guardrails_stats import Rate
from metta_local.bench.guardrails_view import describe as describe_figures

NAME = "guardrails"


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured."""

    rows: int | None
    """Per question; None: all."""
    hidden: int
    """Attacks that are disguised, buried and split."""
    timed: int
    """Honest messages that are timed."""
    rounds: int
    """Tries of each hostile text."""
    imports: int


FULL = Size(rows=None, hidden=500, timed=2000, rounds=3, imports=5)
QUICK = Size(rows=300, hidden=30, timed=200, rounds=1, imports=1)


@dataclasses.dataclass(frozen=True)
class Report:
    """What came out of one run."""

    data: str
    size: Size
    rows: dict[str, int]
    figures: tuple[Figure, ...]
    left_out: tuple[str, ...]
    """Peers that are not there, a line each."""

    @property
    def met(self) -> bool:
        """Whether no figure misses its target and none is void."""
        return not any(figure.met is False or figure.void for figure in self.figures)

    def as_json(self) -> JsonObject:
        """For ``--json``."""
        return {
            "name": NAME,
            "data": self.data,
            "quick": self.size is QUICK,
            "rows": self.rows,
            "figures": [figure.as_json() for figure in self.figures],
            "peers_left_out": list(self.left_out),
            "met": self.met,
        }

    def describe(self) -> str:
        """For people."""
        rows = ", ".join(f"{name} {count}" for name, count in self.rows.items())
        return "\n".join([f"guardrails on {self.data}: {rows}", *self.left_out, "", describe_figures(self.figures)])


def measure(folder: Path | None = None, *, quick: bool = False) -> Report:
    """All figures on the rows in ``folder``, on the packaged ones without it.

    Raises:
        CommandError: the folder or a row in it cannot be read.
    """
    size = QUICK if quick else FULL
    rows = _chosen(read_rows(folder or HELD_OUT), size)
    rivals, left_out = peers()
    ours = list(_figures(metta(), rows, size))
    theirs = [(peer.name, figure) for peer in rivals for figure in _rival(peer, rows, size)]
    return Report(
        data=str(folder) if folder else "the packaged held-out texts",
        size=size,
        rows={section.value: len(of(rows, section)) for section in Section},
        figures=tuple(_beside(figure, theirs) for figure in ours),
        left_out=tuple(left_out),
    )


def _figures(look: Look, rows: Sequence[Row], size: Size) -> Iterator[Figure]:
    known = remembered(look)
    blocks: tuple[tuple[Look, Callable[[Look], Iterable[Figure]]], ...] = (
        # times first, while the process is young: what is remembered later would only make it larger
        (look, lambda seen: guardrails_speed.measure(_timed(rows, size), seen)),
        (look, lambda seen: guardrails_hostile.measure(seen, rounds=size.rounds)),
        (known, lambda seen: guardrails_pii.measure(rows, seen)),
        (known, lambda seen: guardrails_injection.measure(rows, seen)),
        (look, lambda seen: guardrails_injection.hidden(rows, seen, size.hidden)),
        (look, lambda seen: guardrails_injection.disguised(rows, seen, size.hidden)),
        (known, lambda seen: guardrails_toxicity.measure(rows, seen)),
    )
    broken: Counter[str] = Counter()
    texts = 0
    for asked, block in blocks:
        watch = Watch()
        figures = list(block(watch.over(asked)))
        broken += watch.broken
        texts += watch.texts
        yield from (dataclasses.replace(figure, void=_spoiled(figure, watch)) for figure in figures)
    yield from guardrails_footprint.measure(again=size.imports)
    parts = rate_parts({f"the {check} check": Rate(count, texts) for check, count in broken.items()})
    yield of_rate("broken", "judgements in which a check broke", Rate(broken.total(), texts), most(0), parts)


def _spoiled(figure: Figure, watch: Watch) -> bool:
    """Whether breaks touch the figure; personal data is looked for first, so that later breaks leave it whole."""
    if figure.key.startswith("pii."):
        return any(check in watch.broken for check in ("normalise", "pii"))
    return bool(watch.broken)


def _rival(peer: Peer, rows: Sequence[Row], size: Size) -> Iterator[Figure]:
    known = remembered(peer.look)
    if peer.check == "pii":
        yield from guardrails_pii.measure(rows, known)
    elif peer.check == "toxicity":
        yield from guardrails_toxicity.measure(rows, known)
    else:
        yield from guardrails_injection.measure(rows, known)
        if size is not QUICK:
            yield from guardrails_injection.hidden(rows, peer.look, size.hidden)
            yield from guardrails_injection.disguised(rows, peer.look, size.hidden)
    yield from guardrails_speed.measure(_timed(rows, size)[:200], peer.look)


def _timed(rows: Sequence[Row], size: Size) -> list[str]:
    return [row.text for row in sample(honest(rows), size.timed)]


def _chosen(rows: list[Row], size: Size) -> list[Row]:
    if size.rows is None:
        return rows
    return [row for section in Section for row in sample(of(rows, section), size.rows)]


def _beside(figure: Figure, theirs: Sequence[tuple[str, Figure]]) -> Figure:
    return dataclasses.replace(figure, peers={name: other.value for name, other in theirs if other.key == figure.key})
