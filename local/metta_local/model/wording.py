"""The offline model's languages: which words mean what, and the sentences it answers with."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

_DATA = Path(__file__).parent


def fold(text: str) -> str:
    """Lower case without accents, so that words are found however they are typed."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))


@functools.cache
def _load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((_DATA / name).read_text(encoding="utf-8"))
    return content


@functools.cache
def _pattern(group: str) -> re.Pattern[str]:
    """All languages' words of a group; ``*`` at the end of a word stands for any ending."""
    words = sorted((fold(word) for word in _load("words.yaml")[group]), key=len, reverse=True)
    parts = (re.escape(word.removesuffix("*")) + (r"\w*" if word.endswith("*") else "") for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")


def mentions(text: str, group: str) -> bool:
    """Whether a text has one of a group's words or phrases."""
    return _pattern(group).search(fold(text)) is not None


def after(text: str, group: str) -> Iterator[str]:
    """What follows each mention of a group's words, folded."""
    folded = fold(text)
    for found in _pattern(group).finditer(folded):
        yield folded[found.end() :]


def without(text: str, group: str) -> str:
    """The text, folded, without a group's words."""
    return _pattern(group).sub(" ", fold(text))


def in_english(goods: str) -> str:
    """A word for goods in English; unchanged where it is not known."""
    names: dict[str, list[str]] = _load("words.yaml")["goods"]
    for english, others in names.items():
        if any(goods == other or (other.endswith("*") and goods.startswith(other[:-1])) for other in others):
            return english
    return goods


def sentence(language: str, name: str, /, **values: str) -> str:
    """A sentence in the language, or in English where the language is not known."""
    phrases = _load("phrases.yaml")
    text: str = (phrases.get(language) or phrases["en"])[name]
    return text.format(**values)


def word(language: str, plain: str) -> str:
    """A tool's plain English word in the language; a word that is not known stays as it is."""
    phrases = _load("phrases.yaml")
    translated: dict[str, str] = (phrases.get(language) or phrases["en"]).get("words", {})
    return translated.get(plain.lower(), plain)
