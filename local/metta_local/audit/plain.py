r"""Text of strangers on a terminal: whatever it holds, it is shown and does nothing.

Escape sequences, controls, marks that turn the direction of writing and everything else that shows nothing by itself
stand there as ``\x1b`` or ``\u202e``; every line of a text has a sign before it, so that none passes for one of ours.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TextIO

LONGEST = 4000
"""Characters of a text that are shown; ``--json`` has all."""
LONGEST_LINE = 300
"""Characters of what stands within a line of ours."""
LEFT, RIGHT = "⟦", "⟧"
"""Stand around an offending place."""
_WIDEST, _NARROWEST = 140, 60
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36"}
_UNSAFE = re.compile(r"[^\n\x20-\x7e]")
_SILENT = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Categories of Unicode that show nothing, or that no font knows."""


def harmless(text: str) -> str:
    """The text with everything escaped that is not seen or acts on a terminal; line breaks stay."""
    return _UNSAFE.sub(lambda match: _shown(match[0]), text.replace("\r\n", "\n"))


def inline(value: object, longest: int = LONGEST_LINE) -> str:
    """A value within a line: harmless, in one line, shortened."""
    text = str(value)
    cut = text[:longest]
    shown = harmless(cut).replace("\n", "\\n")
    return shown if cut == text else f"{shown} [... {len(text) - longest:,} characters more]"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


class Paper:
    """Writes lines, coloured only on a terminal, wrapped to its width.

    Args:
        out: where to.
        coloured: None asks whether ``out`` is a terminal.
    """

    def __init__(self, out: TextIO | None = None, *, coloured: bool | None = None) -> None:
        self._out = sys.stdout if out is None else out
        terminal = self._out.isatty()
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self._coloured = terminal and not plain if coloured is None else coloured
        columns = shutil.get_terminal_size().columns if terminal else 100
        self.width = min(max(columns, _NARROWEST), _WIDEST)

    def style(self, text: str, style: str) -> str:
        """``text`` in a style, where there are colours; it must hold nothing of a stranger that is not harmless."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._coloured and text else text

    def line(self, text: str = "", *, indent: int = 0, style: str | None = None) -> None:
        """A line of ours, wrapped where it is longer than the terminal is wide."""
        before = " " * indent
        for part in textwrap.wrap(text, self.width - indent - 2, break_on_hyphens=False) or [""]:
            self._write(before + (self.style(part, style) if style else part))
            before = " " * (indent + 2)

    def row(self, text: str, *, style: str | None = None) -> None:
        """A line of a table, as it is."""
        self._write(self.style(text, style) if style else text)

    def field(self, name: str, text: str, *, indent: int = 2, style: str | None = None) -> None:
        """A line with a name before it."""
        lines = textwrap.wrap(f"{name}: {text}", self.width - indent - 2, break_on_hyphens=False) or [f"{name}:"]
        rest = lines[0][len(name) + 1 :]
        self._write(" " * indent + self.style(f"{name}:", "bold") + (self.style(rest, style) if style else rest))
        for part in lines[1:]:
            self._write(" " * (indent + 2) + (self.style(part, style) if style else part))

    def quote(self, text: str, *, indent: int = 4, places: Sequence[tuple[int, int]] = ()) -> None:
        """A stranger's text, every line with a sign before it; offending places are marked."""
        inside = False
        for line in quoted(text, places):
            for part in textwrap.wrap(line, self.width - indent - 2, drop_whitespace=False) or [""]:
                shown, inside = self._marked(part, inside=inside) if places else (part, False)
                self._write(f"{' ' * indent}| {shown}")

    def _marked(self, part: str, *, inside: bool) -> tuple[str, bool]:
        """Marked places in red; whether the end of ``part`` is inside one."""
        pieces = []
        for piece in re.split(f"([{LEFT}{RIGHT}])", part):
            inside = inside or piece == LEFT
            pieces.append(self.style(piece, "red") if inside else piece)
            inside = inside and piece != RIGHT
        return "".join(pieces), inside

    def _write(self, text: str) -> None:
        encoding = self._out.encoding or "utf-8"
        self._out.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def quoted(text: str, places: Sequence[tuple[int, int]] = ()) -> Iterator[str]:
    """The lines of a text, harmless, its places marked, shortened in the middle."""
    if len(text) > LONGEST:
        head = LONGEST * 2 // 3
        tail = len(text) - (LONGEST - head)
        yield from quoted(text[:head], [(start, min(end, head)) for start, end in places if start < head])
        yield f"[... {tail - head:,} of {len(text):,} characters left out; --json has them ...]"
        yield from quoted(text[tail:], [(max(start - tail, 0), end - tail) for start, end in places if end > tail])
        return
    pieces, done = [], 0
    for start, end in joined(places):
        pieces += [text[done:start], LEFT, text[start:end], RIGHT]
        done = end
    pieces.append(text[done:])
    yield from harmless("".join(pieces)).split("\n")


def joined(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Places that touch or cover one another as one, in order; empty ones are none."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(place for place in places if place[0] < place[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


@lru_cache(maxsize=4096)
def _shown(character: str) -> str:
    if character == "\t":
        return "    "
    if unicodedata.category(character) not in _SILENT:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
