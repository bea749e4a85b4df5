"""Finds the fenced blocks of the documents, with what the comment right before each says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[3]
GENERATED = {
    "docs/commands.md": "the help texts of all commands; tests/functional/local/test_cli_help.py tries their examples",
    "docs/model-card.md": "written by the training; tests/unit/local/test_training_card.py holds it to that",
}
"""Pages whose blocks are not run here, and why."""
_NOTE = re.compile(r"<!--\s*(not run|file|json|beside|soon):\s*(.+?)\s*-->\s*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        notes: what the comments before it say: ``not run`` (why), ``file`` (where its text goes), ``json`` (what it
            describes), ``beside`` (words of a command that goes on beside the rest of the page, once they are printed),
            ``soon`` (why what it prints may take a while).
    """

    page: str
    line: int
    language: str
    text: str
    notes: dict[str, str]

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.page}:{self.line}"

    @property
    def not_run(self) -> str | None:
        """Why it does not run here."""
        return self.notes.get("not run")


def pages() -> list[str]:
    """Every document, by its path from the root."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path.relative_to(ROOT).as_posix() for path in found]


@cache
def text_of(page: str) -> str:
    """What the page says."""
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def blocks_of(page: str) -> tuple[Block, ...]:
    """The page's blocks in order; those within lists as well."""
    found: list[Block] = []
    notes: dict[str, str] = {}
    for token in MarkdownIt().parse(text_of(page)):
        if token.type == "html_block":
            notes = dict(_NOTE.findall(token.content))
        elif token.type in ("fence", "code_block"):
            line = token.map[0] + 1 if token.map else 0
            found.append(Block(page, line, token.info.strip(), token.content, notes))
            notes = {}
        elif token.type.endswith("_open") and token.type not in ("bullet_list_open", "list_item_open"):
            notes = {}
    return tuple(found)
