"""The script of a run: exactly as many messages as asked for, the same for a seed, every kind of trouble in it."""

from __future__ import annotations

import random

import pytest

from metta.guardrails import Guardrails
from metta.messages import Action, Contact, ConversationKey, MessageContext
from metta.policy import load_policy
from metta_local.chaos.script import CUSTOMERS, QUESTIONS, SHARES, TEXTS, Act, When, scenes, text_of, words


@pytest.mark.parametrize("messages", [1, 7, 60, 500])
def test_customers_write_exactly_as_many_messages_as_asked_for(messages: int) -> None:
    assert sum(scene.messages for scene in scenes(5, messages, 20)) == messages


def test_a_seed_always_gives_the_same_script() -> None:
    assert scenes(5, 80, 20) == scenes(5, 80, 20)
    assert scenes(5, 80, 20) != scenes(6, 80, 20)


def test_a_long_script_holds_every_kind_of_scene_and_act() -> None:
    played = scenes(1, 1500, 200)

    assert {scene.name for scene in played} == set(SHARES)
    assert {step.act for scene in played for step in scene.steps} == set(Act)
    assert {step.when for scene in played for step in scene.steps} == set(When)


def test_scenes_begin_with_a_customer_and_within_the_time() -> None:
    for scene in scenes(2, 300, 30):
        assert scene.steps[0].act in CUSTOMERS
        assert 0 <= scene.starts_at <= 30


def test_every_message_carries_a_word_of_its_own() -> None:
    word = words()
    some = [next(word) for _ in range(3000)]

    assert len(set(some)) == 3000
    assert str(text_of(Act.ASK, some[7], random.Random(1))).split()[-1] == some[7]


def test_guardrails_mind_neither_the_questions_nor_their_words() -> None:
    guardrails, word = Guardrails(load_policy()), words()
    context = MessageContext(key=ConversationKey(account_id=3, conversation_id=1), inbox_id=11, contact=Contact(id=1))

    for question in QUESTIONS:
        assert guardrails.validate_input(f"{question} {next(word)}", context).action is Action.ALLOW
    judged = {act: guardrails.validate_input(f"{text} {next(word)}", context).action for act, text in TEXTS.items()}
    assert judged[Act.ATTACK] is Action.BLOCK
    assert judged[Act.PERSON] is judged[Act.THREAT] is Action.HANDOFF
