"""The way to an HTTP service: clean when nothing is decided, and each kind of trouble before or after its effect."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functional.local.chaos.trouble import Planned, only
from metta_local.chaos.injector import Fault
from metta_local.chaos.journal import FaultKind, Journal, Place
from metta_local.chaos.proxies import VARIABLES, Proxies
from metta_local.chaos.steps import KillStep, step
from metta_local.serving import LoopbackServer

MESSAGES = "/api/v1/accounts/3/conversations/84/messages"
ATTRIBUTES = {"metta_turn_id": "t-1", "metta_kind": "reply", "metta_part": 0}
REPLY = {"content": "Hello", "private": False, "content_attributes": ATTRIBUTES}


class Server:
    """Answers everything and remembers it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.clients: set[int] = set()
        self.may_answer = threading.Event()
        self.app = Starlette(routes=[Route("/{rest:path}", self._answer, methods=["GET", "POST", "HEAD"])])

    @property
    def bodies(self) -> list[Any]:
        """What was posted."""
        return [json.loads(body) for method, _, body, _ in self.seen if method == "POST"]

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        self.seen.append((request.method, request.url.path, body, dict(request.headers)))
        assert request.client is not None
        self.clients.add(request.client.port)
        if request.url.path.endswith("/echo"):
            return Response(body, media_type="application/octet-stream")
        if request.url.path.endswith("/slow"):
            await asyncio.to_thread(self.may_answer.wait, 20)
        return JSONResponse({"id": 5006, "size": len(body)})


class World:
    """One worker's proxies before one server."""

    def __init__(self, closing: ExitStack) -> None:
        self.server = Server()
        self.serving = closing.enter_context(LoopbackServer(self.server.app))
        self.journal = Journal()
        self.plan = Planned()
        url = self.serving.url
        environment = dict.fromkeys(VARIABLES, url) | {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d"}
        self.proxies = closing.enter_context(Proxies(environment, self.journal, self.plan))
        self.urls = self.proxies.variables("worker-1")
        self.client = closing.enter_context(httpx.Client(timeout=5, trust_env=False))

    def post(self, body: Any = REPLY, *, variable: str = "CHATWOOT_BASE_URL", path: str = MESSAGES) -> httpx.Response:
        return self.client.post(self.urls[variable] + path, json=body)

    def aws(self, target: str, body: Any) -> httpx.Response:
        headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
        return self.client.post(self.urls["AWS_ENDPOINT_URL"], json=body, headers=headers)


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as closing:
        yield World(closing)


def until(true: Callable[[], Any], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    assert true()


def test_a_call_passes_as_it_is_and_is_observed(world: World) -> None:
    answer = world.post()

    assert (answer.status_code, answer.json()["id"]) == (200, 5006)
    _, path, body, headers = world.server.seen[0]
    assert (path, json.loads(body)) == (MESSAGES, REPLY)
    assert headers["host"] == world.urls["CHATWOOT_BASE_URL"].removeprefix("http://")
    until(lambda: world.journal.calls)
    call = only(world.journal, "create_message")
    assert (call.worker, call.place, call.conversation, call.status) == ("worker-1", Place.CHATWOOT, 84, 200)
    assert (call.detail["turn_id"], call.detail["message_id"]) == ("t-1", 5006)
    assert call.forwarded_at is not None
    assert call.effect_at is not None
    assert call.answered_at is not None
    assert call.arrived_at <= call.forwarded_at <= call.effect_at <= call.answered_at


def test_connections_are_kept_on_both_sides_and_a_client_may_close_its_own(world: World) -> None:
    for _ in range(20):
        world.post()
    assert len(world.server.clients) == 1

    closing = world.client.post(world.urls["ODOO_URL"] + "/jsonrpc", json={}, headers={"connection": "close"})

    assert closing.headers["connection"] == "close"
    assert len(world.server.clients) == 1


def test_large_bodies_pass_whole_in_both_directions(world: World) -> None:
    large = bytes(range(256)) * 8000

    back = world.client.post(world.urls["CHATWOOT_BASE_URL"] + "/echo", content=large)

    assert back.content == large


def test_workers_do_not_wait_for_each_other_or_for_their_own_slow_calls(world: World) -> None:
    urls = [world.urls["CHATWOOT_BASE_URL"], world.proxies.variables("worker-2")["CHATWOOT_BASE_URL"]] * 100
    with ThreadPoolExecutor(16) as pool:
        slow = pool.submit(world.client.get, world.urls["CHATWOOT_BASE_URL"] + "/slow", timeout=30)
        until(lambda: world.server.seen)

        answers = list(pool.map(lambda url: world.client.post(url + MESSAGES, json=REPLY).status_code, urls))

        assert answers == [200] * 200
        assert not slow.done()
        world.server.may_answer.set()
        assert slow.result().status_code == 200
    until(lambda: len(world.journal.calls) == 201)
    assert {call.worker for call in world.journal.calls} == {"worker-1", "worker-2"}


def test_latency_comes_before_the_effect(world: World) -> None:
    world.plan.planned = [Fault(FaultKind.LATENCY, seconds=0.2)]

    assert world.post().status_code == 200

    until(lambda: world.journal.calls)
    call = only(world.journal, "create_message")
    assert call.forwarded_at is not None
    assert call.forwarded_at - call.arrived_at >= 0.2
    assert call.fault is FaultKind.LATENCY


@pytest.mark.parametrize(
    ("kind", "variant", "effect"),
    [
        (FaultKind.RESET_BEFORE, 0, False),
        (FaultKind.RESET_AFTER, 0, True),
        (FaultKind.RESET_AFTER, 1, True),
    ],
)
def test_a_reset_is_felt_as_one_and_the_effect_is_as_decided(
    world: World, kind: FaultKind, variant: int, effect: bool
) -> None:
    world.plan.planned = [Fault(kind, after_effect=effect, variant=variant)]

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        world.post()

    until(lambda: world.journal.calls)
    call = only(world.journal, "create_message")
    assert world.server.bodies == ([REPLY] if effect else [])
    assert (call.fault, call.answered_at, call.status) == (kind, None, None)
    assert (call.forwarded_at is not None, call.effect_at is not None) == (effect, effect)
    assert world.post().status_code == 200


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER])
def test_a_timeout_lasts_until_the_worker_gives_up(world: World, kind: FaultKind) -> None:
    after = kind is FaultKind.TIMEOUT_AFTER
    world.plan.planned = [Fault(kind, seconds=30, after_effect=after)]

    with pytest.raises(httpx.ReadTimeout):
        world.client.post(world.urls["CHATWOOT_BASE_URL"] + MESSAGES, json=REPLY, timeout=0.3)

    until(lambda: world.journal.calls)
    assert only(world.journal, "create_message").answered_at is None
    assert world.server.bodies == ([REPLY] if after else [])


