"""The playground's page is made of its own files alone, and nothing in them can turn a text into markup or code."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from metta_local import playground

PAGE = Path(playground.__file__).parent / "page"
FILES = sorted(path for path in PAGE.iterdir() if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
STYLES = [path for path in FILES if path.suffix == ".css"]
NAMESPACES = {"http://www.w3.org/2000/svg"}
"""Addresses that name a format and are never asked."""

SINKS = {
    "markup": r"\b(?:inner|outer)HTML\b|\binsertAdjacentHTML\b|\bsetHTML|\bparseHTML|\bcreateContextualFragment\b",
    "a document": r"\bdocument\.(?:write|writeln|open)\b|\bDOMParser\b|\bXSLTProcessor\b|\bsrcdoc\s*=",
    "code": r"\beval\b|\bnew\s+Function\b|\bimportScripts\b|\bimport\s*\(|\bjavascript:",
    "code after a while": r"\bset(?:Timeout|Interval)\(\s*['\"`]",
    "a policy that lets texts through": r"\btrustedTypes\b|\bcreatePolicy\b",
    "a style attribute": r"\.cssText\b|setAttribute\(\s*['\"]style",
    "a handler in an attribute": r"setAttribute\(\s*['\"]on|\.on(?:click|load|error|input|change|submit)\s*=",
}


class Tags(HTMLParser):
    """The tags of a document, with the text inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem and data.strip():
            self.inline.append(data)


def document() -> Tags:
    return Tags((PAGE / "index.html").read_text(encoding="utf-8"))


def named(text: str) -> list[str]:
    """Modules that a script imports."""
    return re.findall(r"""^import\b[^;"']*["']([^"']+)["'];""", text, re.MULTILINE)


@pytest.mark.parametrize("sink", SINKS.values(), ids=SINKS)
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_turns_a_text_into(path: Path, sink: str) -> None:
    found = re.search(sink, path.read_text(encoding="utf-8"))

    assert not found, f"{path.name}: {found and found[0]}"


@pytest.mark.parametrize("sink", SINKS.values(), ids=SINKS)
def test_each_rule_about_scripts_finds_what_it_is_about(sink: str) -> None:
    forbidden = (
        "place.innerHTML = text; place.insertAdjacentHTML('beforeend', text);",
        "document.write(text); frame.srcdoc = text;",
        "eval(text); new Function(text);",
        "setTimeout('run()', 1); setInterval(`run()`, 1);",
        "trustedTypes.createPolicy('default', {});",
        "place.style.cssText = text; place.setAttribute('style', text);",
        "place.onclick = run; place.setAttribute('onclick', text);",
    )

    assert sum(bool(re.search(sink, text)) for text in forbidden) == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_names_another_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    hosts = set(re.findall(r"(?:https?|wss?|ftp):?//[^\s\"'`)>]*", text)) - NAMESPACES
    hosts |= set(re.findall(r"""["'(]//[^\s"')]+""", text))

    assert not hosts


def test_the_document_has_no_script_style_or_handler_of_its_own() -> None:
    page = document()

    assert page.inline == []
    for tag, attributes in page.tags:
        assert tag not in ("style", "iframe", "object", "embed", "base"), tag
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc")], attributes


def test_what_the_document_asks_for_is_there() -> None:
    tags = document().tags
    asked = [
        attributes.get("src") or attributes.get("href") for tag, attributes in tags if tag in ("script", "link", "img")
    ]

    assert len(asked) > 5
    for address in asked:
        assert address is not None
        assert address.startswith("/page/"), address
        assert (PAGE / address.removeprefix("/page/")).is_file(), address


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_modules_import_only_their_neighbours(path: Path) -> None:
    for name in named(path.read_text(encoding="utf-8")):
        assert name.startswith("./"), name
        assert (PAGE / name).is_file(), name


def test_every_file_is_used() -> None:
    asked = {str(attributes.get("src") or attributes.get("href")) for _, attributes in document().tags}
    used = {address.removeprefix("/page/") for address in asked if address.startswith("/page/")}
    waiting = [name for name in used if name.endswith(".js")]
    while waiting:
        for name in named((PAGE / waiting.pop()).read_text(encoding="utf-8")):
            if name.removeprefix("./") not in used:
                used.add(name.removeprefix("./"))
                waiting.append(name.removeprefix("./"))

    assert {path.name for path in FILES} == used | {"index.html"}


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_styles_fetch_nothing(path: Path) -> None:
    assert not re.search(r"@import|\burl\(|@font-face", path.read_text(encoding="utf-8"))


def test_labels_and_descriptions_point_at_something() -> None:
    tags = document().tags
    ids = [str(attributes["id"]) for _, attributes in tags if "id" in attributes]

    assert len(ids) == len(set(ids))
    for _, attributes in tags:
        for name in ("for", "aria-labelledby", "aria-describedby", "aria-controls", "popovertarget"):
            for wanted in (attributes.get(name) or "").split():
                assert wanted in ids, f"{name}={wanted}"


def test_every_module_says_first_what_it_is_for() -> None:
    for path in SCRIPTS + STYLES:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("/*"), path.name
        assert len(text.splitlines()) <= 250, path.name
