"""Every link, heading, file and test that a document names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import pairwise
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from .blocks import ROOT, blocks_of, pages, text_of

PAGES = pages()
_NAMED = re.compile(r"^(?:\.ci|docs|events|functions|layers|local|requirements|tests)/[\w.*/-]+$")


@cache
def inline(page: str) -> tuple[list[str], list[str]]:
    """Where the page links to, and what it sets as code."""
    links: list[str] = []
    code: list[str] = []
    for token in MarkdownIt().enable("table").parse(text_of(page)):
        for child in token.children or ():
            if child.type == "link_open":
                links.append(str(child.attrs["href"]))
            elif child.type == "image":
                links.append(str(child.attrs["src"]))
            elif child.type == "code_inline":
                code.append(child.content)
    return links, code


@cache
def anchors(page: str) -> frozenset[str]:
    """The headings of a page as GitHub makes anchors of them."""
    tokens = MarkdownIt().parse(text_of(page))
    made: dict[str, int] = {}
    found = set()
    for opening, inside in pairwise(tokens):
        if opening.type == "heading_open":
            words = "".join(child.content for child in inside.children or () if child.type in ("text", "code_inline"))
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            times = made.get(slug, 0)
            made[slug] = times + 1
            found.add(f"{slug}-{times}" if times else slug)
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for link in inline(page)[0]:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: {link} leads nowhere"
        if anchor:
            assert anchor in anchors(target.resolve().relative_to(ROOT).as_posix()), (
                f"{page}: {link} has no such heading"
            )


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_test_that_a_page_names_is_there(page: str) -> None:
    for said in inline(page)[1]:
        path, _, name = said.partition("::")
        path = path.partition(":")[0] if re.search(r":\d+$", said) else path
        if not _NAMED.match(path):
            continue
        places = [*ROOT.glob(path.rstrip("/"))]
        assert places, f"{page}: `{said}` is not there"
        if name:
            assert name in names_in(path), f"{page}: {path} has no {name}"


@cache
def names_in(path: str) -> frozenset[str]:
    """The tests of a file, with their class where they have one."""
    found = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
            found |= methods | {f"{node.name}::{method}" for method in methods}
    return frozenset(found)


def test_every_page_is_reached_from_the_index_of_its_folder() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in inline("docs/README.md")[0]}
    below = [path for path in (ROOT / "docs").glob("*.md") if path != index]
    missing = [path.name for path in below if path.resolve() not in linked]
    assert missing == []


def test_every_file_and_folder_of_the_layout_is_there() -> None:
    (layout,) = (block for block in blocks_of("README.md") if "one thin room per Lambda function" in block.text)
    room = ROOT / "layers" / "metta" / "metta"
    for line in layout.text.splitlines():
        names = re.split(r"  +", line.strip())[0 : 2 if line.startswith("template") else 1]
        for name in " ".join(names).split():
            assert ((room if line.startswith("  ") else ROOT) / name).exists(), f"README.md's layout: {name}"