def test_a_message_may_arrive_after_its_sender_gave_up(world: World) -> None:
    world.plan.planned = [Fault(FaultKind.TIMEOUT_AFTER, seconds=30, after_effect=True, late_seconds=0.6)]

    with pytest.raises(httpx.ReadTimeout):
        world.client.post(world.urls["CHATWOOT_BASE_URL"] + MESSAGES, json=REPLY, timeout=0.2)

    assert world.server.bodies == []
    until(lambda: world.server.bodies == [REPLY])
    until(lambda: world.journal.calls)
    assert only(world.journal, "create_message").detail["late_seconds"] == 0.6


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.MALFORMED])
def test_an_error_comes_before_or_after_the_effect(world: World, kind: FaultKind, after: bool) -> None:
    seen: list[httpx.Response] = []
    for variant in range(5):
        world.plan.planned = [Fault(kind, after_effect=after, variant=variant)]
        seen.append(world.post())

    assert world.server.bodies == ([REPLY] * 5 if after else [])
    if kind is FaultKind.SERVER_ERROR:
        assert {answer.status_code for answer in seen} == {422, 500, 502, 503}
    else:
        assert {answer.status_code for answer in seen} == {200}
        assert not any(answer.content.startswith(b'{"id"') and answer.content.endswith(b"}") for answer in seen)


def in_trouble(world: World, kind: FaultKind, ask: Callable[[], httpx.Response]) -> list[httpx.Response]:
    answers = []
    for variant in range(12):
        world.plan.planned = [Fault(kind, variant=variant)]
        answers.append(ask())
    return answers


def test_throttling_looks_as_it_does_at_each_place(world: World) -> None:
    chatwoot = in_trouble(world, FaultKind.TOO_MANY, world.post)
    assert {(a.status_code, a.text, a.headers.get("retry-after")) for a in chatwoot} == {(429, "Retry later\n", None)}

    model = in_trouble(
        world, FaultKind.TOO_MANY, lambda: world.post({}, variable="OPENAI_BASE_URL", path="/v1/responses")
    )
    assert {a.json()["error"]["code"] for a in model} == {"rate_limit_exceeded"}
    assert {a.headers.get("retry-after") for a in model} == {"1", None}

    odoo = in_trouble(world, FaultKind.TOO_MANY, lambda: world.post({}, variable="ODOO_URL", path="/jsonrpc"))
    assert {(a.status_code, a.headers["content-type"]) for a in odoo} == {(429, "text/html")}

    table = in_trouble(world, FaultKind.TOO_MANY, lambda: world.aws("DynamoDB_20120810.GetItem", {}))
    types = {a.json()["__type"].rpartition("#")[2] for a in table}
    assert types == {"ThrottlingException", "ProvisionedThroughputExceededException"}

    entries = {"Entries": [{"Id": "0", "ReceiptHandle": "r"}]}
    queue = in_trouble(world, FaultKind.TOO_MANY, lambda: world.aws("AmazonSQS.DeleteMessageBatch", entries))
    assert {a.status_code for a in queue} == {200, 400}
    assert {a.json()["Failed"][0]["Code"] for a in queue if a.status_code == 200} == {"RequestThrottled"}
    assert world.server.seen == []


