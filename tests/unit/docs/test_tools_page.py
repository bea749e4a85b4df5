"""docs/tools.md names every field that a tool can answer with, and no other."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from metta.integrations.odoo import results
from metta_local import cli
from metta_local.odoo import OdooEmulator
from metta_local.serving import LoopbackServer

PAGE = Path(__file__).parents[3] / "docs" / "tools.md"


def test_every_field_of_every_result_is_documented() -> None:
    table = PAGE.read_text(encoding="utf-8").split("<!-- fields -->")[1].split("<!-- /fields -->")[0]
    documented = re.findall(r"^\| (\w+) \| `(\w+)` \|", table, re.MULTILINE)
    models = [
        each
        for each in vars(results).values()
        if isinstance(each, type) and issubclass(each, results.Result) and each is not results.Result
    ]
    told = [(model.__name__, str(field.alias)) for model in models for field in model.model_fields.values()]

    assert sorted(documented) == sorted(told)


def test_the_commands_of_the_page_give_what_they_promise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator = OdooEmulator()
    commands = re.findall(r"^metta (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    with LoopbackServer(emulator.app) as server:
        for name, value in (
            ("URL", server.url),
            ("DB", emulator.database),
            ("USERNAME", emulator.username),
            ("API_KEY", emulator.api_key),
        ):
            monkeypatch.setenv(f"ODOO_{name}", value)
        codes = [cli.main(shlex.split(command)) for command in commands]

    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert codes == [0, 0]
    assert [answer["found"] for answer in answers] == [True, True]
