"""What wakes somebody and what does not: without traffic, at three messages a night, at ten a second, in a release."""

from __future__ import annotations

import pytest

from infrastructure.evaluate import deployed
from infrastructure.ringing import Metrics, Minutes, ringing
from infrastructure.watched import BRANCHES, alarms

NIGHT = 8 * 60
ALARMS = alarms(deployed(**BRANCHES["with receiver and topic"]))


def each(value: float, *, last: int = NIGHT, first: int = 0, every: int = 1) -> dict[int, float]:
    return dict.fromkeys(range(first, last, every), value)


LOOKS = {
    "CustomersUnanswered": each(0, every=5),
    "TurnsStranded": each(0, every=5),
}
TEN_A_SECOND = LOOKS | {
    "Invocations": each(100),
    "Duration": each(30_000),
    "ApproximateAgeOfOldestMessage": each(20),
    "ApproximateNumberOfMessagesVisible": each(0),
    "CircuitOpen": each(0),
    "DayBudgetSpent": each(40),
    "Turns": each(600),
    "TurnsHandedOff": each(120),
    "TurnsHandedOff:human_request": each(114),
    "TurnsHandedOff:attempts_exhausted": each(6),
    "UrlRequestCount": each(600),
    "WebhooksReceived": each(590),
    "WebhooksRefused:unsigned": each(10),
}
"""All is well, as far as it is at that rate: 20 % are handed off, 1 % after failures."""
THREE_A_NIGHT = LOOKS | {
    "Invocations": {30: 1, 200: 1, 420: 1},
    "Duration": {30: 9000, 200: 7000, 420: 55_000},
    "ApproximateAgeOfOldestMessage": {30: 5, 200: 5, 420: 70},
    "Turns": {30: 1, 200: 1, 420: 1},
    "UrlRequestCount": {30: 3, 200: 3, 420: 3},
    "WebhooksReceived": {30: 3, 200: 3, 420: 3},
}


def rung(metrics: Metrics, minutes: int = NIGHT, *, settled: int = 20) -> set[str]:
    """Names of the alarms that ring at any time after the first minutes, in which the watchdog has not looked yet."""
    return {name for name, alarm in ALARMS.items() if [at for at in ringing(alarm, metrics, minutes) if at > settled]}


def at_first(alarm: str, metrics: Metrics, minutes: int = NIGHT) -> int | None:
    return next(iter(ringing(ALARMS[alarm], metrics, minutes)), None)


def test_without_traffic_nobody_is_woken() -> None:
    assert rung(LOOKS) == set()


def test_only_the_watchdogs_own_silence_is_taken_for_a_fault() -> None:
    assert rung({}) == {"watchdog-silent"}


def test_at_ten_messages_a_second_what_always_happens_wakes_nobody() -> None:
    assert rung(TEN_A_SECOND) == set()


def test_at_ten_messages_a_second_single_errors_wake_nobody() -> None:
    trouble = {
        "Errors": each(1, every=3),
        "Throttles": each(1, every=7),
        "Url5xxCount": each(1, every=3),
        "CircuitOpen": each(0) | each(1, every=6),
    }

    assert rung(TEN_A_SECOND | trouble) == set()


def test_in_a_quiet_night_one_slow_batch_one_failed_turn_and_one_crash_wake_nobody() -> None:
    trouble = {"Errors": {420: 1}, "TurnsHandedOff": {200: 1}, "TurnsHandedOff:attempts_exhausted": {200: 1}}

    assert rung(THREE_A_NIGHT | trouble) == set()


def test_in_a_quiet_night_a_worker_that_does_not_start_rings_with_the_second_try() -> None:
    tries = {30: 1.0, 36: 1.0, 42: 1.0}  # six timeouts of a minute apart

    assert at_first("worker-errors", {"Invocations": tries, "Errors": tries}) == 37


def test_in_a_quiet_night_two_failed_turns_within_an_hour_ring() -> None:
    turns = {100: 1.0, 150: 1.0}

    assert at_first("handoffs-by-failure", {"Turns": turns, "TurnsHandedOff:broken": turns}) == 151


@pytest.mark.parametrize("alarm", ["worker-errors", "handoffs-by-failure"])
def test_a_bad_version_with_a_tenth_of_the_traffic_is_heard_before_it_gets_all_of_it(alarm: str) -> None:
    release = 100
    bad = {"Errors": each(10, first=release), "TurnsHandedOff:guardrail_broken": each(60, first=release)}

    first = at_first(alarm, TEN_A_SECOND | bad)

    assert first is not None
    assert 0 < first - release < 10, "Canary10Percent10Minutes"


def test_a_release_that_hands_most_over_is_heard_also_where_no_reason_is_a_failure() -> None:
    bad = {"TurnsHandedOff": each(10) | each(60, first=100), "Turns": each(100)}

    first = at_first("handoff-rate", bad)

    assert first is not None
    assert 100 < first <= 115


