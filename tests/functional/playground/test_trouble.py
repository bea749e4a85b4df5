"""What a page can watch when things go wrong: the worker killed at each point, and faults switched on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import datetime

import pytest

from functional.playground.ground import Ground, Json, Listener, running, until


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with running() as one:
        yield one


@pytest.fixture(autouse=True)
def no_faults_left(ground: Ground) -> Iterator[None]:
    yield
    for fault in ground.state()["faults"]["faults"]:
        if fault["on"]:
            ground.post("faults", name=fault["name"], on=False)


def worker(ground: Ground) -> Json:
    found: Json = ground.state()["worker"]
    return found


def killed_while_answering(ground: Ground, point: str, text: str) -> int:
    """Write something, see the worker killed at ``point`` and another one ready."""
    kills = worker(ground)["kills"]
    assert ground.post("worker", action="kill", at=point)["armed"] == point
    conversation = ground.write(text)
    until(lambda: worker(ground)["kills"] == kills + 1)
    assert worker(ground)["armed"] is None
    until(lambda: worker(ground)["state"] == "ready")
    return conversation


@pytest.fixture
def listener(ground: Ground) -> Iterator[Listener]:
    one = Listener(ground.url)
    yield one
    one.close()


def test_a_worker_killed_as_the_model_is_asked_answers_in_a_new_turn(ground: Ground) -> None:
    before = worker(ground)["pid"]
    conversation = killed_while_answering(ground, "model", "Do you have a desk lamp in stock?")
    assert worker(ground)["pid"] not in (None, before)
    [interrupted] = ground.turns(conversation)
    assert (interrupted["state"], interrupted["outcome"]) == ("interrupted", None)
    died = max(span["end_ms"] for span in interrupted["spans"]) / 1000
    due = (datetime.fromisoformat(interrupted["due"]) - datetime.fromisoformat(interrupted["started_at"])).seconds
    assert died < due <= died + 31, "comes back within the lease, and a moment more"
    assert any(span["error"] == "Killed" for span in interrupted["spans"])
    [answered] = ground.audited(conversation)
    assert len(ground.replies(conversation)) == 1
    until(lambda: ground.turns(conversation)[0]["taken_up_by"] == answered["id"])


def test_a_worker_killed_when_chatwoot_has_the_reply_does_not_answer_again_and_the_page_tells_it(
    ground: Ground, listener: Listener
) -> None:
    conversation = killed_while_answering(ground, "sent", "Do you sell wool blankets?")
    assert len(ground.replies(conversation)) == 1, "Chatwoot had it before the kill"
    [turn] = ground.audited(conversation)
    assert (turn["outcome"], turn["attempt"]) == ("answered", 2)
    assert len(ground.replies(conversation)) == 1
    asked = [span["name"] for span in turn["spans"]].count("model")
    assert asked == len(turn["model_calls"]), "the model was asked again for a reply that Chatwoot has"
    assert "within" in next(one["text"] for one in listener.of("notice") if one["level"] == "warn")
    assert {"killed", "starting", "ready"} <= {one["state"] for one in listener.of("worker")}


def test_a_worker_that_ends_by_itself_is_started_again_and_counts_as_no_kill(
    ground: Ground, listener: Listener
) -> None:
    before = worker(ground)
    os.kill(before["pid"], signal.SIGTERM)
    until(lambda: worker(ground)["state"] == "ready" and worker(ground)["pid"] != before["pid"])
    assert worker(ground)["kills"] == before["kills"]
    assert [one["level"] for one in listener.of("notice")] == ["error"]
    assert len(ground.replies(ground.audited(ground.write("Do you sell mugs?"))[0]["conversation_id"])) == 1


def test_a_kill_can_be_called_off(ground: Ground) -> None:
    armed = ground.post("worker", action="kill", at="model")
    assert armed["note"] == "it dies in the next turn: when the model is asked. Write something and watch"
    off = ground.post("worker", action="kill", at=None)
    assert (off["armed"], off["note"]) == (None, "it polls the queue")
    kills = worker(ground)["kills"]
    ground.audited(ground.write("Do you sell mugs?"))
    assert worker(ground)["kills"] == kills


def test_a_reply_whose_answer_is_lost_is_not_sent_twice(ground: Ground) -> None:
    ground.post("faults", name="chatwoot_flaky", on=True)
    conversation = ground.write("Do you sell mugs?")
    until(lambda: any(one["state"] == "retrying" for one in ground.turns(conversation)))
    [turn] = ground.turns(conversation)
    assert turn["words"].startswith("Comes back to the queue: Chatwoot's answer to a message was lost")
    [turn] = ground.audited(conversation)
    assert turn["outcome"] == "answered"
    assert len(ground.replies(conversation)) == 1


def test_without_its_database_metta_answers_and_writes_the_audit_later(ground: Ground) -> None:
    ground.post("faults", name="database_down", on=True)
    conversation = ground.write("Do you have a desk lamp in stock?")
    until(lambda: len(ground.replies(conversation)) == 1)

    def could_not_be_written() -> bool:
        spans = [span for one in ground.turns(conversation) for span in one["spans"]]
        return any(span["name"] == "audit" and span["error"] == "AuditDown" for span in spans)

    until(could_not_be_written)
    [turn] = ground.turns(conversation)
    assert (turn["state"], turn["audit"], turn["words"]) == ("ended", None, "Answered by the assistant")
    ground.post("faults", name="database_down", on=False)
    [turn] = ground.audited(conversation)
    assert turn["audit"]
    assert len(ground.replies(conversation)) == 1


def test_a_slow_model_is_seen_at_work_and_its_turn_ends_well(ground: Ground) -> None:
    ground.post("faults", name="model_slow", on=True)
    conversation = ground.write("Do you sell mugs?")

    def at_work() -> bool:
        spans = [span for one in ground.turns(conversation) for span in one["spans"]]
        return any(span["name"] == "model" and span["end_ms"] is None for span in spans)

    until(at_work)
    assert ground.turns(conversation)[0]["state"] == "working"
    ground.post("faults", name="model_slow", on=False)
    [turn] = ground.audited(conversation)
    assert turn["outcome"] == "answered"


def test_without_odoo_nothing_is_invented(ground: Ground) -> None:
    ground.post("faults", name="odoo_down", on=True)
    conversation = ground.write(
        "Hi, where is my order S00042?", channel="whatsapp", identity="verified", customer="lena"
    )
    until(lambda: any(one["state"] == "retrying" for one in ground.turns(conversation)))
    [turn] = ground.turns(conversation)
    assert [call["ok"] for call in turn["tool_calls"]].count(False) >= 1
    assert ground.replies(conversation) == []
    until(lambda: any(one["due"] is not None for one in ground.turns(conversation)))
    ground.post("faults", name="odoo_down", on=False)
    [turn] = ground.audited(conversation)
    assert "PX0042LENA" in ground.replies(conversation)[0]
    assert turn["attempt"] > 1
