"""The words of a product search: few and bounded, and the same whatever accents and case they have."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metta.integrations.odoo.words import MAX_WORDS, fold, occur, spellings, words


def ilike(pattern: str, text: str) -> bool:
    """PostgreSQL's, accents told apart."""
    glob = re.sub(r"\\(.)|(%)|(_)|(.)", lambda m: "*" if m[2] else "?" if m[3] else f"[{m[1] or m[4]}]", pattern)
    return fnmatch.fnmatchcase(text.lower(), f"*{glob.lower()}*")


def test_words_are_taken_out_of_a_sentence() -> None:
    assert words("  a \u201cdesk\u201d lamp, please? ") == ("a", "desk", "lamp", "please")
    assert words("la\u200bmp\0aurora\u202e") == ("lamp", "aurora")
    assert words("lamp lamp, lamp.") == ("lamp",)
    assert words("100% MUG_100") == ("100%", "MUG_100")


@pytest.mark.parametrize(
    "query", ["", " ", "%", "_ % *", "\0", "\u200b", "🙂", None, 3, True, ["lamp"], {"q": 1}, "x" * 41, "lamp " * 500]
)
def test_what_has_no_words_or_too_long_ones_is_no_query(query: Any) -> None:
    assert words(query) == ()


def test_too_many_words_are_no_query_since_some_would_be_left_out() -> None:
    assert len(words(" ".join(f"w{n}" for n in range(MAX_WORDS)))) == MAX_WORDS
    assert words(" ".join(f"w{n}" for n in range(MAX_WORDS + 1))) == ()


SAME = [
    ("lampara", "Lámpara de pie"),
    ("lámpara", "LAMPARA"),
    ("LÁMPARA", "lámpara"),
    ("cafe", "Café crème"),
    ("café", "Cafe"),
    ("creme", "Crème Brûlée"),
    ("brulee", "Crème Brûlée"),
    ("brûlée", "Creme brulee"),
    ("mobel", "Möbelöl"),
    ("moebel", "Möbelöl"),
    ("möbel", "Moebelpolitur"),
    ("möbel", "Mobel"),
    ("oel", "Öl"),
    ("te", "Té verde"),
    ("ano", "Año"),
    ("age", "Âge"),
    ("öl", "Oel"),
    ("strasse", "Straßenlampe"),
    ("straße", "STRASSE"),
    ("weiss", "weiß"),
    ("grosse", "Größe"),
    ("groesse", "Größe"),
    ("espana", "España"),
    ("nino", "Silla para niño"),
    ("français", "francais"),
    ("francais", "Français"),
    ("oeuvre", "Œuvre"),
    ("smorrebrod", "Smørrebrød"),
    ("smoerrebroed", "Smørrebrød"),
    ("skoda", "Škoda"),
    ("krzeslo", "Krzesło"),
    ("l'etagere", "L\u2019étagère"),
]


@pytest.mark.parametrize(("word", "text"), SAME)
def test_accents_and_case_do_not_matter(word: str, text: str) -> None:
    assert occur([word], text)


@pytest.mark.parametrize(("word", "text"), SAME)
def test_a_search_for_its_spellings_finds_a_word_with_other_accents(word: str, text: str) -> None:
    assert any(ilike(pattern, text) for pattern in spellings(word))


@pytest.mark.parametrize(
    ("word", "text"), [("lamp", "lump"), ("mobel", "Moebel"), ("l_mp", "lamp"), ("l%p", "lamp"), ("nin", "nn")]
)
def test_other_words_are_not_the_same(word: str, text: str) -> None:
    assert not occur([word], text)


def test_every_word_must_occur() -> None:
    assert occur(["brulee", "CREME"], "Crème Brûlée Bowl")
    assert not occur(["creme", "chair"], "Crème Brûlée Bowl")


@given(st.text(max_size=40))
def test_a_pattern_always_keeps_two_letters_or_is_literal(word: str) -> None:
    for pattern in spellings(word):
        bare = re.sub(r"\\.", "", pattern)
        assert not ("%" in bare or "_" in bare) or sum(c.isalnum() for c in pattern) >= 2


@given(st.text(alphabet="aeiounslcmp%_\\", min_size=1, max_size=12))
def test_spellings_always_find_the_word_itself(word: str) -> None:
    assert any(ilike(pattern, word) for pattern in spellings(word))


@given(st.text(max_size=60))
def test_a_folded_text_stays_as_it_is(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert occur([text], text)
