"""What the journal says a call was: named by place and step of the turn, without texts or secrets."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from metta.messages import ConversationKey
from metta.queue.state import TurnStates
from metta.state import ConversationState
from metta_local.chaos.http_wire import Message, response
from metta_local.chaos.journal import Place
from metta_local.chaos.operations import Lens, Seen
from metta_local.chaos.records import Receipts
from metta_local.chaos.steps import STEPS, KillStep, step

KEY = ConversationKey(account_id=3, conversation_id=84)
PATH = "/api/v1/accounts/3/conversations/84"


def request(method: str, target: str, body: Any = None, **headers: str) -> Message:
    raw = b"" if body is None else json.dumps(body).encode()
    named = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return Message(f"{method} {target} HTTP/1.1".encode(), named, raw)


def answer(body: Any) -> Message:
    return response(200, "OK", json.dumps(body).encode(), "application/json")


def aws(lens: Lens, target: str, body: Any) -> Seen:
    return lens.request(Place.SQS, request("POST", "/", body, x_amz_target=target))


def names(seen: Seen, *, after: bool = True) -> list[str]:
    assert seen.place is not None
    return [one.name for one in STEPS if one.fits(seen.place, seen.operation, seen.detail, after=after)]


class Written:
    """A DynamoDB client that keeps what was asked of it, in the shape that travels."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def update_item(self, **given: Any) -> dict[str, Any]:
        self.asked = given
        values = given["ExpressionAttributeValues"]
        for value in values.values():
            if "B" in value:
                value["B"] = base64.b64encode(value["B"]).decode()
        return {"Attributes": {"tries": {"N": "1"}, "lease_until": {"N": "9e9"}}}


@pytest.fixture
def lens() -> Lens:
    return Lens(Receipts())


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def states(written: Written) -> TurnStates:
    return TurnStates(written, "metta")


def of_state(lens: Lens, written: Written) -> Seen:
    return aws(lens, "DynamoDB_20120810.UpdateItem", written.asked)


def test_each_write_of_turn_state_is_known_for_what_it_is(lens: Lens, written: Written, states: TurnStates) -> None:
    state = states.acquire(KEY, waiting=True)
    assert (of_state(lens, written).operation, of_state(lens, written).conversation) == ("acquire", 84)
    states.renew(state)
    assert of_state(lens, written).operation == "renew"
    states.save(state)
    saved = of_state(lens, written)
    assert (saved.operation, saved.conversation, saved.detail["phase"], saved.detail["sent"]) == (
        "save",
        84,
        None,
        False,
    )
    states.release(state)
    assert of_state(lens, written).operation == "release"


def test_a_save_tells_how_far_the_turn_is(lens: Lens, written: Written, states: TurnStates) -> None:
    def packed(hand: Any, outbox: list[Any]) -> dict[str, Any]:
        states.save(ConversationState(key=KEY, owner="me", lease_until=9e9, tries=1))
        turns = gzip.compress(json.dumps({"hand": hand, "outbox": outbox}).encode())
        written.asked["ExpressionAttributeValues"][":turns"] = {"B": base64.b64encode(turns).decode()}
        return written.asked

    packed({"id": "t-1", "phase": "sending"}, [])
    assert names(of_state(lens, written)) == ["after save(SENDING)"]
    assert of_state(lens, written).detail["turn_id"] == "t-1"
    packed(None, [{"id": "t-1"}])
    assert names(of_state(lens, written)) == ["after save(SENT)"]
    assert of_state(lens, written).detail["outbox"] == ["t-1"]


def test_the_guard_s_items_are_told_from_turn_state(lens: Lens) -> None:
    item = {"id": {"S": "message#5f2c"}, "status": {"S": "INPROGRESS"}}

    assert aws(lens, "DynamoDB_20120810.PutItem", {"Item": item}).operation == "guard_put"
    assert aws(lens, "DynamoDB_20120810.UpdateItem", {"Key": {"id": item["id"]}}).operation == "guard_update"
    assert aws(lens, "DynamoDB_20120810.DeleteItem", {"Key": {"id": item["id"]}}).operation == "guard_delete"
    other = aws(lens, "DynamoDB_20120810.UpdateItem", {"Key": {"id": {"S": "budget#2026-11-22"}}})
    assert (other.place, other.operation, other.detail) == (Place.DYNAMODB, "update_item", {"key": "budget"})


def received(body: Any, handle: str, group: str = "3:84") -> dict[str, Any]:
    return {
        "MessageId": f"id-{handle}",
        "ReceiptHandle": handle,
        "Body": json.dumps(body),
        "Attributes": {"ApproximateReceiveCount": "2", "MessageGroupId": group},
    }


def test_records_are_followed_from_receive_to_delete_whoever_deletes_them() -> None:
    receipts = Receipts()
    first, second = Lens(receipts), Lens(receipts)
    message = {"event": "message_created", "id": 5001, "conversation": {"id": 84}, "content": "secret words"}
    status = {"event": "conversation_status_changed", "id": 85, "status": "pending"}
    poll = aws(first, "AmazonSQS.ReceiveMessage", {"QueueUrl": "http://x/0/metta.fifo"})
    first.response(poll, answer({"Messages": [received(message, "r1"), received(status, "r2", "3:85")]}))

    one, two = poll.detail["records"]
    assert (one.message_id, one.receive_count, one.group, one.chatwoot_id) == ("id-r1", 2, "3:84", 5001)
    assert (two.event, two.chatwoot_id, two.conversation) == ("conversation_status_changed", None, 85)
    assert poll.detail["conversations"] == [84, 85]
    assert "secret words" not in str(poll.detail)

    entries = [{"Id": "0", "ReceiptHandle": "r2"}, {"Id": "1", "ReceiptHandle": "gone"}]
    gone = aws(second, "AmazonSQS.DeleteMessageBatch", {"Entries": entries})
    assert (gone.operation, gone.detail["message_ids"], gone.detail["conversations"]) == ("delete", ["id-r2"], [85])
    back = {"Entries": [{"Id": "0", "ReceiptHandle": "r1", "VisibilityTimeout": 7}]}
    changed = aws(second, "AmazonSQS.ChangeMessageVisibilityBatch", back)
    assert (changed.operation, changed.detail["message_ids"], changed.detail["seconds"]) == (
        "visibility",
        ["id-r1"],
        [7],
    )


