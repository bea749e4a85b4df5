"""docs/policy.md and docs/policy.schema.json say what the model says, and the schema judges as the loader does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from metta.policy import PACKAGED, policy_schema
from metta_local import cli
from metta_local.policy_command import described_schema, reference_text

DOCS = Path(__file__).parents[3] / "docs"
SCHEMA: dict[str, Any] = json.loads((DOCS / "policy.schema.json").read_text(encoding="utf-8"))
EXAMPLE = """
disclosures: [{name: ai_assistant}, {name: recorded, when: every_reply, place: after, text: {en: We record this.}}]
working_hours: {time_zone: Europe/Berlin, days: {monday: 9:00-17:00, friday: [9:00-12:00, 13:00-15:00], sunday: closed}}
max_reply_chars: {sms: 320}
second_opinion: {on_failure: handoff, judge: {enabled: true}}
"""


def judged(content: str) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(content))]


def test_the_page_holds_every_field_with_its_default_and_meaning() -> None:
    page = (DOCS / "policy.md").read_text(encoding="utf-8")
    assert page.endswith(reference_text()), "metta policy --reference prints what the page must end with"
    assert "|  |\n" not in page, "a field lacks its meaning"


def test_the_published_schema_is_the_models() -> None:
    assert described_schema() == SCHEMA, "metta policy --schema prints it"
    assert set(policy_schema()["properties"]) == set(SCHEMA["properties"])


@pytest.mark.parametrize("content", [PACKAGED.read_text(encoding="utf-8"), EXAMPLE], ids=["packaged", "example"])
def test_the_schema_permits_what_is_right(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.yaml").write_text(content, encoding="utf-8")
    assert judged(content) == []
    assert cli.main(["policy", "--check", str(tmp_path / "shop.yaml")]) == 0
    assert "is fine" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    ["ruels: {}", "checks: {toxicity: {abuse: claim}}", "max_reply_chars: {pigeon: 200}", "limits: {model_turns: 0}"],
)
def test_the_schema_refuses_what_is_wrong(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.yaml").write_text(content, encoding="utf-8")
    assert judged(content)
    assert cli.main(["policy", "--check", str(tmp_path / "shop.yaml")]) == 1
    assert "shop.yaml: line 1: " in capsys.readouterr().err
