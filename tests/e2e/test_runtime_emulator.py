"""The built artifact under AWS's own runtime interface emulator, which the SAM CLI's wheel carries (not a contract)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from e2e_world import World, load_event
from lambda_emulator import MISSING, PRESENT, Emulated, emulated
from metta_local.model.scripting import Fail
from metta_local.stack import LocalStack

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not PRESENT, reason=MISSING)]


@pytest.fixture(scope="module")
def variables(stack: LocalStack) -> dict[str, str]:
    return stack.environment() | {"BURST_QUIET_SECONDS": "0"}


def test_a_batch_is_answered_and_what_fails_is_named(
    world: World, variables: dict[str, str], built: Path, tmp_path: Path
) -> None:
    event = load_event("01_incoming_text_webwidget")
    event["Records"] += load_event("07_incoming_whatsapp")["Records"]
    world.remember(event)
    world.model.fault(Fail(503), times=None, when="Hi, where is my order")

    with emulated(built, variables, tmp_path, seconds=60) as invoke:
        answer = invoke(event)

    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert (len(world.replies(84)), len(world.replies(120))) == (0, 1)


def test_a_function_that_cannot_start_says_why(variables: dict[str, str], built: Path, tmp_path: Path) -> None:
    without = {name: value for name, value in variables.items() if name != "ODOO_DB"}

    with emulated(built, without, tmp_path, seconds=60) as invoke:
        answer = invoke(load_event("01_incoming_text_webwidget"))

    assert answer["errorType"].endswith("SettingsError")
    assert "ODOO_DB" in answer["errorMessage"]
    assert "Metta does not start" in (tmp_path / "function.log").read_text()


def test_a_batch_that_cannot_end_in_time_is_given_back_before_the_end(
    world: World, variables: dict[str, str], built: Path, tmp_path: Path
) -> None:
    event = load_event("01_incoming_text_webwidget")
    world.remember(event)

    with emulated(built, variables, tmp_path, seconds=18) as invoke:
        answer = invoke(event)

    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert world.model.requests == []


def test_a_function_that_hangs_is_cut_off_in_time_and_the_next_call_starts_it_anew(
    world: World, variables: dict[str, str], built: Path, tmp_path: Path
) -> None:
    event = load_event("01_incoming_text_webwidget")
    world.remember(event)
    timeout = "Task timed out after 8.00 seconds"

    with emulated(built, variables, tmp_path, seconds=8) as function:
        started = first_but(timeout, function, load_event("14_webwidget_triggered"))
        function.freeze()
        hanging = function(event)
        next_one = first_but(timeout, function, event)

    assert started == {"batchItemFailures": []}
    assert hanging == timeout
    assert next_one == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert world.replies(84) == []


def first_but(timeout: str, function: Emulated, event: dict[str, Any]) -> Any:
    """What it answers once it has started; on a busy machine its first starts may take too long."""
    answers = (function(event) for _ in range(8))
    return next((answer for answer in answers if answer != timeout), timeout)
