"""The injector: a seed means the same trouble each time, in the share that was asked for, until it is calm."""

from __future__ import annotations

from collections import Counter

import pytest

from metta_local.chaos.injector import LATE_SECONDS, Fault, Injector
from metta_local.chaos.journal import FaultKind, Place


def decisions(injector: Injector, place: Place, operation: str, number: int = 2000) -> list[Fault | None]:
    return [injector.decide(place, operation) for _ in range(number)]


def test_a_seed_decides_the_same_again_whatever_else_was_called_in_between() -> None:
    alone = decisions(Injector(7, 0.1), Place.CHATWOOT, "create_message", 300)

    busy = Injector(7, 0.1)
    among_others = []
    for _ in range(300):
        decisions(busy, Place.SQS, "receive", 3)
        among_others.append(busy.decide(Place.CHATWOOT, "create_message"))

    assert among_others == alone
    assert decisions(Injector(8, 0.1), Place.CHATWOOT, "create_message", 300) != alone
    others = [decisions(Injector(7, 0.1), Place.CHATWOOT, name, 300) for name in ("get_conversation", "toggle_status")]
    assert others[0] != others[1], "each operation has a fate of its own"


@pytest.mark.parametrize("place", list(Place))
def test_every_place_gets_its_share_and_every_kind_of_trouble(place: Place) -> None:
    injector = Injector(1, 0.1)

    faults = [fault for fault in decisions(injector, place, "anything", 20_000) if fault is not None]

    assert 0.09 < len(faults) / 20_000 < 0.11
    assert {fault.kind for fault in faults} == set(FaultKind)
    assert injector.counts == Counter((place, fault.kind) for fault in faults)


def test_without_faults_or_once_calm_nothing_goes_wrong() -> None:
    injector = Injector(1, 1.0)
    assert None not in decisions(injector, Place.MODEL, "respond", 50)

    injector.calm()

    assert set(decisions(injector, Place.MODEL, "respond", 50)) == {None}
    assert sum(injector.counts.values()) == 50
    assert set(decisions(Injector(1, 0.0), Place.MODEL, "respond", 50)) == {None}


def test_what_goes_wrong_before_the_effect_and_after_it_are_both_met() -> None:
    faults = [fault for fault in decisions(Injector(3, 1.0), Place.CHATWOOT, "create_message") if fault is not None]

    for kind in (FaultKind.SERVER_ERROR, FaultKind.MALFORMED):
        assert {fault.after_effect for fault in faults if fault.kind is kind} == {True, False}
    assert {fault.after_effect for fault in faults if fault.kind is FaultKind.RESET_BEFORE} == {False}
    assert {fault.after_effect for fault in faults if fault.kind is FaultKind.RESET_AFTER} == {True}


def test_a_timeout_outlasts_the_worker_s_patience_and_a_late_message_its_sender() -> None:
    injector = Injector(3, 1.0, patience={Place.CHATWOOT: 4.0})
    faults = [fault for fault in decisions(injector, Place.CHATWOOT, "create_message") if fault is not None]

    timeouts = [f for f in faults if f.kind in (FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER)]
    late = [fault for fault in timeouts if fault.late_seconds]
    assert min(fault.seconds for fault in timeouts) >= 5.0
    assert max(fault.late_seconds for fault in late) > 4.0
    assert all(fault.late_seconds <= LATE_SECONDS and fault.kind is FaultKind.TIMEOUT_AFTER for fault in late)
    others = [fault for fault in decisions(injector, Place.CHATWOOT, "get_conversation") if fault is not None]
    assert not any(fault.late_seconds for fault in others)
