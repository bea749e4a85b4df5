"""The README tells the truth about commands and variables."""

from __future__ import annotations

import re
from pathlib import Path

from metta_local.cli import parser
from metta_local.variables import filled

README = Path(__file__).parents[3] / "README.md"


def test_the_variable_table_is_that_of_the_settings() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == filled(text), "run: .venv/bin/python -m metta_local.variables README.md"


def test_every_command_is_in_the_readme_and_no_other() -> None:
    section = README.read_text(encoding="utf-8").split("## Commands")[1].split("##")[0]
    named = set(re.findall(r"^\| `metta (\w+)", section, re.MULTILINE))
    actions = [action for action in parser()._actions if action.choices]
    assert named == set(actions[0].choices or ())


def test_every_file_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target
