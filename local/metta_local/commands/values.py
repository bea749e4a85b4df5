"""What an argument may be: each function takes what was typed and says in its error what would do."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from datetime import date

_LARGEST = 2**63 - 1


def identifier(text: str) -> int:
    """A number that Chatwoot could give to something, or a count of at least one."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= _LARGEST):
        raise argparse.ArgumentTypeError("must be a number from 1 on")
    return int(text)


def at_least(least: int) -> Callable[[str], int]:
    """A whole number that is not less than this."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is less than {least}")
        return value

    return number


def whole(text: str) -> int:
    """Any whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number") from None


def port(text: str) -> int:
    """A TCP port; 0 takes a free one."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a port, 0 to 65535; 0 takes a free one")
    return int(text)


def seconds(text: str) -> float:
    """A duration of at most a day."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 86400:
        raise argparse.ArgumentTypeError("must be seconds, 0 to 86400")
    return number


def share(text: str) -> float:
    """A part of all calls."""
    value = _real(text)
    if not 0 <= value <= 0.5:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 0.5; 0.1 spoils a tenth of all calls")
    return value


def minutes(text: str) -> float:
    """A duration of at most two hours."""
    value = _real(text)
    if not 1 <= value <= 120:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 120")
    return value


def conversation(text: str) -> str:
    """Chatwoot's number of a conversation, with or without the account before it."""
    try:
        for part in text.split(":", 1):
            identifier(part)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a conversation's number, such as 84 or 3:84") from None
    return text


def language(text: str) -> str:
    """A language by its two letters."""
    if not (text.isascii() and text.isalpha() and len(text) == 2):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not two letters, such as en or de")
    return text.lower()


def day(text: str) -> date:
    """A day as ISO 8601 writes it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a day such as 2026-11-28") from None


def _real(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a number")
    return value
