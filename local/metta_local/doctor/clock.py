"""This machine's clock against the ``Date`` header of a server's answer, for whichever area has one at hand.

Signatures hold for minutes: AWS refuses a request whose time is five minutes off, a webhook's receiver and Chatwoot's
signature have the same window. The header tells whole seconds, so what is found is true to about a second.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from metta_local.doctor.check import Check, fail, ok, skip, warn

WARN_SECONDS = 60
FAIL_SECONDS = 300
"""From here on signatures are refused."""
_FIX = "set this machine's clock (NTP, for example `timedatectl set-ntp true`)"


def now() -> float:
    """This machine's time, seconds since 1970."""
    return time.time()


@dataclass(frozen=True)
class Reading:
    """One answer's ``Date`` header, and this machine's time around it.

    Attributes:
        date: the header as it came; None when there was none.
        asked, answered: ``now()`` before the request and after its answer.
    """

    date: str | None
    asked: float
    answered: float

    @classmethod
    def of(cls, headers: Mapping[str, str], asked: float) -> Reading:
        """The reading of an answer that has just come."""
        date = next((value for name, value in headers.items() if name.lower() == "date"), None)
        return cls(date, asked, now())

    @property
    def seconds_ahead(self) -> float | None:
        """How far this machine is ahead of the server, at the least; negative when behind, None when not known."""
        if not self.date:
            return None
        try:
            told = parsedate_to_datetime(self.date)
        except ValueError:
            return None
        there = (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
        if self.asked > there + 1:
            return self.asked - there - 1
        return min(0.0, self.answered - there)


def check(name: str, whose: str, reading: Reading | None) -> Check:
    """How the clock stands.

    Args:
        name: of the check, for example ``queue.clock``.
        whose: the other clock, as in "one second behind AWS's".
        reading: of any answer, a refusal's too; None when nothing answered.
    """
    ahead = reading.seconds_ahead if reading else None
    if ahead is None:
        return skip(name, f"no answer told {whose} time")
    off, side = abs(ahead), "ahead of" if ahead > 0 else "behind"
    if off <= WARN_SECONDS:
        return ok(name, f"this machine's clock agrees with {whose}")
    found = f"this machine's clock is {_told(off)} {side} {whose}"
    if off <= FAIL_SECONDS:
        return warn(name, f"{found}: beyond {FAIL_SECONDS // 60} minutes signatures are refused", _FIX)
    return fail(name, f"{found}: requests to AWS and signed webhooks are refused", _FIX)


def _told(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * 60 else f"{seconds / 60:.0f} minutes"
