"""What the log says of an ended turn: enough for the saved queries, and no word of a customer or a model."""

from __future__ import annotations

from metta.messages import AgentWork
from metta.queue.telling import end_of
from tests_support.turns import WORDS, eventful_turn


def test_the_end_of_a_turn_says_how_it_went_how_long_it_took_and_what_it_cost() -> None:
    assert end_of(eventful_turn()) == {
        "outcome": "handed_off",
        "reason": "output_blocked:rules/promise",
        "attempt": 2,
        "input_reason": "pii/EMAIL",
        "output_reason": "rules/promise",
        "tools": "getOrder getProduct",
        "tools_failed": "getOrder:OdooDown",
        "model_calls": 2,
        "input_tokens": 16,
        "output_tokens": 4,
        "cost_micro_usd": 4200,
        "took_ms": 3000,
        "waited_ms": 12000,
    }


def test_a_tool_that_the_model_invented_and_the_words_of_a_customer_stay_out() -> None:
    assert WORDS not in str(end_of(eventful_turn()))


def test_what_did_not_happen_is_no_field() -> None:
    quiet = {"input_verdict": None, "output_verdict": None, "work": AgentWork(), "reason": "", "messages": ()}

    told = end_of(eventful_turn().model_copy(update=quiet))

    assert set(told) == {
        "outcome",
        "attempt",
        "model_calls",
        "input_tokens",
        "output_tokens",
        "cost_micro_usd",
        "took_ms",
    }