def test_outages_look_as_they_do_at_each_place(world: World) -> None:
    odoo = in_trouble(
        world, FaultKind.SERVER_ERROR, lambda: world.post({"id": 9}, variable="ODOO_URL", path="/jsonrpc")
    )
    assert {a.status_code for a in odoo} == {200, 502, 503}
    pages = [a for a in odoo if a.status_code == 200]
    assert any("maintenance" in a.text for a in pages)
    errors = [a.json() for a in pages if "maintenance" not in a.text]
    assert {error["id"] for error in errors} == {9}
    assert {error["error"]["data"]["name"] for error in errors} == {
        "psycopg2.errors.SerializationFailure",
        "psycopg2.OperationalError",
    }
    table = in_trouble(world, FaultKind.SERVER_ERROR, lambda: world.aws("DynamoDB_20120810.GetItem", {}))
    assert {a.status_code for a in table} == {500, 503}


def test_aws_never_calls_a_success_what_it_did_not_do(world: World) -> None:
    without = in_trouble(world, FaultKind.MALFORMED, lambda: world.aws("DynamoDB_20120810.UpdateItem", {}))
    assert {a.status_code for a in without} == {502, 503}
    assert world.server.seen == []

    world.plan.planned = [Fault(FaultKind.MALFORMED, after_effect=True, variant=1)]
    garbled = world.aws("DynamoDB_20120810.UpdateItem", {})
    assert (garbled.status_code, len(world.server.seen)) == (200, 1)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        garbled.json()


@pytest.mark.parametrize(
    ("at", "effect"), [(step("before POST reply"), False), (step("after POST reply"), True)], ids=["before", "after"]
)
def test_a_kill_at_a_step_lets_nothing_reach_the_worker(world: World, at: KillStep, effect: bool) -> None:
    killed: list[tuple[str, str]] = []
    ambush = world.proxies.harness.ambush
    ambush.kill = lambda worker, where: killed.append((worker, where.name))
    ambush.arm(at)
    world.post({**REPLY, "content_attributes": {**ATTRIBUTES, "metta_kind": "handoff_note"}})
    assert killed == []

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        world.post()

    assert killed == [("worker-1", at.name)]
    assert (REPLY in world.server.bodies) is effect
    assert world.post().status_code == 200, "armed once"
    until(lambda: len(world.journal.calls) == 3)
    assert [call.detail.get("killed") for call in world.journal.calls] == [None, at.name, None]


def test_a_kill_may_wait_for_one_conversation(world: World) -> None:
    ambush = world.proxies.harness.ambush
    ambush.kill = lambda worker, where: None
    ambush.arm(step("after POST reply"), 85)

    assert world.post().status_code == 200
    assert ambush.armed == [step("after POST reply")]
    assert ambush.disarm() == [step("after POST reply")]
    assert world.post(path=MESSAGES.replace("84", "85")).status_code == 200


def test_in_an_outage_connections_are_refused_until_it_is_over(world: World) -> None:
    world.post()
    world.proxies.down(Place.CHATWOOT)

    with pytest.raises((httpx.ConnectError, httpx.ReadError)):
        world.post()
    with pytest.raises(httpx.ConnectError):
        world.post()
    assert world.post({}, variable="ODOO_URL", path="/jsonrpc").status_code == 200
    late = world.proxies.variables("worker-2")["CHATWOOT_BASE_URL"]
    with pytest.raises(httpx.ConnectError):
        world.client.get(late)

    world.proxies.up(Place.CHATWOOT)
    assert world.post().status_code == 200
    assert world.client.post(late + MESSAGES, json=REPLY).status_code == 200


def test_a_server_that_is_gone_is_felt_as_a_broken_connection(world: World) -> None:
    world.serving.stop()

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        world.post()

    until(lambda: world.journal.calls)
    assert only(world.journal, "create_message").effect_at is None
