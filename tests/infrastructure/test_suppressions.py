"""What a linter is told to overlook in the template stands there with its reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"


def test_every_check_that_checkov_skips_has_a_reason(template: dict[str, Any]) -> None:
    skips = [
        (name, skip)
        for name, resource in template["Resources"].items()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]

    assert skips
    for name, skip in skips:
        assert re.fullmatch(r"CKV_AWS_\d+", skip["id"]), name
        assert len(skip.get("comment") or "") > 20, f"{name}: {skip['id']}"


def test_every_check_that_cfn_lint_ignores_has_a_reason(template: dict[str, Any]) -> None:
    ignored = template["Metadata"]["cfn-lint"]["config"]["ignore_checks"]
    text = TEMPLATE.read_text()

    assert ignored
    for check in ignored:
        assert re.search(rf"^ *- {check} # .{{20,}}$", text, re.MULTILINE), check


def test_no_check_is_skipped_for_a_whole_run() -> None:
    root = TEMPLATE.parent

    assert not [
        name for name in (".checkov.yaml", ".checkov.yml", ".cfnlintrc", ".cfnlintrc.yaml") if (root / name).exists()
    ]
    for path in (root / "Makefile", root / ".ci" / "run"):
        assert not re.search(r"--skip-check|--ignore-checks|--soft-fail", path.read_text()), path.name
