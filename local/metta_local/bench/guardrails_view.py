"""Prints the figures of ``metta bench guardrails``: a line each, target beside figure, parts below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from metta_local.bench.guardrails_figures import Figure, Part
from metta_local.bench.guardrails_stats import Counts, Rate

_WIDTH = 58
_MOST_PARTS = 60


def describe(figures: Sequence[Figure]) -> str:
    """The whole table, with a last line that counts what is met."""
    lines = [line for figure in figures for line in _lines(figure)]
    asked = [figure for figure in figures if figure.met is not None]
    met = sum(bool(figure.met) for figure in asked)
    void = sum(figure.void for figure in figures)
    last = f"{met} of {len(asked)} targets met"
    if void:
        last += f"; {void} figures are void, since a check broke on the texts that they were taken from"
    return "\n".join([*lines, "", last])


def _lines(figure: Figure) -> Iterator[str]:
    target = f"{figure.target}  {_verdict(figure)}" if figure.target else "VOID" if figure.void else ""
    detail = _detail(figure.rate, figure.counts)
    peers = "  ".join(f"{name} {_number(value, figure.unit)}" for name, value in figure.peers.items())
    yield f"{figure.what:<{_WIDTH}} {_number(figure.value, figure.unit):>9}  {target:<18} {detail}".rstrip()
    if peers:
        yield f"    beside it: {peers}"
    for part in figure.parts[:_MOST_PARTS]:
        yield f"    {part.name:<{_WIDTH - 4}} {_number(part.value, ''):>9}  {'':<18} {_part(part)}".rstrip()
    if len(figure.parts) > _MOST_PARTS:
        yield f"    and {len(figure.parts) - _MOST_PARTS} more with --json"


def _verdict(figure: Figure) -> str:
    if figure.met is None:
        return "VOID" if figure.void else "nothing to count"
    return "met" if figure.met else "NOT MET"


def _part(part: Part) -> str:
    return _detail(part.rate, part.counts)


def _detail(rate: Rate | None, counts: Counts | None) -> str:
    if counts is not None:
        return (
            f"precision {_share(counts.precision)}, recall {_share(counts.recall)}"
            if counts.right + counts.wrong + counts.missed
            else ""
        )
    return _share(rate, value=False) if rate is not None else ""


def _share(rate: Rate, *, value: bool = True) -> str:
    low, high = rate.interval
    shown = f"{rate.value:.4f} " if value else ""
    return f"{shown}({rate.hits} of {rate.of}, {low:.4f}-{high:.4f})"


def _number(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".rstrip() if unit or value > 1 else f"{value:.4f}"
