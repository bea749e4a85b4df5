"""``metta redteam`` says what was tried and what came of it, and fails when harm was done."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any
from unittest.mock import patch

import pytest

from metta.messages import MessageContext
from metta_local.cli import main


def test_a_report_counts_by_side_and_goal_for_both_modes() -> None:
    program = "import sys; from metta_local.cli import main; sys.exit(main(sys.argv[1:]))"
    ran = subprocess.run(
        [sys.executable, "-c", program, "redteam", "--only", "canary 1", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    report: dict[str, Any] = json.loads(ran.stdout)
    assert report["effects"] == []
    assert report["total"]["detection_off"] == {"cases": 4, "read": 4, "obeyed": 4, "effects": 0}
    assert report["by_goal"]["canary"]["detection_on"]["cases"] == 4
    assert set(report["by_side"]) == {"input", "tool result"}


def test_harm_is_told_and_fails(capfd: pytest.CaptureFixture[str]) -> None:
    def nothing(_check: object, _view: object, _context: MessageContext) -> list[object]:
        return []

    with patch("metta.guardrails.persona.PersonaCheck.__call__", nothing):
        assert main(["redteam", "--only", "a person 1 / description"]) == 1
    told = capfd.readouterr().out
    assert "HARM a person 1 / description (detection off)" in told
    assert "the customer read 'human employee'" in told


def test_an_unknown_case_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["redteam", "--only", "nonsense"]) == 1
    assert "no case is named like 'nonsense'" in capfd.readouterr().err
