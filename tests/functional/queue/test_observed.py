"""What an operator sees of a batch of many conversations: whose each line and span is, and what was counted."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fakes import COST_USD, FakeAgent
from office import Office

from metta.bootstrap.common import tracing
from metta.errors import OdooDown
from metta.messages import AgentReply, AgentWork, IncomingMessage, MessageContext, ModelCall
from metta.observability import span
from metta.settings import load
from tests_support import payload, record
from tests_support.xray import path_of, xray_daemon

MANY = 24
log = logging.getLogger("metta.ai.test")


class BusyAgent(FakeAgent):
    """Lets the others run at every step, logs as a room does and opens spans as the model's do; some runs fail."""

    async def run(
        self, messages: Sequence[IncomingMessage], context: MessageContext, work: AgentWork, *, seconds: float
    ) -> AgentReply:
        conversation = context.key.conversation_id
        for step in range(3):
            with span("model", of=conversation):
                await asyncio.sleep(random.random() / 200)
                log.info("asked of %d", conversation)
            with span("tool getOrder", of=conversation):
                await asyncio.to_thread(time.sleep, random.random() / 200)
                await asyncio.to_thread(log.info, "looked up of %d", conversation)
            del step
        if conversation % 4 == 0:
            raise OdooDown(f"of {conversation}")
        if conversation % 4 == 1:
            raise RuntimeError("library error about " + messages[0].text)
        work.model_calls.append(
            ModelCall(model="m", cost_usd=COST_USD, started_at=messages[0].created_at, duration_ms=1)
        )
        return AgentReply(text="It is on its way.")


def batch_of(office: Office, conversations: Sequence[int]) -> list[dict[str, Any]]:
    """Two messages of each conversation, all mixed."""
    records = []
    for conversation in conversations:
        for n in range(2):
            message = office.chatwoot[conversation].add(secret_of(conversation), id=conversation * 1000 + n)
            body = payload(
                "01_incoming_text_webwidget.json", id=message.id, content=message.text, conversation__id=conversation
            )
            made = record(body, n=message.id, sent=time.time() - 30)
            made["attributes"]["AWSTraceHeader"] = f"Root=1-5759e988-{conversation:024x};Parent={n + 1:016x};Sampled=1"
            records.append(made)
    random.shuffle(records)
    return records


def secret_of(conversation: int) -> str:
    return f"WORDS-OF-{conversation} call +49 170 55500{conversation}, I am lena{conversation}@example.org"


def of(conversation: int) -> str:
    return f"3:{conversation}"


@pytest.fixture
def conversations() -> list[int]:
    return list(range(100, 100 + MANY))


@pytest.fixture
def observed(
    make_office: Callable[..., Office], conversations: list[int], monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> Any:
    """An office that has handled a batch of many conversations, with all that an operator can see of it."""
    with xray_daemon(monkeypatch) as daemon:
        office = make_office(tracing=tracing(load({})), emit_metrics=True)
        office.agent = agent = BusyAgent(office.steps)
        monkeypatch.setattr(office.inner_agent, "_agent", agent)
        office.handle(*batch_of(office, conversations))
        office.daemon, office.emf = daemon, capfd.readouterr().out  # type: ignore[attr-defined]
        yield office


def test_no_line_carries_a_key_of_another_conversation_and_every_line_of_a_turn_its_own(
    observed: Office, conversations: list[int]
) -> None:
    turns: dict[str, set[str]] = {}
    for line in observed.lines:
        assert line["function_request_id"] == "request-1"
        if "conversation" not in line:
            continue
        conversation = int(line["conversation"].removeprefix("3:"))
        mentioned = re.findall(r"of (\d+)", line["message"])
        assert all(int(one) == conversation for one in mentioned)
        assert line["chatwoot_message_ids"] == [conversation * 1000, conversation * 1000 + 1]
        assert set(line["message_ids"]) == {f"m-{conversation * 1000}", f"m-{conversation * 1000 + 1}"}
        if mentioned or "turn ended" in line["message"] or "come back" in line["message"] or "error" in line:
            turns.setdefault(line["conversation"], set()).add(line["turn"])
    assert sorted(turns) == sorted(map(of, conversations))
    assert all(len(found) == 1 for found in turns.values())
    assert len(set.union(*turns.values())) == MANY
    asked = [line for line in observed.lines if re.match("(asked|looked up) of", line["message"])]
    assert len(asked) == MANY * 6


def test_no_line_no_metric_and_no_span_holds_a_customers_words(observed: Office) -> None:
    shown = observed.log.getvalue() + observed.emf + "".join(observed.daemon.raw)  # type: ignore[attr-defined]
    assert "RuntimeError" in shown
    for private in ("WORDS-OF", "lena", "55500", "library error"):
        assert private not in shown


def test_the_spans_of_each_turn_are_under_its_own_and_none_is_lost(observed: Office, conversations: list[int]) -> None:
    segments = observed.daemon.segments(MANY * 10)  # type: ignore[attr-defined]
    by_id = {one["id"]: one for one in segments}
    seen: dict[int, list[str]] = {conversation: [] for conversation in conversations}
    for one in segments:
        path, top = path_of(one, segments), one
        while top["name"] not in ("conversation", "batch"):
            top = by_id[top["parent_id"]]
        if top["name"] == "batch":
            continue
        conversation = int(top["annotations"]["conversation"].removeprefix("3:"))
        assert one.get("annotations", {}).get("of", conversation) == conversation
        seen[conversation].append("/".join(path[2:]))
        if one is top:
            assert one["annotations"]["receiver_trace"].endswith(f"{conversation:024x}")
            assert one["annotations"]["records"] == 2
            assert one["annotations"]["queued_ms"] >= 29_000
    steps = {"turn", "turn/context", "turn/validate_input", "turn/bounds", "turn/agent"}
    for conversation, paths in seen.items():
        ended = {"turn/validate_output", "turn/recheck", "turn/send", "audit"} if conversation % 4 > 1 else set()
        assert set(paths) == {"", "turn/agent/model", "turn/agent/tool getOrder", *steps, *ended}
        assert len(paths) == len(set(paths)) + 4  # three of the model's, three of the tool's


def test_the_batch_is_counted_as_it_went(observed: Office) -> None:
    emitted = [json.loads(line) for line in observed.emf.splitlines()]  # type: ignore[attr-defined]
    labelled = {
        tuple(emf[name] for name in emf["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]): emf for emf in emitted
    }
    totals = labelled["metta",]
    failed, answered = MANY // 2, MANY // 2
    assert totals["Records"] == [2.0 * MANY]
    assert totals["RecordsRetried"] == [2.0 * failed]
    assert totals["Turns"] == totals["TurnsAnswered"] == totals["Replies"] == [float(answered)]
    assert labelled["metta", "OdooDown"]["RecordsRetried"] == [float(failed)]
    assert labelled["metta", "other"]["RecordsRetried"] == [float(failed)]
    assert len(totals["ReplyLatency"]) == answered
    assert labelled["metta", "worker"]["ColdStarts"] == [1.0]
