"""Searching for products whose names have accents that customers leave out, or add."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def names(answer: dict[str, Any]) -> list[str]:
    return [product["name"] for product in answer.get("products", ())]


class TestAccents:
    @pytest.mark.parametrize("query", ["creme brulee", "crème brûlée", "CRÈME BRULEE", "brulee bowl"])
    def test_do_not_matter(self, bench: Any, query: str) -> None:
        assert names(bench.search(query)) == ["Crème Brûlée Bowl"]

    @pytest.mark.parametrize(
        ("query", "language", "found"),
        [
            ("lampara escritorio", "es", "Lámpara de escritorio Aurora"),
            ("cuenco espanol", "es", "Cuenco español"),
            ("mobelol", "de", "Möbelöl weiß"),
            ("Moebeloel", "de", "Möbelöl weiß"),
            ("möbelöl weiss", "de", "Möbelöl weiß"),
            ("Schuessel", "de", "Schüssel Crème Brûlée"),
            ("buecherregal", "de", "Bücherregal Eiche"),
            ("bibliotheque chene", "fr", "Bibliothèque en chêne"),
            ("aufbau zu hause", "de", "Aufbau zu Hause"),
        ],
    )
    def test_do_not_matter_in_the_customers_language(self, bench: Any, query: str, language: str, found: str) -> None:
        assert names(bench.search(query, language=language)) == [found]

    def test_typed_where_the_shop_has_none(self, bench: Any) -> None:
        assert names(bench.search("Áurora lämp")) == ["Aurora Desk Lamp"]

    def test_in_source_texts_when_the_customers_language_has_nothing(self, bench: Any) -> None:
        bench.emulator.data.rows["product.product"][1024]["name"]["it_IT"] = "Coppa"
        bench.emulator.data.rows["res.lang"][5]["active"] = True

        assert names(bench.search("creme bowl", language="it")) == ["Crème Brûlée Bowl"]

    def test_similar_words_are_not_found_instead(self, bench: Any) -> None:
        assert bench.search("lomp")["found"] is False
        assert bench.search("muga")["found"] is False

    def test_words_letter_by_letter_come_before_other_spellings(self, bench: Any) -> None:
        rows = bench.emulator.data.rows["product.product"]
        rows[1011]["name"] = {"en_US": "A Rosé Glass"}
        rows[1012]["name"] = {"en_US": "Z Rose Glass"}

        assert names(bench.search("rose glass")) == ["Z Rose Glass", "A Rosé Glass"]

    def test_a_database_that_ignores_accents_itself_gives_the_same(self, bench: Any) -> None:
        bench.emulator.data.unaccent = True

        assert names(bench.search("creme brulee")) == ["Crème Brûlée Bowl"]
        assert bench.search("lomp")["found"] is False


_words = st.text(alphabet="aäáeéèioöóuüñcçsßlmptrx%_\\", min_size=1, max_size=8)
_names = st.lists(_words, min_size=1, max_size=3).map(" ".join)


def bare(text: str) -> str:
    """The letters without their accents, told apart from the code under test."""
    return text.lower().translate(str.maketrans("äáéèöóüñç", "aaeeoounc")).replace("ß", "ss")


def long(text: str) -> str:
    return bare(text.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue"))


def has(text: str, word: str) -> bool:
    return any(of(word) in each(text) for of in (bare, long) for each in (bare, long))


def test_a_search_finds_nothing_that_lacks_a_word_and_misses_nothing_for_its_accents(bench: Any) -> None:
    rows = bench.emulator.data.rows["product.product"]
    template = rows[1011] | {"default_code": None, "description_sale": None}

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(shop=st.lists(_names, min_size=1, max_size=9), sought=st.data())
    def check(shop: list[str], sought: st.DataObject) -> None:
        rows.clear()
        rows.update({n: template | {"id": n, "name": {"en_US": name}} for n, name in enumerate(shop, start=1)})
        typed = sought.draw(st.one_of(st.sampled_from(shop), st.sampled_from(shop).map(bare), _names))
        words = [word for word in typed.split() if any(c.isalnum() for c in word)]

        found = set(names(runner.run(bench.shop.search_products(typed)).model_dump()))

        matching = {name for name in shop if words and all(has(name, word) for word in words)}
        assert found <= matching
        # Vowels in any accent are found by words that have two more letters; consonants with an accent one at a time.
        if all(sum(c in "clmptrx" for c in word) >= 2 for word in words):
            assert {name for name in matching if not set("ñçß") & set(name)} <= found

    with asyncio.Runner() as runner:
        check()
