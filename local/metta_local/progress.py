"""How far long work has come, on a terminal's standard error; nobody else sees anything of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from metta_local.console import says_json

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_DRAWN_A_SECOND = 4


class Progress(AbstractContextManager["Progress"]):
    """A bar, or a count where nobody knows how much there is; gone when the block ends.

    It writes to what standard error was at the beginning, wherever that is sent meanwhile.

    Args:
        what: what is being done, in a few words.
        total: how many steps there are, about; None when nobody knows.
        wanted: False for work that shows nothing on this occasion.
    """

    def __init__(self, what: str, total: float | None = None, *, wanted: bool = True) -> None:
        self._bar: Bar | None = None
        if not wanted or says_json() or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self._out = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding)
        columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        counting = [BarColumn(bar_width=30), MofNCompleteColumn()] if total is not None else []
        self._bar = Bar(
            *columns,
            *counting,
            TimeElapsedColumn(),
            console=Console(file=self._out, highlight=False),
            transient=True,
            refresh_per_second=_DRAWN_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(what, total=total)

    def step(self) -> None:
        """One more is done."""
        if self._bar is not None:
            self._bar.advance(self._task)

    def at(self, done: float, what: str | None = None) -> None:
        """So much is done, and now it is about this."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=what)

    def now(self, what: str) -> None:
        """It is about this now."""
        if self._bar is not None:
            self._bar.update(self._task, description=what)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Make room for lines of something else on the same terminal."""
        if self._bar is not None:
            self._bar.stop()
        try:
            yield
        finally:
            if self._bar is not None:
                self._bar.start()

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._out.close()
            self._bar = None
