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


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml cannot be read"):
        load_policy(str(tmp_path / "nowhere.yaml"))
