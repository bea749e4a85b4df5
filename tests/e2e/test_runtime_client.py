"""The built artifact under AWS's runtime client: init, every event of ``events/``, failures, time running out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e_world import EVENTS, World, load_event
from lambda_runtime import LambdaFunction
from metta.settings import SECRET_NAMES
from metta_local.model.scripting import Fail, Slow
from metta_local.stack import LocalStack

pytestmark = pytest.mark.e2e

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads" / "chatwoot"
WIRE_SECRET = json.loads((PAYLOADS / "16_wire_headers.json").read_text())["secret"]
WHOLE_BATCH = {"batchItemFailures": []}


def variables(stack: LocalStack) -> dict[str, str]:
    """What the template gives the function: the secrets in one secret, all else in variables."""
    everything = stack.environment() | {"CHATWOOT_WEBHOOK_SECRET_PREVIOUS": WIRE_SECRET, "BURST_QUIET_SECONDS": "0"}
    secret = {name: everything.pop(name) for name in SECRET_NAMES if name in everything}
    assert stack.aws is not None
    return everything | {"METTA_SECRET_ARN": stack.aws.create_secret(secret, name="runtime-client")}


@pytest.fixture(scope="module")
def environment(stack: LocalStack) -> dict[str, str]:
    return variables(stack)


@pytest.fixture(scope="module")
def function(
    environment: dict[str, str], built: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LambdaFunction]:
    with LambdaFunction(built, environment, tmp_path_factory.mktemp("function")) as started:
        yield started


ANSWERED = {
    "01_incoming_text_webwidget": (84, "answered"),
    "02_incoming_attachment_null_content": (84, "answered"),
    "06b_agent_bot_delivery_bot_assigned": (85, "handed_off"),
    "07_incoming_whatsapp": (120, "answered"),
    "16_wrapped_by_receiver": (84, "answered"),
}
"""Events of one customer message, with its conversation and how its turn ends."""
BATCHES = {"17_malformed_body", "18_mixed_batch"}
SILENT = sorted({path.stem for path in EVENTS.glob("[01]*.json")} - set(ANSWERED) - BATCHES)


@pytest.mark.parametrize("name", ANSWERED)
def test_a_customer_s_message_gets_one_reply_and_one_audit(world: World, function: LambdaFunction, name: str) -> None:
    event = load_event(name)
    conversation, outcome = ANSWERED[name]
    world.remember(event)
    before = len(world.audited(conversation))

    first = function.invoke(event)
    again = function.invoke(event)

    assert (first.payload, again.payload) == (WHOLE_BATCH, WHOLE_BATCH), function.log[-4000:]
    assert len(world.replies(conversation)) == 1
    identity = json.loads(event["Records"][0]["body"])["id"]
    assert world.audited(conversation)[before:] == [(outcome, [identity])]


def test_the_reply_is_made_of_what_odoo_knows(world: World, function: LambdaFunction) -> None:
    event = load_event("07_incoming_whatsapp")
    body = json.loads(event["Records"][0]["body"]) | {"id": 6011, "content": "Where is my order S00042?"}
    event["Records"][0]["body"] = json.dumps(body)
    world.remember(event)

    function.invoke(event)

    (reply,) = world.replies(120)
    assert "S00042" in reply, function.log[-4000:]


@pytest.mark.parametrize("name", SILENT)
def test_what_is_not_a_customer_s_question_is_taken_off_the_queue_in_silence(
    world: World, function: LambdaFunction, name: str
) -> None:
    for known in ("01_incoming_text_webwidget", "07_incoming_whatsapp", name):
        world.remember(load_event(known))

    answer = function.invoke(load_event(name))

    assert answer.payload == WHOLE_BATCH, function.log[-4000:]
    assert {one: world.replies(one) for one in world.chatwoot.world.conversations if world.replies(one)} == {}
    assert world.model.requests == []
    assert world.dead_letters() == []


def test_a_malformed_body_is_dead_lettered_unchanged_and_its_neighbour_answered(
    world: World, function: LambdaFunction
) -> None:
    event = load_event("17_malformed_body")
    world.remember(event)

    answer = function.invoke(event)

    assert answer.payload == WHOLE_BATCH, function.log[-4000:]
    assert len(world.replies(120)) == 1
    (dead,) = world.dead_letters()
    assert dead["Body"] == event["Records"][0]["body"]
    assert dead["Attributes"]["MessageGroupId"] == "3:84"
    assert "metta_reason" in dead["MessageAttributes"]


def test_a_mixed_batch_gives_each_conversation_one_reply(world: World, function: LambdaFunction) -> None:
    event = load_event("18_mixed_batch")
    world.remember(event)

    answer = function.invoke(event)

    assert answer.payload == WHOLE_BATCH, function.log[-4000:]
    assert (len(world.replies(84)), len(world.replies(120))) == (1, 1)
    assert world.audited(84)[-1] == ("answered", [5001, 5012])
    assert len(world.dead_letters()) == 1


def test_a_person_who_takes_over_within_the_batch_is_not_talked_over(world: World, function: LambdaFunction) -> None:
    event = load_event("01_incoming_text_webwidget")
    event["Records"] += load_event("03_outgoing_by_agent_still_pending")["Records"]
    world.remember(event)

    answer = function.invoke(event)

    assert answer.payload == WHOLE_BATCH, function.log[-4000:]
    assert world.replies(84) == []


def test_a_conversation_that_fails_comes_back_alone(world: World, function: LambdaFunction) -> None:
    event = load_event("01_incoming_text_webwidget")
    event["Records"] += load_event("07_incoming_whatsapp")["Records"]
    world.remember(event)
    world.model.fault(Fail(503), times=None, when="Hi, where is my order")

    answer = function.invoke(event)

    failed = [failure["itemIdentifier"] for failure in answer.payload["batchItemFailures"]]
    assert failed == [event["Records"][0]["messageId"]], function.log[-4000:]
    assert world.replies(84) == []
    assert len(world.replies(120)) == 1


def test_an_environment_that_dies_in_the_middle_leaves_the_message_to_be_answered_once(
    world: World, environment: dict[str, str], built: Path, tmp_path: Path
) -> None:
    event = load_event("01_incoming_text_webwidget")
    (record,) = event["Records"]
    world.remember(event)
    world.model.fault(Slow(30.0))

    with LambdaFunction(built, environment, tmp_path) as function:
        killed = function.invoke(event, killed_when=lambda: bool(world.model.requests))
        record["attributes"]["ApproximateReceiveCount"] = "2"
        at_once = function.invoke(event)
        world.let_leases_end()
        later = function.invoke(event)

    assert killed.payload["errorType"] == "Sandbox.Timedout"
    assert at_once.payload == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}, function.log[-4000:]
    assert later.payload == WHOLE_BATCH, function.log[-4000:]
    assert len(world.replies(84)) == 1


def test_with_too_little_time_nothing_is_begun_and_all_comes_back(world: World, function: LambdaFunction) -> None:
    event = load_event("18_mixed_batch")
    world.remember(event)
    function.invoke(load_event("14_webwidget_triggered"))  # so that init is not part of the time

    answer = function.invoke(event, timeout=10)

    failed = {failure["itemIdentifier"] for failure in answer.payload["batchItemFailures"]}
    assert failed >= {event["Records"][place]["messageId"] for place in (0, 1, 3)}, function.log[-4000:]
    assert world.model.requests == []
    assert (world.replies(84), world.replies(120)) == ([], [])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"CHATWOOT_BASE_URL": ""}, "CHATWOOT_BASE_URL"),
        ({"CHATWOOT_ACCOUNT_ID": "three"}, "CHATWOOT_ACCOUNT_ID"),
        ({"METTA_SECRET_ARN": "", "DATABASE_URL": "", "OPENAI_API_KEY": "x"}, "DATABASE_URL"),
        ({"METTA_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:none-a1b2c3"}, "METTA_SECRET_ARN"),
    ],
)
def test_init_fails_with_the_name_of_what_is_wrong(
    environment: dict[str, str], built: Path, tmp_path: Path, change: dict[str, str], named: str
) -> None:
    with LambdaFunction(built, environment | change, tmp_path) as function:
        answer = function.invoke(load_event("01_incoming_text_webwidget"))

    assert answer.failed
    assert answer.payload["errorType"].endswith("SettingsError")
    assert named in answer.payload["errorMessage"]
    assert named in function.log


def test_a_secret_that_lacks_keys_stops_init_with_their_names(
    stack: LocalStack, environment: dict[str, str], built: Path, tmp_path: Path
) -> None:
    given = stack.environment()
    held = {name: given[name] for name in ("OPENAI_API_KEY", "CHATWOOT_API_KEY")}
    assert stack.aws is not None
    arn = stack.aws.create_secret(held, name="lacks-keys")

    with LambdaFunction(built, environment | {"METTA_SECRET_ARN": arn}, tmp_path) as function:
        answer = function.invoke(load_event("01_incoming_text_webwidget"))

    assert answer.failed
    assert "not set: ODOO_API_KEY, DATABASE_URL" in answer.payload["errorMessage"]
    assert "not set: ODOO_API_KEY, DATABASE_URL" in function.log
    assert not [secret for secret in held.values() if secret in function.log]
