"""Regular expressions that are compiled when a text first needs them: all at once they would slow every cold start."""

from __future__ import annotations

import re
from typing import Any, cast


class _Regex:
    """Stands for a pattern until something is asked of it, then keeps the compiled pattern's answers as its own.

    What was asked for once lies in the instance, so that later calls cost what a compiled pattern's do.
    """

    def __init__(self, source: str, flags: int) -> None:
        self.pattern = source
        self._given = flags
        self._compiled: re.Pattern[str] | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what copies and inspects objects asks for these; none of them is a pattern's answer
            raise AttributeError(name)
        if self._compiled is None:
            self._compiled = re.compile(self.pattern, self._given)
        value = self.__dict__[name] = getattr(self._compiled, name)
        return value

    @property  # type: ignore[misc]  # the other one can be set
    def __class__(self) -> type:
        return re.Pattern  # so that whatever takes patterns takes this one

    def __repr__(self) -> str:
        return f"regex({self.pattern!r}, {self._given})"


def regex(source: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern that is compiled on first use; a mistake in ``source`` shows then (a test compiles all of them)."""
    return cast("re.Pattern[str]", _Regex(source, flags))
