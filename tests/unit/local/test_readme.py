"""The README tells the truth about commands and variables."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from metta_local.commands_page import page
from metta_local.readme import outdated

README = Path(__file__).parents[3] / "README.md"


def test_what_is_made_from_the_code_is_current() -> None:
    assert outdated() == {}, "run: make docs"


def test_a_stale_table_is_named_with_what_differs(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "commands.md").write_text(page(), encoding="utf-8")
    for name in ("policy.md", "policy.schema.json", "openapi.json"):
        shutil.copy(README.parent / "docs" / name, tmp_path / "docs")
    stale = README.read_text(encoding="utf-8").replace("`metta demo`", "`metta show`")
    (tmp_path / "README.md").write_text(stale, encoding="utf-8")

    found = outdated(tmp_path)

    assert list(found) == ["README.md"]
    assert "-| [`metta show`]" in found["README.md"]
    assert "+| [`metta demo`]" in found["README.md"]


def test_a_field_of_the_policy_that_its_page_lacks_is_named(tmp_path: Path) -> None:
    shutil.copytree(README.parent / "docs", tmp_path / "docs")
    shutil.copy(README, tmp_path)
    page = tmp_path / "docs" / "policy.md"
    page.write_text(page.read_text(encoding="utf-8").replace("| `rules.competitors` |", "| `rules.rivals` |"), "utf-8")

    assert list(outdated(tmp_path)) == ["docs/policy.md"]


def test_every_file_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target