def test_a_record_whose_body_cannot_be_read_is_followed_all_the_same() -> None:
    receipts = Receipts()
    lens = Lens(receipts)
    poll = aws(lens, "AmazonSQS.ReceiveMessage", {})

    lens.response(poll, answer({"Messages": [{**received({}, "r1"), "Body": '{"event": "mess'}]}))

    (record,) = poll.detail["records"]
    assert (record.message_id, record.event, record.conversation) == ("id-r1", "", None)
    lens.response(aws(lens, "AmazonSQS.ReceiveMessage", {}), answer({}))


def test_sqs_and_others_that_speak_the_query_protocol(lens: Lens) -> None:
    form = Message(b"POST / HTTP/1.1", (), b"Action=DeleteMessage&ReceiptHandle=r1")
    assert lens.request(Place.SQS, form).operation == "delete"
    assert lens.request(Place.SQS, Message(b"POST / HTTP/1.1", (), b"Action=GetCallerIdentity")).place is None
    assert aws(lens, "secretsmanager.GetSecretValue", {}).place is None


def test_looks_at_a_conversation_are_told_apart_by_their_order_under_a_lease(
    lens: Lens, written: Written, states: TurnStates
) -> None:
    def looks() -> list[str]:
        return [lens.request(Place.CHATWOOT, request("GET", PATH)).detail["read"] for _ in range(3)]

    def acquired(hand: Any) -> None:
        states.acquire(KEY)
        turns = base64.b64encode(gzip.compress(json.dumps({"hand": hand, "outbox": []}).encode())).decode()
        lens.response(of_state(lens, written), answer({"Attributes": {"turns": {"B": turns}}}))

    acquired(None)
    assert looks() == ["context", "recheck", "look"]
    acquired({"id": "t-1", "phase": "prepared"})
    assert looks() == ["recheck", "look", "look"]
    acquired({"id": "t-1", "phase": "sending"})
    assert looks() == ["look", "look", "look"]


def test_what_is_said_to_whom_is_known_without_its_words(lens: Lens) -> None:
    own = {"metta_turn_id": "t-1", "metta_kind": "handoff_note", "metta_part": 0}
    body = {"content": "Lena wants a person", "private": True, "content_attributes": own}
    post = lens.request(Place.CHATWOOT, request("POST", f"{PATH}/messages", body))
    lens.response(post, answer({"id": 5006}))

    assert (post.operation, post.conversation) == ("create_message", 84)
    assert post.detail == {"private": True, "turn_id": "t-1", "kind": "handoff_note", "part": 0, "message_id": 5006}
    assert names(post) == ["after note"]
    opened = lens.request(Place.CHATWOOT, request("POST", f"{PATH}/toggle_status", {"status": "open"}))
    assert (names(opened), opened.detail) == (["after status"], {"status": "open"})


def test_the_head_of_the_audit_chain_is_read_and_moved(lens: Lens) -> None:
    key = {"Key": {"id": {"S": "audit#3:84"}}}
    reading, moving = (aws(lens, f"DynamoDB_20120810.{action}", key) for action in ("GetItem", "UpdateItem"))
    assert [(one.operation, one.conversation) for one in (reading, moving)] == [("head_read", 84), ("head_move", 84)]
    assert (names(reading), names(moving)) == (["after head read"], ["after head move"])


def test_odoo_and_model_calls_show_neither_key_nor_password(lens: Lens) -> None:
    args = ["acme", 7, "the-api-key", "sale.order", "search_read", [[]], {}]
    call = lens.request(Place.ODOO, request("POST", "/jsonrpc", {"params": {"service": "object", "args": args}}))
    assert call.detail == {"model": "sale.order", "method": "search_read"}
    login = {"params": {"service": "common", "method": "login", "args": ["acme", "bot", "the-api-key"]}}
    assert lens.request(Place.ODOO, request("POST", "/jsonrpc", login)).detail == {"method": "login"}

    items = [{"role": "user", "content": "Where is S00042?"}, {"type": "function_call_output", "call_id": "1"}]
    asked = lens.request(Place.MODEL, request("POST", "/v1/responses", {"input": items}, authorization="Bearer sk-1"))
    assert (asked.operation, asked.detail) == ("respond", {"tool_results": 1, "input": "Where is S00042?"})


def test_the_steps_have_names_of_their_own_and_are_found_by_them() -> None:
    assert len({one.name for one in STEPS}) == len(STEPS)
    assert step("after POST reply").after
    assert not step("before POST reply").after
    reply = {"kind": "reply"}
    assert step("before POST reply").fits(Place.CHATWOOT, "create_message", reply, after=False)
    assert not step("after word").fits(Place.CHATWOOT, "create_message", reply, after=True)
    assert not KillStep("x", Place.MODEL, "respond").fits(Place.ODOO, "respond", {}, after=True)
