"""How ``metta doctor`` looks to a person: grouped by area, aligned, what to do below what was found."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import TextIO

from rich.console import Console
from rich.text import Text

from metta_local.doctor.check import Check, Status

_STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red", Status.SKIP: "dim"}
_COUNTED = {
    Status.OK: ("ok", "ok"),
    Status.WARN: ("warning", "warnings"),
    Status.FAIL: ("failure", "failures"),
    Status.SKIP: ("skipped", "skipped"),
}
_STATUS_WIDTH = max(len(status) for status in Status)
_NARROW = 40
"""Columns that a finding gets at least, however narrow the terminal is."""


def show(checks: Sequence[Check], out: TextIO) -> None:
    """All checks below the names of their areas, and a line that counts them; lines are folded on a terminal alone."""
    console = Console(file=out, highlight=False, soft_wrap=True, force_terminal=None if out.isatty() else False)
    subjects = max((len(_subject(check)) for check in checks), default=0)
    indent = 2 + _STATUS_WIDTH + 2 + subjects + 2
    room = max(_NARROW, console.width - indent) if out.isatty() else None
    for area, group in groupby(checks, key=lambda check: check.name.partition(".")[0]):
        console.print(Text(area, "bold"))
        for check in group:
            for line in _lines(check, subjects, indent, room):
                console.print(line)
        console.print()
    console.print(summary(checks))


def summary(checks: Sequence[Check]) -> Text:
    """``12 ok, 1 warning, 2 failures``, and what was skipped."""
    counted = Counter(check.status for check in checks)
    parts = [
        Text(f"{counted[status]} {one if counted[status] == 1 else many}", _STYLES[status] if counted[status] else "")
        for status, (one, many) in _COUNTED.items()
        if counted[status] or status is not Status.SKIP
    ]
    return Text(", ").join(parts)


def _lines(check: Check, subjects: int, indent: int, room: int | None) -> list[Text]:
    found = [Text(line, "dim" if check.status is Status.SKIP else "") for line in _folded(check.found, room)]
    fix = [Text(line, "cyan") for line in _folded(f"-> {check.fix}", room)] if check.fix else []
    head = Text.assemble(
        "  ",
        (check.status.value.ljust(_STATUS_WIDTH), _STYLES[check.status]),
        f"  {_subject(check).ljust(subjects)}  ",
    )
    return [(head if number == 0 else Text(" " * indent)) + line for number, line in enumerate([*found, *fix])]


def _folded(text: str, room: int | None) -> list[str]:
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) if room else [text]


def _subject(check: Check) -> str:
    return check.name.partition(".")[2]