def test_a_few_hand_offs_are_no_rate() -> None:
    few = {"Turns": each(1, every=5), "TurnsHandedOff": each(1, every=5)}

    assert at_first("handoff-rate", few) is None


@pytest.mark.parametrize(("timeout", "heard"), [("60", True), ("120", False)])
def test_what_is_near_the_timeout_depends_on_the_timeout(timeout: str, heard: bool) -> None:
    alarm = alarms(deployed(WorkerTimeoutSeconds=timeout))["worker-near-timeout"]

    assert bool(ringing(alarm, {"Duration": each(50_000)}, 60)) is heard


@pytest.mark.parametrize("timeout", ["30", "60", "90", "120", "180", "300", "600", "900"])
def test_near_is_four_fifths_of_any_timeout(timeout: str) -> None:
    alarm = alarms(deployed(WorkerTimeoutSeconds=timeout))["worker-near-timeout"]

    assert float(alarm["Threshold"]) == 0.8 * 1000 * int(timeout)


def test_a_spent_budget_rings_until_the_first_turn_of_the_next_day() -> None:
    spent: Minutes = {10: 85, 400: 1}

    assert ringing(ALARMS["budget-nearly-spent"], {"DayBudgetSpent": spent}, NIGHT) == list(range(11, 401))


def test_a_message_may_wait_for_a_moment_but_not_for_longer_than_the_parameter() -> None:
    alarm = alarms(deployed(OldestMessageSeconds="600"))["oldest-message"]

    assert not ringing(alarm, {"ApproximateAgeOfOldestMessage": {10: 900, 11: 900}}, 60)
    assert not ringing(alarm, {"ApproximateAgeOfOldestMessage": each(599)}, 60)
    assert ringing(alarm, {"ApproximateAgeOfOldestMessage": each(600)}, 60)


def test_a_single_dead_letter_rings_until_it_is_gone() -> None:
    waiting = each(1, first=100, last=200) | each(0, first=200)

    rings = ringing(ALARMS["dead-letters"], {"ApproximateNumberOfMessagesVisible": waiting}, NIGHT)

    assert (rings[0], rings[-1]) == (101, 204)


def test_a_dependency_that_stays_down_rings_and_one_that_stumbles_does_not() -> None:
    assert at_first("dependency-down", {"CircuitOpen": each(1, first=100, last=120)}) == 105
    assert at_first("dependency-down", {"CircuitOpen": each(1, first=100, last=104)}) is None


def test_a_customer_who_waits_rings_with_the_look_that_finds_them() -> None:
    looks = LOOKS | {"CustomersUnanswered": each(0, every=5) | {200: 1}}

    assert at_first("customers-unanswered", looks) == 201


def test_a_turn_that_was_left_half_way_and_finished_does_not_ring_and_one_that_never_is_does() -> None:
    killed = LOOKS | {"TurnsStranded": each(0, every=5) | {200: 1}}
    again = LOOKS | {"TurnsStranded": each(0, every=5) | {200: 1, 210: 1, 220: 1}}
    audit_down = LOOKS | {"TurnsStranded": each(0, every=5) | each(1, first=200, every=5)}

    assert at_first("turns-stranded", killed) is None
    assert at_first("turns-stranded", again) is None, "other turns each time"
    assert at_first("turns-stranded", audit_down) is not None


def test_a_watchdog_that_stops_looking_is_missed_within_four_looks() -> None:
    looks = {"CustomersUnanswered": each(0, last=200, every=5)}

    rings = [at for at in ringing(ALARMS["watchdog-silent"], looks, NIGHT) if at > 20]

    assert rings[0] in range(205, 221)
    assert rings[-1] == NIGHT


def test_one_lost_webhook_of_a_quiet_night_rings() -> None:
    lost = {"UrlRequestCount": {200: 1.0}, "Url5xxCount": {200: 1.0}}

    assert at_first("webhook-failing", lost) == 201


def test_of_many_webhooks_more_than_one_percent_ring() -> None:
    some = {"UrlRequestCount": each(50, first=100), "Url5xxCount": each(0) | each(1, first=200)}

    assert at_first("webhook-failing", some) == 203, "three of 250 are more than 1 %"


def test_a_wrong_webhook_secret_rings_also_in_a_quiet_hour() -> None:
    refused = {"WebhooksRefused:signature": {200: 1.0, 210: 1.0, 230: 1.0}}

    assert at_first("webhook-refusing", refused) == 231


def test_those_who_try_doors_do_not_ring() -> None:
    scanned = THREE_A_NIGHT | {"WebhooksRefused:malformed": each(5), "WebhooksRefused:signature": {30: 1, 31: 1}}

    assert at_first("webhook-refusing", scanned) is None
