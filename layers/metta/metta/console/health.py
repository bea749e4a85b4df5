"""Looks at all dependencies at the same time, each with a timeout, and says how Metta is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from metta.errors import MettaError
from metta.nouns import Noun
from metta.observability.masking import Mask

PROBE_SECONDS = 5.0
MOST_CHARS = 300
"""Of a detail."""


class Status(StrEnum):
    """How something is."""

    OK = "ok"
    DEGRADED = "degraded"
    """Customers are answered, but less well, or something waits to be made up for."""
    DOWN = "down"
    """Customers are not answered."""


class Check(Noun):
    """How one dependency is."""

    name: str = Field(description="Which")
    status: Status = Field(description="ok, degraded (it works, but not as it should) or down")
    latency_ms: float = Field(description="How long the look took")
    detail: str = Field(description="What was seen; holds no secret and nothing of a customer")


class Health(Noun):
    """How Metta is."""

    status: Status = Field(description="down when customers are not answered, degraded when anything is not ok")
    checks: tuple[Check, ...] = Field(description="Each dependency")


class Degraded(Exception):  # noqa: N818 - what was found, not what went wrong
    """It works, but not as it should; the text says what is wrong."""


class Down(Exception):  # noqa: N818 - what was found, not what went wrong
    """It does not work; the text says what was seen."""


@dataclass(frozen=True)
class Probe:
    """A look at one dependency.

    Attributes:
        name: which.
        look: gives the detail of a dependency that is well; raises ``Degraded``, ``Down`` or whatever it met.
        needed: whether customers are not answered without it.
    """

    name: str
    look: Callable[[], Awaitable[str]]
    needed: bool = True


async def check_all(probes: Sequence[Probe], mask: Mask, *, seconds: float = PROBE_SECONDS) -> Health:
    """Look at all of them at the same time.

    Args:
        probes: what to look at.
        mask: goes over every detail.
        seconds: for each.
    """
    checks = await asyncio.gather(*(_check(probe, mask, seconds) for probe in probes))
    down = any(check.status is Status.DOWN and probe.needed for check, probe in zip(checks, probes, strict=True))
    well = all(check.status is Status.OK for check in checks)
    return Health(status=Status.DOWN if down else Status.OK if well else Status.DEGRADED, checks=tuple(checks))


async def _check(probe: Probe, mask: Mask, seconds: float) -> Check:
    began = time.perf_counter()
    try:
        status, detail = await _looked(probe, seconds)
    except Exception as error:  # noqa: BLE001 - a dependency can fail in any way; its own words are not for show
        status, detail = Status.DOWN, f"unexpected {type(error).__name__}"
    latency_ms = round((time.perf_counter() - began) * 1000, 1)
    return Check(name=probe.name, status=status, latency_ms=latency_ms, detail=mask.text(detail)[:MOST_CHARS])


async def _looked(probe: Probe, seconds: float) -> tuple[Status, str]:
    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            return Status.OK, await probe.look()
    except Degraded as found:
        return Status.DEGRADED, str(found)
    except (Down, MettaError) as found:
        return Status.DOWN, str(found)
    except TimeoutError:
        return Status.DOWN, f"no answer within {seconds:g} s" if timeout.expired() else "no answer in time"
