"""A case file says in words whatever the code can give as a reason; a new one without words is found here."""

from __future__ import annotations

import ast
import re

import openai
import pytest

from metta.ai.tools import SPECS
from metta.integrations.chatwoot.filter import SkipReason
from metta.messages import Action, HandOffStep, Outcome, OutgoingKind, Phase
from metta.observability.words import CHECKS, DROP_REASONS, RECORD_SKIP_REASONS, TURN_SKIP_REASONS
from metta.settings import Settings
from metta_local.audit import words
from unit.test_handoff_words import SOURCE, found_in_source, verdict_reasons, verdicts

NO_WORDS = "no words"
HANDED_OFF = sorted({*found_in_source()[0], *verdict_reasons()})


def answered_reasons() -> set[str]:
    """What ``answering`` writes down beside an answer; of a text with parts only its beginning."""
    tree = ast.parse((SOURCE / "answering.py").read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "turn.reason":
            texts = [one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant)]
            found |= {text.partition(":")[0] for text in texts if isinstance(text, str)}
    return found


def test_the_reasons_of_answers_are_those_that_the_code_gives() -> None:
    assert answered_reasons() == {*words.ANSWERED, words.BLOCKED} - {""}


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        *(("answered", reason) for reason in words.ANSWERED),
        *(("answered", f"{words.BLOCKED}:{verdict}") for verdict in verdicts("input")),
        *(("handed_off", reason) for reason in HANDED_OFF),
        *(("dropped", reason) for reason in sorted(DROP_REASONS)),
        *(("skipped", reason) for reason in sorted(TURN_SKIP_REASONS)),
    ],
)
def test_how_a_turn_ended_is_said_in_words(outcome: str, reason: str) -> None:
    said = words.ended(outcome, reason)

    assert said.startswith(words.OUTCOMES[outcome])
    assert len(said.split()) >= 3
    assert NO_WORDS not in said
    assert "cannot go on" not in said
    assert "_" not in said.replace("of_a_kind", "")


@pytest.mark.parametrize("reason", sorted({*RECORD_SKIP_REASONS, *map(str, SkipReason)}))
def test_why_a_message_was_not_answered_is_said_in_words(reason: str) -> None:
    assert NO_WORDS not in words.not_answered(reason)


@pytest.mark.parametrize("verdict", sorted({*verdicts("input"), *verdicts("output")}))
def test_what_a_check_found_is_said_in_words(verdict: str) -> None:
    assert NO_WORDS not in words.decided(verdict)


def test_everything_else_that_has_a_closed_set_has_words() -> None:
    assert set(words.STEPS) == {str(step) for step in HandOffStep}
    assert set(words.OUTCOMES) == {str(outcome) for outcome in Outcome}
    assert set(words.PHASES) == {str(phase) for phase in Phase}
    assert set(words.SENT) == {str(kind) for kind in OutgoingKind}
    assert set(words.ACTIONS) == {str(action) for action in Action}
    assert set(words.FOUND) == set(SPECS)
    assert all(NO_WORDS not in words.noticed(check, "new") for check in CHECKS - {"none", "broken"})


@pytest.mark.parametrize("outcome", ["answered", "dropped", "skipped"])
def test_a_reason_of_a_later_version_is_shown_as_it_is(outcome: str) -> None:
    assert "(brand_new)" in words.ended(outcome, "brand_new")


def test_errors_of_the_model_are_those_of_its_client_and_variables_are_ours() -> None:
    for error, said in words.MODEL_FAILURES.items():
        assert issubclass(getattr(openai, error), openai.APIError)
        for name in re.findall(r"[A-Z]+_[A-Z_]+", said):
            assert name.lower() in Settings.model_fields
    assert words.model_failed("UnknownTool") == ""
