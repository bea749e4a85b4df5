"""docs/architecture.svg is drawn by itself: whole, in light and dark, and with nothing from elsewhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from .blocks import ROOT

TEXT = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"


def test_it_takes_nothing_from_elsewhere() -> None:
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(TEXT).iter()}

    assert tags <= {"svg", "title", "desc", "style", "defs", "marker", "path", "rect", "text"}
    assert "href" not in TEXT
    assert re.findall(r"url\((?!#)|@import|@font-face", TEXT) == []


def test_whatever_is_drawn_has_a_colour_in_light_and_in_dark() -> None:
    light, dark = TEXT.split("@media (prefers-color-scheme: dark)")
    dark = dark.partition("</style>")[0]
    used = set(re.findall(r'class="(\w+)"', TEXT)) - {"flow", "two"}  # these are paths like any other

    assert used
    for name in (*(f".{one}" for one in used), "path", "svg"):
        assert re.search(rf"{re.escape(name)}\b[^{{}}]*{{", light), name
        assert re.search(rf"{re.escape(name)}\b[^{{}}]*{{", dark), name


def test_it_can_be_read_aloud() -> None:
    root = ET.fromstring(TEXT)
    title, described = root.find(f"{SVG}title"), root.find(f"{SVG}desc")

    assert title is not None
    assert title.text
    assert described is not None
    assert len(str(described.text).split()) > 40
