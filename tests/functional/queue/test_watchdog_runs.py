"""A run of the watchdog: its order, its time, its numbers, and what one conversation's trouble does to the others."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from office import Office
from watching import Ward
from world import ENVIRONMENT

from metta.errors import SettingsError, StateDown
from metta.messages import ConversationKey
from metta.queue.rescue import Fate
from metta.settings import load


@pytest.fixture
def ward(make_office: Callable[..., Office]) -> Ward:
    return Ward(make_office(), load(ENVIRONMENT))


def test_the_one_who_waits_longest_comes_first(ward: Ward) -> None:
    order: list[int] = []
    for conversation, minutes in ((7, 20), (15, 40), (8, 30)):
        ward.waits(conversation, minutes)
        ward.chatwoot[conversation].on_get.append(lambda conversation=conversation: order.append(conversation))
    dog = ward.watchdog()
    found = [one.key.conversation_id for one in dog._index.older_than(ward.now() - 900)]

    report = dog.run(60)

    assert found == [15, 8, 7]
    assert sorted(order) == [7, 8, 15]
    assert report.oldest_seconds == pytest.approx(40 * 60, abs=5)


def test_one_conversation_s_trouble_does_not_stop_the_others(ward: Ward) -> None:
    for conversation in range(20, 30):
        ward.waits(conversation, 20)
    broken = ward.chatwoot[25]
    broken.on_get.append(fail_unforeseen)

    report = ward.watchdog().run(60)

    assert report.fates == {"ended": 9, "failed": 1}
    assert report.unanswered == 10
    assert [c for c in range(20, 30) if ward.chatwoot[c].status != "open"] == [25]
    assert ward.watchdog().run(60).fates == {"ended": 1}


def fail_unforeseen() -> None:
    raise RuntimeError("Where is my order?")


def test_an_unforeseen_error_does_not_put_a_customer_s_words_into_the_log(ward: Ward) -> None:
    ward.waits(25, 20)
    ward.chatwoot[25].on_get.append(fail_unforeseen)

    ward.watchdog().run(60)

    (line,) = [json.loads(line) for line in ward.log.getvalue().splitlines() if '"failed"' in line and '"3:25"' in line]
    assert "RuntimeError" in line["message"]
    assert "my order" not in ward.log.getvalue()


def test_without_time_nothing_is_begun(ward: Ward) -> None:
    ward.waits(25, 20)
    before = len(ward.steps.names)

    report = ward.watchdog().run(10)

    assert report.fates == {"left": 1}
    assert not [name for name in ward.steps.names[before:] if "query" not in name]


def test_a_watchdog_that_is_told_to_stop_begins_nothing_more(ward: Ward) -> None:
    ward.waits(25, 20)
    dog = ward.watchdog()
    dog.stop()

    assert dog.run(60).fates == {"left": 1}
    assert ward.chatwoot[25].status == "pending"


@pytest.mark.parametrize("waiting", [False, True])
def test_the_numbers_are_emitted_also_when_they_are_zero(
    ward: Ward, waiting: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if waiting:
        ward.waits(25, 20)

    ward.watchdog(emit_metrics=True).run(60)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    (metrics,) = lines
    assert metrics["CustomersUnanswered"] == [1.0 if waiting else 0.0]
    assert metrics["TurnsStranded"] == [0.0]
    assert (metrics["OldestUnanswered"][0] > 1000) is waiting


def test_a_table_without_the_index_is_said(make_office: Callable[..., Office]) -> None:
    office = make_office()
    client = office.client
    ward = Ward(office, load(ENVIRONMENT))
    client.delete_table(TableName="state-table")
    client.create_table(
        TableName="state-table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    with pytest.raises(SettingsError, match=r"IDEMPOTENCY_TABLE.*'watch'"):
        ward.watchdog().run(60)


def test_a_dynamodb_that_is_down_is_no_settings_error(ward: Ward) -> None:
    ward.client.delete_table(TableName="state-table")

    with pytest.raises(StateDown):
        ward.watchdog().run(60)


def test_a_conversation_that_was_finished_meanwhile_is_left_alone(ward: Ward) -> None:
    ward.waits(25, 20)
    dog = ward.watchdog()
    stale = dog._index.older_than(ward.now())
    dog.run(60)
    assert ward.chatwoot[25].status == "open"
    dog._index.older_than = lambda moment: stale  # type: ignore[method-assign]
    notes = len(ward.chatwoot[25].notes)

    assert dog.run(60).fates == {str(Fate.FINISHED_MEANWHILE): 1}
    assert len(ward.chatwoot[25].notes) == notes
    assert stale[0].key == ConversationKey(account_id=3, conversation_id=25)
