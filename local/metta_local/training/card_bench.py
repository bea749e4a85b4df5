"""Reads what ``metta bench guardrails --json`` printed and turns it into tables for the documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError


class CardError(ValueError):
    """The documents cannot be filled; the text says which part is missing or unfit."""


_CHECKS = {"disguise": "injection", "pii": "personal data", "hostile": "hostile text", "broken": "all"}


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Part(_Read):
    """A figure of one source, language, kind or disguise."""

    name: str
    value: float
    count: int | None = None
    of: int | None = None
    interval: tuple[float, float] | None = None
    precision: float | None = None
    recall: float | None = None
    right: int | None = None
    wrong: int | None = None
    missed: int | None = None


class BenchFigure(Part):
    """One figure with its target, its parts and what other tools gave on the same rows."""

    name: str = ""
    key: str
    what: str
    unit: str = ""
    target: str | None = None
    met: bool | None = None
    void: bool = False
    parts: tuple[Part, ...] = ()
    peers: dict[str, float] = {}

    @property
    def check(self) -> str:
        """The check that it is about."""
        name = self.key.partition(".")[0]
        return _CHECKS.get(name, name)


class Bench(_Read):
    """One run of ``metta bench guardrails``."""

    data: str
    quick: bool
    rows: dict[str, int]
    figures: tuple[BenchFigure, ...]

    @classmethod
    def read(cls, text: str) -> Bench:
        """The run in what ``metta bench --json`` printed, alone or beside other benchmarks.

        Raises:
            CardError: there is none, it was made on a sample, or a check broke in it.
        """
        try:
            printed = TypeAdapter(dict[str, list[dict[str, object]]]).validate_json(text)
            found = [item for item in printed.get("benchmarks", []) if item.get("name") == "guardrails"]
            if not found:
                raise CardError("no guardrails among the benchmarks")
            bench = cls.model_validate(found[0])
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the file"
            raise CardError(f"benchmarks: {place}: {first['msg']}") from None
        if bench.quick:
            raise CardError("measured with --quick, on a sample: no figures for a document")
        void = [figure.key for figure in bench.figures if figure.void]
        if void:
            raise CardError(f"void, since a check broke: {', '.join(void)}")
        return bench

    def figure(self, key: str) -> BenchFigure:
        """The figure of a key.

        Raises:
            CardError: it was not measured.
        """
        for figure in self.figures:
            if figure.key == key:
                return figure
        raise CardError(f"{key}: not among the figures")


_MACHINE = ("speed.", "hostile.", "footprint.")
_HEADLINE = (
    "injection.recall.unseen", "injection.honest", "injection.languages", "disguise.mean", "pii.f1", "pii.honest",
    "toxicity.recall", "toxicity.precision", "toxicity.swearing.stopped",
)  # fmt: skip
_SUMMARY = ("injection.recall.unseen", "injection.honest", "pii.f1", "toxicity.recall")
_BY_PART = (
    "injection.recall", "injection.languages", "injection.honest", "disguise.mean", "disguise.honest", "pii.disguised",
    "toxicity.recall", "toxicity.languages",
)  # fmt: skip


def bench_blocks(bench: Bench) -> dict[str, str]:
    """The blocks that hold measurements."""
    judged = [figure for figure in bench.figures if not figure.key.startswith(_MACHINE)]
    machine = [figure for figure in bench.figures if figure.key.startswith(_MACHINE)]
    return {
        "held-out": f"{_rows(bench)}\n\n{_table(judged)}",
        "held-out-parts": "\n\n".join(_parts(bench.figure(key)) for key in _BY_PART),
        "headline": _table([bench.figure(key) for key in _HEADLINE]),
        "summary": _table([bench.figure(key) for key in _SUMMARY]),
        "peers": _peers(judged),
        "speed": _table(machine),
    }


def _rows(bench: Bench) -> str:
    # the folder's name alone: where it lies is nobody's business
    data = f"`{PurePath(bench.data).name}`" if "/" in bench.data else bench.data
    return f"On {data}: " + ", ".join(f"{count:,} rows of {name}" for name, count in bench.rows.items()) + "."


def _table(figures: Iterable[BenchFigure]) -> str:
    lines = ["| check | what | measured | target | | counted (95 % interval) |", "|---|---|--:|---|---|---|"]
    for figure in figures:
        verdict = {True: "met", False: "**missed**", None: ""}[figure.met]
        cells = (figure.check, figure.what, _value(figure), figure.target or "", verdict, _counted(figure))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _value(figure: BenchFigure) -> str:
    if figure.unit:
        return f"{figure.value:.3g} {figure.unit}"
    return f"{figure.value:.4f}" if 0 < figure.value < 0.1 else f"{figure.value:.3f}"


def _counted(part: Part) -> str:
    if part.of == 0:
        return "nothing to count"
    if part.count is not None and part.of is not None and part.interval is not None:
        low, high = part.interval
        return f"{part.count:,} of {part.of:,} ({low:.4f} to {high:.4f})"
    if part.precision is not None and part.recall is not None:
        return f"precision {part.precision:.3f}, recall {part.recall:.3f}"
    return ""


def _parts(figure: BenchFigure) -> str:
    lines = [f"| {figure.what} | | counted (95 % interval) |", "|---|--:|---|"]
    lines += [f"| {part.name} | {part.value:.3f} | {_counted(part)} |" for part in figure.parts]
    return "\n".join(lines)


def _peers(figures: Sequence[BenchFigure]) -> str:
    names = list(dict.fromkeys(name for figure in figures for name in figure.peers))
    if not names:
        return "No other tool was installed in this run (the extra `peers` installs some)."
    lines = [f"| what | Metta | {' | '.join(names)} |", "|---|--:|" + "--:|" * len(names)]
    for figure in figures:
        if figure.peers:
            theirs = " | ".join(f"{figure.peers[name]:.3f}" if name in figure.peers else "" for name in names)
            lines.append(f"| {figure.what} | {figure.value:.3f} | {theirs} |")
    return "\n".join(lines)
