"""What the policy file says reaches the worker that is built: times of single calls, counters, the model's price."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from metta.bootstrap.worker import Worker, build_worker
from metta.errors import ChatwootDown, OdooDown
from metta.guardrails import FixedText, fixed_text
from metta.messages import ConversationKey
from metta.settings import load
from metta_local.chatwoot import ChatwootEmulator
from metta_local.lambda_context import LocalContext
from metta_local.model import ModelEmulator, Moderate, Say
from metta_local.serving import LoopbackServer
from tests_support import payload, record
from tests_support.table import state_table

KEY = ConversationKey(account_id=3, conversation_id=84)
PRICES = "prices: {gpt-5.6-luna: {input: 100, cached: 100, output: 100}}\n"
Build = Callable[..., Worker]


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        client = state_table()
        yield client


@pytest.fixture
def build(table: Any, tmp_path: Path) -> Iterator[Build]:
    built: list[Worker] = []

    def make(policy: str, **environment: str) -> Worker:
        path = tmp_path / "policy.yaml"
        path.write_text(policy)
        given = {
            "CHATWOOT_BASE_URL": "http://127.0.0.1:1",
            "CHATWOOT_API_KEY": "metta-bot-token",
            "CHATWOOT_ACCOUNT_ID": "3",
            "ODOO_URL": "http://127.0.0.1:1",
            "ODOO_DB": "acme",
            "ODOO_USERNAME": "bot",
            "ODOO_API_KEY": "key",
            "OPENAI_API_KEY": "sk-emulated-0000",
            "OPENAI_MODEL": "gpt-5.6-luna",
            "IDEMPOTENCY_TABLE": "state-table",
            "DATABASE_URL": "postgresql://worker@127.0.0.1:1/metta",
            "METTA_POLICY": str(path),
            **environment,
        }
        built.append(
            build_worker(load(given), emit_metrics=False, log_stream=io.StringIO(), client=lambda _service: table)
        )
        return built[-1]

    yield make
    for worker in built:
        worker.close()


def seconds_of(worker: Worker, work: Any, error: type[Exception]) -> float:
    start = time.monotonic()
    with pytest.raises(error):
        worker.loop.run(work)
    return time.monotonic() - start


def test_a_silent_chatwoot_is_given_up_when_the_policy_says(build: Build) -> None:
    with silent_server() as url:
        worker = build("limits: {chatwoot_seconds: 0.4}", CHATWOOT_BASE_URL=url)
        assert 0.3 < seconds_of(worker, worker.chatwoot.get_conversation(KEY), ChatwootDown) < 3


def test_a_silent_odoo_is_given_up_when_the_policy_says(build: Build) -> None:
    with silent_server() as url:
        worker = build("limits: {odoo_seconds: 0.4}", ODOO_URL=url)
        work = worker.odoo.search_count("product.product", [("sale_ok", "=", True)])
        assert 0.3 < seconds_of(worker, work, OdooDown) < 3


def test_rate_and_money_are_counted_with_the_models_price(build: Build, table: Any) -> None:
    chatwoot, model = ChatwootEmulator(), ModelEmulator()
    chatwoot.customer_writes(901, "Hi, what are your hours?")
    model.script([Say("Monday to Friday, 9:00 to 17:00 CET.")])
    with LoopbackServer(chatwoot.app) as desk, LoopbackServer(model.app) as mind:
        addresses = {"CHATWOOT_BASE_URL": desk.url, "OPENAI_BASE_URL": f"{mind.url}/v1"}
        worker = build(PRICES + "limits: {usd_per_day: 1000}", **addresses)
        body = payload("01_incoming_text_webwidget.json", content="Hi, what are your hours?")
        worker.handle({"Records": [record(body)]}, LocalContext())
    assert [message["message_type"] for message in chatwoot.messages(84)] == [0, 1]
    items = {item["id"]["S"].partition("#")[0]: item for item in table.scan(TableName="state-table")["Items"]}
    assert items["rate"]["messages"]["NS"] == ["5001"]
    body_sent = json.dumps(model.requests[0].body, ensure_ascii=False)
    spent = int(items["budget"]["spent"]["N"])
    assert 100 * 500 < spent < 100 * len(body_sent), "a hundred micro-dollars a token"
    assert "runs" not in items["budget"]


def test_a_day_without_money_calls_no_model(build: Build, table: Any) -> None:
    chatwoot, model = ChatwootEmulator(), ModelEmulator()
    chatwoot.customer_writes(901, "Hi, what are your hours?")
    with LoopbackServer(chatwoot.app) as desk, LoopbackServer(model.app) as mind:
        addresses = {"CHATWOOT_BASE_URL": desk.url, "OPENAI_BASE_URL": f"{mind.url}/v1"}
        worker = build("limits: {usd_per_day: 0}", **addresses)
        body = payload("01_incoming_text_webwidget.json", content="Hi, what are your hours?")
        worker.handle({"Records": [record(body)]}, LocalContext())
    assert model.requests == []
    assert chatwoot.conversation(84)["status"] == "open"


OPINIONS = """
limits: {usd_per_day: 1000}
second_opinion: {band: 1, moderation: {enabled: true}, judge: {enabled: true}}
"""
RUDE = "you are useless, where is my parcel?"


def opinions(build: Build, model: ModelEmulator) -> ChatwootEmulator:
    chatwoot = ChatwootEmulator()
    chatwoot.customer_writes(901, RUDE)
    with LoopbackServer(chatwoot.app) as desk, LoopbackServer(model.app) as mind:
        worker = build(PRICES + OPINIONS, CHATWOOT_BASE_URL=desk.url, OPENAI_BASE_URL=f"{mind.url}/v1")
        worker.handle({"Records": [record(payload("01_incoming_text_webwidget.json", content=RUDE))]}, LocalContext())
    return chatwoot


def who_was_asked(path: str, body: str) -> str:
    return "moderation" if path.endswith("moderations") else "judge" if "second_opinion" in body else "agent"


def test_i6_a_second_opinion_is_asked_before_the_agent_and_paid_from_the_days_money(build: Build, table: Any) -> None:
    model = ModelEmulator()
    model.moderate(Moderate({"harassment": 0.1}))
    model.script([Say('{"kind": "fine", "confidence": 1}')], when="second_opinion")
    model.script([Say("I am looking into it.")], when="<details-")
    chatwoot = opinions(build, model)
    asked = [who_was_asked(request.path, str(request.body)) for request in model.requests]
    assert (sorted(asked[:-1]), asked[-1]) == (["judge", "moderation"], "agent")
    assert [message["message_type"] for message in chatwoot.messages(84)] == [0, 1]
    (budget,) = [one for one in table.scan(TableName="state-table")["Items"] if one["id"]["S"].startswith("budget")]
    tokens = sum(len(str(request.body)) for request in model.requests if request.path == "/v1/responses")
    assert 0 < int(budget["spent"]["N"]) < tokens * 100  # at 100 micro-dollars a token, what was not used has gone back


def test_i6_what_a_second_opinion_is_against_reaches_no_agent(build: Build) -> None:
    model = ModelEmulator()
    model.moderate(Moderate({"harassment": 0.9}))
    chatwoot = opinions(build, model)
    assert not any("<details-" in str(request.body) for request in model.requests)
    reply = chatwoot.messages(84)[-1]["content"]
    assert reply in {fixed_text(FixedText.ABUSE, language) for language in ("en", "de")}
