"""A clock that is wrong: signatures hold for minutes, so requests to AWS and webhooks are refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from metta_local.doctor import clock
from metta_local.model import ModelEmulator

from .aws_world import AwsWorld
from .conftest import Examine


@pytest.fixture
def off_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets this machine's clock, as far as the doctor reads it, to so many seconds ahead."""

    def shift(seconds: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: time.time() + seconds)

    return shift


SKEWS = [(0, "ok", ""), (30, "ok", ""), (-200, "warn", "behind"), (200, "warn", "ahead of"), (-900, "fail", "behind")]


@pytest.mark.parametrize(("seconds", "status", "side"), SKEWS)
def test_beside_aws_s(
    world: AwsWorld, examine: Examine, off_by: Callable[[float], None], seconds: float, status: str, side: str
) -> None:
    off_by(seconds)

    report = examine("queue", world.with_queues(*world.sound_queues()))

    assert report.statuses["queue.clock"] == status
    assert side in report.found["queue.clock"]
    assert ("15 minutes" in report.found["queue.clock"]) == (seconds == -900)
    assert ("NTP" in report.fixes["queue.clock"]) == (status != "ok")


@pytest.mark.parametrize(("seconds", "status", "side"), SKEWS)
def test_beside_the_model_s_api(
    served: Callable[[Any], str],
    examine: Examine,
    off_by: Callable[[float], None],
    seconds: float,
    status: str,
    side: str,
) -> None:
    off_by(seconds)
    emulator = ModelEmulator()

    report = examine("model", {"OPENAI_API_KEY": emulator.api_key, "OPENAI_BASE_URL": f"{served(emulator.app)}/v1"})

    assert report.statuses["model.clock"] == status
    assert side in report.found["model.clock"]


def test_a_refusal_tells_the_time_as_well(world: AwsWorld, examine: Examine, off_by: Callable[[float], None]) -> None:
    off_by(900)

    report = examine("queue", world.with_queues(f"{world.aws.url}/000000000000/nobody.fifo", None))

    assert report.statuses["queue.connection"] == "fail"
    assert report.statuses["queue.clock"] == "fail"


class TestReading:
    @pytest.mark.parametrize("date", [None, "", "soon", "Sat, 99 Nov 2026 25:00:00 GMT", "Thu, 01 Jan 1970"])
    def test_a_header_that_tells_nothing(self, date: str | None) -> None:
        assert clock.Reading(date, 1000.0, 1001.0).seconds_ahead is None

    def test_an_answer_that_took_long_is_no_wrong_clock(self) -> None:
        reading = clock.Reading(formatdate(1000, usegmt=True), asked=999.0, answered=1400.0)

        assert reading.seconds_ahead == 0

    @pytest.mark.parametrize(("asked", "ahead"), [(1000.5, 0), (1000.0, 0), (1100.0, 99), (800.0, -200)])
    def test_a_second_that_began_before_is_no_difference(self, asked: float, ahead: float) -> None:
        reading = clock.Reading(formatdate(1000, usegmt=True), asked=asked, answered=asked)

        assert reading.seconds_ahead == ahead

    @pytest.mark.parametrize("date", ["Thu, 01 Jan 1970 00:16:40 GMT", "Thu, 01 Jan 1970 02:16:40 +0200"])
    def test_another_time_zone_is_no_difference(self, date: str) -> None:
        assert clock.Reading(date, asked=1000.0, answered=1000.0).seconds_ahead == 0

    def test_headers_are_found_whatever_their_case(self) -> None:
        assert clock.Reading.of({"DATE": formatdate(0)}, 0).date is not None
