"""A spinner that names what is still being looked at; on a terminal alone."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TextIO

from rich.console import Console


class Progress:
    """Spins while it is entered.

    Args:
        areas: what is looked at.
        out: where it spins, standard error; nothing is written to what is no terminal.
    """

    def __init__(self, areas: Sequence[str], out: TextIO) -> None:
        self._waiting = list(areas)
        self._status = Console(file=out).status(self._text()) if out.isatty() else None

    def done(self, area: str) -> None:
        """Name it no more."""
        self._waiting.remove(area)
        if self._status is not None:
            self._status.update(self._text())

    def _text(self) -> str:
        return f"looking at {', '.join(self._waiting)}" if self._waiting else "done"

    def __enter__(self) -> Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._status is not None:
            self._status.stop()
