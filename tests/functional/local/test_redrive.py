"""``metta redrive``: what it shows, what it moves, and what it leaves as it was."""

from __future__ import annotations

import json

import pytest

from metta_local import redrive as redrive_module
from metta_local.aws import MiniStack
from metta_local.redrive import Choice, DeadLetterQueue, Fate

from .redriving import Pair, Redrive, body, text_of

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def _no_long_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local queue leaves nothing out of a short one."""
    monkeypatch.setattr(redrive_module, "WAIT_SECONDS", 0)


def test_a_dry_run_shows_what_is_there_and_moves_nothing(pair: Pair, redrive: Redrive) -> None:
    pair.dead_letter("my card is 4111", 84)
    pair.dead_letter("and my order?", 84)
    pair.dead_letter('{"event": "message_cre', 12, reason="body: is not\x1b[31m JSON")

    done = redrive("--dry-run", "--json")

    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert (shown["messages"], shown["chosen"], shown["moved"], shown["kept"]) == (3, 2, 0, 1)
    assert [(row["conversation"], row["reason"], row["messages"], row["rejected"]) for row in shown["groups"]] == [
        ("3:84", "received too often", 2, False),
        ("3:12", "body: is not [31m JSON", 1, True),
    ], "oldest first"
    assert all(row["receives"] == 1 and row["age_seconds"] < 60 for row in shown["groups"])
    assert pair.arrived() == []
    assert sorted(pair.left()) == sorted(["my card is 4111", "and my order?", '{"event": "message_cre'])


def test_people_see_conversations_ages_and_reasons_but_no_body(pair: Pair, redrive: Redrive) -> None:
    pair.dead_letter("my card is 4111", 84)

    done = redrive("--dry-run")

    assert "3:84" in done.stdout
    assert "received too often" in done.stdout
    assert "1 message would be moved, 0 kept" in done.stdout
    assert "4111" not in done.stdout + done.stderr


def test_an_empty_queue_is_said_to_be_empty(redrive: Redrive) -> None:
    done = redrive()

    assert (done.returncode, done.stdout) == (0, "the dead-letter queue is empty\n")


def test_messages_come_back_as_they_were_in_the_order_of_their_conversation(
    pair: Pair, redrive: Redrive, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = [str(n) for n in range(25)]
    for number in numbers:
        pair.dead_letter(number, 84, **{"X-Chatwoot-Signature": f"sha256={number}"})
    pair.dead_letter("other", 12)

    done = redrive("--json")

    assert json.loads(done.stdout)["moved"] == 26
    assert done.stderr == ""
    assert caplog.messages == []
    found = pair.take(pair.queue)
    first = [message for message in found if message["Attributes"]["MessageGroupId"] == "3:84"]
    assert [text_of(message) for message in first] == numbers
    assert len(found) == 26
    for number, message in zip(numbers, first, strict=True):
        assert message["Body"] == body(84, number)
        assert message["MessageAttributes"] == {
            "X-Chatwoot-Signature": {"DataType": "String", "StringValue": f"sha256={number}"}
        }
    assert pair.left() == []


def test_binary_attributes_come_back_too(pair: Pair, redrive: Redrive) -> None:
    raw = {"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    pair.sqs.send_message(
        QueueUrl=pair.dead,
        MessageBody=body(84, "x"),
        MessageGroupId="3:84",
        MessageDeduplicationId="b",
        MessageAttributes=raw,
    )

    redrive()

    (message,) = pair.take(pair.queue)
    assert message["MessageAttributes"] == raw


def test_what_was_rejected_stays_unless_it_is_asked_for(pair: Pair, redrive: Redrive) -> None:
    pair.dead_letter("no webhook", 12, reason="body: is not JSON", source="crm")
    pair.dead_letter("a question", 84)

    done = redrive()
    assert "--rejected" in done.stdout
    assert pair.arrived() == ["a question"]

    redrive("--rejected")
    (message,) = pair.take(pair.queue)
    assert message["Body"] == "no webhook"
    assert message["Attributes"]["MessageGroupId"] == "3:12"
    assert set(message["MessageAttributes"]) == {"source"}, "else it would look rejected for ever"


@pytest.mark.parametrize("named", ["84", "3:84"])
def test_one_conversation_alone_goes_back_and_the_others_can_be_received_at_once(
    pair: Pair, redrive: Redrive, named: str
) -> None:
    for number in range(3):
        pair.dead_letter(f"first {number}", 12)
        pair.dead_letter(f"mine {number}", 84)

    redrive("--conversation", named)

    assert pair.arrived() == ["mine 0", "mine 1", "mine 2"]
    assert pair.left() == ["first 0", "first 1", "first 2"]


def test_no_more_go_back_than_asked_for(pair: Pair, redrive: Redrive) -> None:
    for number in range(4):
        pair.dead_letter(str(number))

    looked = json.loads(redrive("--limit", "3", "--dry-run", "--json").stdout)
    assert (looked["messages"], looked["chosen"], looked["kept"]) == (4, 3, 1)
    done = redrive("--limit", "3", "--json")

    assert json.loads(done.stdout)["moved"] == 3
    assert pair.arrived() == ["0", "1", "2"]
    assert pair.left() == ["3"]


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_limit_that_is_none_is_refused(redrive: Redrive, value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        redrive("--limit", value)

    assert ended.value.code == 1


def test_what_cannot_be_looked_at_is_counted(pair: Pair, redrive: Redrive) -> None:
    for number in range(12):
        pair.dead_letter(str(number))

    shown = json.loads(redrive("--dry-run", "--json").stdout)

    assert (shown["messages"], shown["unseen"]) == (10, 2)
    assert len(pair.left()) == 12


def test_a_person_is_asked_first(pair: Pair, redrive: Redrive) -> None:
    pair.dead_letter("a question")

    done = redrive(typed="n\n")
    assert done.returncode == 0
    assert "Move 1 message back" in done.stderr
    assert "3:84" in done.stderr
    assert pair.arrived() == []

    redrive(typed="y\n")
    assert pair.arrived() == ["a question"]


def test_with_yes_nobody_is_asked(pair: Pair, redrive: Redrive) -> None:
    pair.dead_letter("a question")

    done = redrive("--yes", typed="")

    assert "Move" not in done.stderr
    assert pair.arrived() == ["a question"]


def test_standard_queues_are_redriven_as_well(aws: MiniStack, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(aws, fifo=False)
    for number in range(12):
        pair.dead_letter(str(number), 84 if number % 2 else 12, note="kept")

    report = DeadLetterQueue(pair.sqs, pair.dead, pair.queue).move(Choice(conversation="84"))

    assert report.count(Fate.MOVED) == 6
    found = pair.take(pair.queue)
    assert sorted(text_of(message) for message in found) == ["1", "11", "3", "5", "7", "9"]
    assert all(message["MessageAttributes"]["note"]["StringValue"] == "kept" for message in found)
    assert len(pair.left()) == 6


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"AWS_SQS_DLQ_URL": None}, ["not set", "AWS_SQS_DLQ_URL"]),
        ({"AWS_SQS_QUEUE_URL": None}, ["not set", "AWS_SQS_QUEUE_URL"]),
        ({"AWS_SQS_DLQ_URL": "metta-dlq"}, ["AWS_SQS_DLQ_URL", "not the URL of a queue"]),
        ({"AWS_SQS_DLQ_URL": "http://127.0.0.1:{port}/000000000000/none.fifo"}, ["AWS_SQS_DLQ_URL", "no such queue"]),
        ({"AWS_SQS_QUEUE_URL": "http://127.0.0.1:{port}/000000000000/n.fifo"}, ["AWS_SQS_QUEUE_URL", "no such queue"]),
        ({"AWS_SQS_DLQ_URL": "{queue}"}, ["AWS_SQS_DLQ_URL", "the same queue"]),
        ({"AWS_SQS_DLQ_URL": "{other}"}, ["AWS_SQS_DLQ_URL", "not the dead-letter queue of"]),
    ],
    ids=["no dlq", "no queue", "no url", "dlq gone", "queue gone", "same", "another's"],
)
def test_a_queue_that_is_not_set_or_wrong_is_named(
    pair: Pair, redrive: Redrive, queue_url: str, changes: dict[str, str | None], words: list[str]
) -> None:
    port = pair.aws.url.rsplit(":", 1)[1]
    filled = {
        name: value and value.format(port=port, queue=pair.queue, other=queue_url) for name, value in changes.items()
    }

    done = redrive(**filled)

    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
