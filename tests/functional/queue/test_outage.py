"""I5: a dependency that is down for minutes costs no message its attempts, and nothing is dead-lettered or lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from office import Office

from metta.errors import MettaError, ModelDown, OdooDown
from metta.messages import AgentReply, AgentWork, Outcome, ToolCall
from tests_support import payload, record

MakeOffice = Callable[..., Office]


class Queue:
    """SQS as far as time goes: which records are visible when, and how often each was received."""

    def __init__(self) -> None:
        self.now = time.time()
        self.due: dict[str, float] = {}
        self.records: dict[str, dict[str, Any]] = {}
        self.receives: dict[str, int] = {}

    def __call__(self) -> float:
        return self.now

    def put(self, raw: dict[str, Any]) -> None:
        self.records[raw["messageId"]] = raw
        self.due[raw["messageId"]] = self.now

    def work(self, office: Office, until: Callable[[], bool], *, most: float) -> float:
        """Hand out what is due until ``until``; returns the seconds that passed on its clock."""
        started = self.now
        while self.due and not until() and self.now - started < most:
            self.now = max(self.now, min(self.due.values()))
            ready = [id_ for id_, at in self.due.items() if at <= self.now][:10]
            for id_ in ready:
                self.receives[id_] = self.receives.get(id_, 0) + 1
                self.records[id_]["attributes"]["ApproximateReceiveCount"] = str(self.receives[id_])
            failed = office.handle(*(self.records[id_] for id_ in ready))
            for id_ in ready:
                if id_ in failed:
                    self.due[id_] = self.now + office.sqs.visibility[self.records[id_]["receiptHandle"]]
                else:
                    del self.due[id_]
            self.now += 0.1
        return self.now - started


def customer_writes(office: Office, queue: Queue, conversation: int) -> None:
    message = office.chatwoot[conversation].add("Where is my order?", id=conversation * 100)
    body = payload(
        "01_incoming_text_webwidget.json",
        id=message.id,
        content=message.text,
        created_at=message.created_at.isoformat(),
        conversation__id=conversation,
    )
    raw = record(body, n=message.id)
    raw["attributes"]["SentTimestamp"] = "0"
    queue.put(raw)


class Outage:
    """An agent whose model, or whose shop behind the model, is down until it is told otherwise."""

    def __init__(self, office: Office, what: str) -> None:
        self.office, self.what = office, what
        self.over = False
        self.model_calls = 0
        self.shop_calls = 0

    async def run(self, messages: Any, context: Any, work: AgentWork, *, seconds: float) -> AgentReply:
        self.model_calls += 1
        if self.what == "model" and not self.over:
            raise ModelDown("500")
        try:
            with self.office.shop_circuit.call():
                self.shop_calls += 1
                if self.what == "shop" and not self.over:
                    raise OdooDown("502")
        except MettaError as error:
            called = {"name": "getOrder", "ok": False, "error": type(error).__name__}
            work.tool_calls.append(ToolCall(**called, started_at=datetime.now(UTC), duration_ms=1))  # type: ignore[arg-type]
            raise
        return AgentReply(text="It is on its way.")


@pytest.mark.parametrize("what", ["model", "shop"])
def test_ten_minutes_without_model_or_shop_end_with_an_answer_for_everybody(make_office: MakeOffice, what: str) -> None:
    queue = Queue()
    office = make_office(now=queue)
    outage = Outage(office, what)
    office.agent.run = outage.run  # type: ignore[method-assign]
    for conversation in range(1, 13):
        customer_writes(office, queue, conversation)
    queue.work(office, lambda: False, most=600)
    assert len(queue.due) == 12, "nobody was given up during the outage"
    assert office.sqs.sent == []
    assert max(queue.receives.values()) < 25
    calls = outage.model_calls if what == "model" else outage.shop_calls
    assert calls < 60, "what is down is not called by everybody"
    assert what == "model" or outage.model_calls <= 12 + outage.shop_calls, (
        "the model is not paid again and again for a shop that is down"
    )
    outage.over = True
    took = queue.work(office, lambda: False, most=600)
    assert queue.due == {}
    assert took < 120
    assert [turn.outcome for turn in office.ended] == [Outcome.ANSWERED] * 12
    assert all(len(office.chatwoot[n].replies) == 1 for n in range(1, 13))


def test_a_lone_customer_whose_turn_keeps_failing_goes_to_a_person(make_office: MakeOffice) -> None:
    queue = Queue()
    office = make_office(now=queue)
    office.agent.script = [ModelDown("500")] * 100
    customer_writes(office, queue, 1)
    took = queue.work(office, lambda: False, most=600)
    assert [(turn.outcome, turn.reason) for turn in office.ended] == [(Outcome.HANDED_OFF, "attempts_exhausted")]
    assert len(office.agent.runs) == 5
    assert took < 90
