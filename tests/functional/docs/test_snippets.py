"""Every block of every document is true: it runs, or it says why it does not, and then names only what exists."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest

from metta.policy import load_policy
from metta_local.postgres import EmbeddedPostgres

from . import standing
from .blocks import GENERATED, Block, blocks_of, pages, text_of
from .conftest import Prepared
from .scratch import Scratch, agrees, files_of, sessions

PAGES = [page for page in pages() if page not in GENERATED and blocks_of(page)]
RUN = ("sh", "console", "python", "diff")
KNOWN = (*RUN, "json", "yaml", "sql", "mermaid", "text")
CHANGED = {page for page in PAGES if any(block.language == "diff" for block in blocks_of(page))}
"""Pages whose steps change the code: they get a copy of it."""


def runs(block: Block) -> bool:
    """Whether something is done with it here."""
    return block.not_run is None and (block.language in (*RUN, "sql", "yaml") or "file" in block.notes)


def test_a_page_that_is_left_out_is_there() -> None:
    assert set(GENERATED) <= set(pages())


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page: str) -> None:
    for block in blocks_of(page):
        assert block.language in KNOWN, f"{block.place}: {block.language!r} is none of {', '.join(KNOWN)}"
        if block.language == "text":
            assert block.not_run or "file" in block.notes, f"{block.place}: a comment must say why it is not run"
        if block.not_run is not None:
            assert len(block.not_run.split()) >= 2, f"{block.place}: {block.not_run!r} is no reason"


@pytest.mark.parametrize("page", PAGES)
def test_what_does_not_run_here_names_only_what_exists(page: str) -> None:
    for block in blocks_of(page):
        if block.not_run:
            standing.check(block)
        elif block.language == "mermaid":
            well_drawn(block)
        elif block.language == "json" and "file" not in block.notes:
            assert "json" in block.notes, f"{block.place}: a comment must say what it describes"
            standing.described(block.notes["json"], block.text)


@pytest.mark.parametrize("page", [page for page in PAGES if any(map(runs, blocks_of(page)))])
def test_its_steps_can_be_taken(page: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    todo = [block for block in blocks_of(page) if runs(block)]
    if any("curl " in block.text for block in todo) and shutil.which("curl") is None:
        (pytest.fail if os.environ.get("METTA_CI") else pytest.skip)("needs curl, which is not installed")
    variables, substitutes = {"AWS_EC2_METADATA_DISABLED": "true"}, {}
    if not any("beside" in block.notes for block in todo):  # else the page starts a stack of its own
        prepared: Prepared = request.getfixturevalue("prepared")
        variables, substitutes = {**prepared.variables}, {"t-4f6c...": prepared.turn_id}
    with Scratch(tmp_path, variables, code=page in CHANGED, substitutes=substitutes) as scratch:
        for block in todo:
            take(block, scratch)


def take(block: Block, scratch: Scratch) -> None:
    """Do what the block says."""
    if "file" in block.notes:
        scratch.write(block)
        if block.language == "yaml":
            load_policy(str(scratch.directory / block.notes["file"]))
        return
    does: dict[str, Any] = {
        "sh": scratch.shell,
        "console": scratch.console,
        "python": scratch.python,
        "diff": scratch.change,
        "sql": query,
        "yaml": lambda block: policy(block, scratch),
    }
    does[block.language](block)


def policy(block: Block, scratch: Scratch) -> None:
    """A YAML block that says nothing else is part of a policy file."""
    path = scratch.directory / "policy-of-the-page.yaml"
    path.write_text(block.text, encoding="utf-8")
    load_policy(str(path))


def query(block: Block) -> None:
    """Run SQL as whoever may do everything, in a PostgreSQL of its own; roles that are there get another name."""
    text = re.sub(r"\b(ROLE) (metta_\w+)", r"\1 page_\2", block.text)
    postgres = EmbeddedPostgres()
    with postgres, psycopg.connect(postgres.superuser_url) as connection:
        connection.execute(text.encode())


def well_drawn(block: Block) -> None:
    """A picture of mermaid's has a kind, and its brackets and subgraphs end."""
    first, *lines = block.text.strip().splitlines()
    assert re.fullmatch(r"(flowchart|graph) (LR|TB|TD|RL|BT)|sequenceDiagram|stateDiagram-v2", first.strip()), (
        block.place
    )
    for line in lines:
        for opening, closing in ("[]", "()", "{}"):
            assert line.count(opening) == line.count(closing), f"{block.place}: {line}"
    begun = sum(bool(re.match(r"\s*subgraph\b", line)) for line in lines)
    assert begun == sum(line.strip() == "end" for line in lines), block.place


class TestTheRunner:
    """It would notice."""

    def test_a_console_block_is_commands_with_what_they_print(self) -> None:
        assert sessions("$ a \\\n  b\nx\ny\n$ c\n") == [("a \\\n  b", "x\ny\n"), ("c", "")]

    def test_dots_stand_for_anything_and_nothing_else_does(self) -> None:
        assert agrees("one ... three\n", "one  two\nthree\n")
        assert not agrees("one ... three", "one two four")
        assert not agrees("one.", "one!")

    def test_a_diff_is_what_was_and_what_will_be(self) -> None:
        text = "--- a/x.py\n+++ b/x.py\n@@ def f @@\n one\n-two\n+three\n four\n"
        assert files_of(text) == [("x.py", [("one\ntwo\nfour\n", "one\nthree\nfour\n")])]

    @pytest.mark.parametrize(
        "command",
        [
            "metta audit shew 84",
            "metta audit show 84 --jsn",
            "make tests",
            "sam deploi",
            "sam deploy --guidded",
            "sam local invoke WorkerFunction -e events/none.json",
            "aws lambda list-event-source-mapping",
            "aws lambda update-alias --function-nam x",
            "CHATWOOT_BASE_ULR=x metta doctor",
            "curl -d '{broken' http://127.0.0.1:3000",
            ".venv/bin/python -m metta_local.trainning",
            "unheard-of --option",
        ],
    )
    def test_what_does_not_exist_is_found_without_running_it(self, command: str) -> None:
        block = Block("page.md", 1, "sh", f"{command}\n", {"not run": "it is made up"})
        with pytest.raises((standing.Wrong, json.JSONDecodeError)):
            standing.check(block)


def test_there_are_pages_and_they_are_read() -> None:
    assert "README.md" in PAGES
    assert "make demo" in text_of("README.md")
