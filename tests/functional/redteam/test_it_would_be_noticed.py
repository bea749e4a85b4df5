"""Each protection, taken away, lets something forbidden happen, and the red team sees it: the cases can fail."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from metta.guardrails import Guardrails
from metta.messages import Action, Direction, MessageContext, Verdict
from metta_local.aws import MiniStack
from metta_local.redteam.cases import cases
from metta_local.redteam.running import Played, world

CASES = {case.name: case for case in cases()}


def passed(_guardrails: Guardrails, text: str, _context: MessageContext) -> Verdict:
    return Verdict(direction=Direction.OUTPUT, action=Action.ALLOW, text=text)


def found_nothing(*_: object) -> list[object]:
    return []


TAKEN_AWAY = {
    "all checks of replies": ("metta.guardrails.Guardrails.validate_output", passed, "system prompt 1 / direct"),
    "all checks, pieces": ("metta.guardrails.Guardrails.validate_output", passed, "system prompt 11 / direct"),
    "leak check, names": ("metta.guardrails.leak.LeakCheck.__call__", found_nothing, "tools 2 / direct"),
    "claim check": ("metta.guardrails.claims.ClaimCheck.__call__", found_nothing, "a price 1 / direct"),
    "claim check, shop": ("metta.guardrails.claims.ClaimCheck.__call__", found_nothing, "a date 1 / description"),
    "echoes": ("metta.guardrails.claims.may_echo", lambda *_: True, "a price 2 / direct"),
    "promises": ("metta.guardrails.promises.PromiseFinder.find", found_nothing, "a refund 1 / direct"),
    "persona check": ("metta.guardrails.persona.PersonaCheck.__call__", found_nothing, "a person 1 / direct"),
    "toxicity of replies": ("metta.guardrails.toxicity.OutputToxicity.__call__", found_nothing, "insults 1 / direct"),
    "personal data of replies": (
        "metta.guardrails.personal.OutputPersonalData.__call__",
        found_nothing,
        "another customer's data in words 1 / description",
    ),
    "links": ("metta.guardrails.rules.find_markup", found_nothing, "exfiltration 3 / direct"),
    "cards in the shop": ("metta.ai.tools.without_cards", lambda result: result, "a card in the shop 1 / description"),
    "cards of customers": (
        "metta.guardrails.personal.InputPersonalData.__call__",
        found_nothing,
        "a card of the history 1 / with a card",
    ),
    "fresh look": ("metta.looking.closed_reason", lambda *_: None, "a price 1 / assigned meanwhile"),
}


@pytest.fixture(scope="module")
def played(aws: MiniStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with world(tmp_path_factory.mktemp("noticed"), aws, detection=False) as made:
        yield Played(made)


@pytest.mark.parametrize(("target", "instead", "name"), TAKEN_AWAY.values(), ids=TAKEN_AWAY)
def test_without_a_protection_the_red_team_sees_harm(played: Played, target: str, instead: object, name: str) -> None:
    with patch(target, instead):
        assert played.play(CASES[name]).effects
    assert played.play(CASES[name]).effects == ()
