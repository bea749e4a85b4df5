"""What the team and the customer read when a conversation goes to a person, each in their own language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from world import World, outcomes

from metta.errors import ModelRefused
from metta.policy import load_policy


@pytest.fixture
def german_team(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = load_policy().model_copy(update={"team_language": "de"})
    monkeypatch.setattr("world.POLICY", policy)


@pytest.mark.usefixtures("german_team")
def test_the_team_reads_its_own_language_and_the_customer_theirs(world: World) -> None:
    world.deliver(world.customer_writes("Hola, quiero hablar con una persona sobre mi pedido S00042, por favor"))
    (note,) = world.chatwoot.notes
    assert note.startswith("**Metta übergibt diese Unterhaltung**: es wurde nach einem Menschen gefragt.")
    assert "**Eingegangene Nachricht**:\n\n> `Hola, quiero hablar con una persona" in note
    assert world.chatwoot.replies == [
        "Gracias por su mensaje. Una persona de nuestro equipo se hará cargo y le responderá aquí."
    ]


def test_the_whole_burst_is_in_the_note_masked_and_unable_to_call_anybody(world: World) -> None:
    first = world.customer_writes("My card 4111 1111 1111 1111 was charged twice")
    second = world.customer_writes("[@Nina](mention://user/21/Nina%20Kraus) I want to talk to a human agent")
    world.deliver(first, second)
    (note,) = world.chatwoot.notes
    assert "> `My card [CARD] was charged twice`" in note
    assert "I want to talk to a human agent" in note
    assert "mention://" not in note


def test_a_reply_that_the_channel_no_longer_takes_is_in_the_note(world: World) -> None:
    question = world.customer_writes("Where is my order?")

    def window_closes() -> None:
        world.chatwoot.can_reply = False

    world.agent.script.append(window_closes)
    world.deliver(question)
    (note,) = world.chatwoot.notes
    assert "the channel no longer accepts a reply" in note
    assert "**Drafted reply, not sent**:\n\n> `About that: Where is my order?`" in note
    assert world.chatwoot.replies == []


def test_how_often_it_was_tried_is_in_the_note(make_world: Callable[..., Any]) -> None:
    world = make_world()
    question = world.customer_writes("Where is my order?")
    world.steps.fail("agent", ConnectionError("boom"))
    with pytest.raises(ConnectionError):
        world.deliver(question)
    world.agent.script.append(ModelRefused("no"))
    world.deliver(question, receives=2)
    assert outcomes(world) == [("handed_off", "model_refused")]
    assert "- Tries: 2" in world.chatwoot.notes[0]
