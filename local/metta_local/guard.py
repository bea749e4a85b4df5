"""``metta guard``: judges texts given as JSON Lines, one answer a line."""

from __future__ import annotations

from typing import TextIO


def run(stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Answer every line of ``stdin`` on ``stdout``; 0, or 1 when a line was malformed."""
    raise NotImplementedError
