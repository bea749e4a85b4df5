"""The policy file: sections laid over the packaged ones, and mistakes that name file and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from metta.errors import SettingsError
from metta.messages import Action
from metta.policy import load_policy


def _file(tmp_path: Path, content: str) -> str:
    path = tmp_path / "shop.yaml"
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_the_packaged_policy_is_complete() -> None:
    policy = load_policy()
    assert policy.pii.input["CARD"] is Action.REDACT
    assert policy.rules.human_request
    assert len(policy.version) == 12


def test_a_section_left_out_keeps_the_packaged_one(tmp_path: Path) -> None:
    packaged = load_policy()
    policy = load_policy(_file(tmp_path, "company: Other Shop\nchecks: {injection: handoff}\n"))
    assert (policy.company, policy.checks.injection) == ("Other Shop", Action.HANDOFF)
    assert (policy.facts, policy.rules) == (packaged.facts, packaged.rules)
    assert policy.version != packaged.version


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("pii: {input: {CARD: allow}}", "pii.input"),
        ("pii: {input: {SSN: allow}}", "SSN must not be allow"),
        ("pii: {input: {EMIAL: redact}}", "pii.input.EMIAL"),
        ("pii: {output: {EMAIL: stop}}", "pii.output.EMAIL"),
        ("checks: {toxicity: {rude: block}}", "checks.toxicity.rude"),
        ("checks: {injection: redact}", "checks.injection"),
        ("checks: {thresholds: {injection: 7}}", "checks.thresholds.injection"),
        ("rules: {actions: {competitor: redact}}", "rules.actions"),
        ("rules: {actions: {competitors: block}}", "rules.actions.competitors"),
        ("rules: {human_request: ['']}", "rules.human_request"),
        ("rules: {human_request: 5}", "rules.human_request"),
        ("rulez: {}", "rulez"),
        ("limits: {input_chars: 1}", "limits.input_chars"),
        ("limits: {tokens_per_turn: 0}", "limits.tokens_per_turn"),
        ("limits: {tokens_per_turn: null}", "limits.tokens_per_turn"),
        ("limits: {chatwoot_seconds: 16}", "limits.chatwoot_seconds"),
        ("limits: {chatwoot_seconds: 0}", "limits.chatwoot_seconds"),
        ("limits: {odoo_seconds: .inf}", "limits.odoo_seconds"),
        ("limits: {run_seconds: soon}", "limits.run_seconds"),
        ("limits: {contact_messages_per_hour: 0}", "limits.contact_messages_per_hour"),
        ("limits: {contact_messages_per_hour: 2.5}", "limits.contact_messages_per_hour"),
        ("limits: {turns_per_hour: 101}", "limits.turns_per_hour"),
        ("limits: {turns_per_hour: yes}", "limits.turns_per_hour: must be a number"),
        ("limits: {same_text: 1}", "limits.same_text"),
        ("limits: {usd_per_day: -1}", "limits.usd_per_day"),
        ("limits: {usd_per_day: .nan}", "limits.usd_per_day"),
        ("limits: {usd_per_day: no}", "limits.usd_per_day: must be a number"),
        ("limits: {usd_per_day: 5}\nprices: {}", "limits.usd_per_day: cannot be kept without prices"),
        ("prices: {m: {input: .inf, cached: 1, output: 1}}", "prices.m.input"),
        ("limits: {usd_per_dya: 5}", "limits.usd_per_dya"),
        ("- a list", "mapping at its top level"),
        ("a: [1", "is not YAML (line"),
        ("5: x", "section names must be text"),
    ],
)
def test_a_mistake_names_file_and_field(tmp_path: Path, content: str, field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_policy(_file(tmp_path, content))
    assert field in str(caught.value)
    assert "shop.yaml" in str(caught.value)


def test_a_limits_section_that_names_one_limit_keeps_the_packaged_others(tmp_path: Path) -> None:
    packaged = load_policy().limits.model_dump()
    policy = load_policy(_file(tmp_path, "limits: {model_turns: 2}"))
    assert policy.limits.model_dump() == {**packaged, "model_turns": 2}


@pytest.mark.parametrize("field", ["contact_messages_per_hour", "turns_per_hour", "same_text", "usd_per_day"])
def test_null_takes_a_limit_away(tmp_path: Path, field: str) -> None:
    assert load_policy(_file(tmp_path, f"limits: {{{field}: null}}")).limits.model_dump()[field] is None


def test_without_a_limit_of_money_no_prices_are_needed(tmp_path: Path) -> None:
    assert load_policy(_file(tmp_path, "limits: {usd_per_day: null}\nprices: {}")).prices == {}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml cannot be read"):
        load_policy(str(tmp_path / "nowhere.yaml"))
