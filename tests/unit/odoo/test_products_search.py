"""Searching for products as customers word it, through the real adapter from an emulated Odoo."""

from __future__ import annotations

from typing import Any

import pytest

from metta_local.odoo import Fault, FaultKind


def names(answer: dict[str, Any]) -> list[str]:
    return [product["name"] for product in answer.get("products", ())]


@pytest.mark.parametrize("query", ["lamp", "LAMP", "  lamp  ", "Lamp, "])
def test_finds_what_is_for_sale(bench: Any, query: str) -> None:
    assert names(bench.search(query)) == ["Aurora Desk Lamp", "Luna Floor Lamp"]


def test_words_in_any_order(bench: Any) -> None:
    assert names(bench.search("lamp aurora")) == ["Aurora Desk Lamp"]


def test_every_word_must_match(bench: Any) -> None:
    assert bench.search("lamp mug")["found"] is False


def test_reference_and_description_are_searched(bench: Any) -> None:
    assert names(bench.search("lamp-aur")) == ["Aurora Desk Lamp"]
    assert names(bench.search("living room")) == ["Luna Floor Lamp"]
    assert names(bench.search("4006381333931")) == ["Crème Brûlée Bowl"]


def test_wildcards_are_taken_literally(bench: Any) -> None:
    assert names(bench.search("mug 100%")) == ["Travel Mug 100% Leakproof"]
    assert names(bench.search("MUG_100")) == ["Travel Mug 100% Leakproof"]
    assert bench.search("l%p")["found"] is False
    assert bench.search("l_mp")["found"] is False
    assert bench.search("lamp\\")["found"] is False


@pytest.mark.parametrize("query", ["", " ", "%", "_", "%%%", "\0", "\u200b", "🙂", "* ?", None, False, 3, ["lamp"]])
def test_a_query_without_words_finds_nothing_and_asks_nothing(bench: Any, query: Any) -> None:
    assert bench.search(query)["found"] is False
    assert bench.emulator.calls == []


@pytest.mark.parametrize(
    "query", ["x" * 100_000, "la\ud800mp", "lamp\0 aurora", "'; DROP TABLE--", "\u202elamp", "lamp " * 500]
)
def test_odd_queries_do_no_harm(bench: Any, query: str) -> None:
    assert "found" in bench.search(query)


def test_in_the_customers_language(bench: Any) -> None:
    assert names(bench.search("lampe bureau", language="fr")) == ["Lampe de bureau Aurora"]
    assert bench.search("lampe bureau", language="en")["found"] is False
    assert bench.product(1015, language="de")["name"] == "Steinzeugbecher"
    assert bench.product(1015, language="de")["unit"] == "Stück"


def test_source_texts_help_where_the_language_finds_nothing(bench: Any) -> None:
    assert names(bench.search("desk lamp", language="de")) == ["Aurora Desk Lamp"]


@pytest.mark.parametrize("language", ["it", "pt", "xx", "", "zz-ZZ", "%"])
def test_a_language_that_is_not_installed_gives_source_texts(bench: Any, language: str) -> None:
    assert bench.product(1015, language=language)["name"] == "Stoneware Mug"


def test_a_language_removed_meanwhile_gives_source_texts(bench: Any) -> None:
    assert bench.product(1015, language="de")["name"] == "Steinzeugbecher"
    for row in bench.emulator.data.rows["res.lang"].values():
        row["active"] = row["code"] == "en_US"

    assert bench.product(1015, language="de")["name"] == "Stoneware Mug"


def test_no_more_than_ten(bench: Any) -> None:
    rows = bench.emulator.data.rows["product.product"]
    for number in range(30):
        rows[5000 + number] = rows[1011] | {"id": 5000 + number}

    answer = bench.search("lamp")

    assert len(answer["products"]) == 10
    assert answer["moreMatches"] is True


class TestReferences:
    @pytest.mark.parametrize("kept", ["WRAP", "wrap", "Wrap"])
    def test_the_product_with_that_reference_comes_first(self, bench: Any, kept: str) -> None:
        rows = bench.emulator.data.rows["product.product"]
        rows[1018]["default_code"] = kept
        for number in range(30):
            name = {"en_US": f"A wrap {number:02}"}
            rows[5000 + number] = rows[1011] | {"id": 5000 + number, "default_code": f"WRAP{number}", "name": name}

        for query in ("wrap", "WRAP", "Wrap"):
            answer = bench.search(query)
            assert names(answer)[:2] == ["Gift Wrap", "A wrap 00"]
            assert len(answer["products"]) == 10
            assert answer["moreMatches"] is True

    def test_in_one_search_with_other_words(self, bench: Any) -> None:
        assert names(bench.search("chair-oak fjord")) == ["Fjord Chair (Oak)"]

    def test_brackets_around_it_do_not_matter(self, bench: Any) -> None:
        assert names(bench.search("[LAMP-AUR]")) == ["Aurora Desk Lamp"]


class TestVariants:
    def test_are_found_by_what_tells_them_apart(self, bench: Any) -> None:
        assert names(bench.search("black fjord chair")) == ["Fjord Chair (Black)"]
        assert names(bench.search("stuhl eiche", language="de")) == ["Stuhl Fjord (Eiche)"]
        assert names(bench.search("chaise chene", language="fr")) == ["Chaise Fjord (Chêne)"]

    def test_without_the_right_to_read_attributes_the_rest_is_still_found(self, serve: Any) -> None:
        bench = serve(denied={"product.template.attribute.value"})

        assert names(bench.search("fjord chair")) == ["Fjord Chair (Oak)", "Fjord Chair (Black)"]
        assert bench.search("black fjord")["found"] is False


@pytest.mark.parametrize("version", ["15.0", "16.0", "17.0", "18.0", "19.0", "saas~19.1"])
@pytest.mark.parametrize("modules", [None, {"sale"}])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("creme brulee", "Crème Brûlée Bowl"),
        ("black chair", "Fjord Chair (Black)"),
        ("lamp-aur", "Aurora Desk Lamp"),
        ("mug 100%", "Travel Mug 100% Leakproof"),
        ("living room", "Luna Floor Lamp"),
    ],
)
def test_every_version_with_any_modules_finds_the_same(
    serve: Any, version: str, modules: set[str] | None, query: str, found: str
) -> None:
    assert names(serve(version, modules=modules).search(query)) == [found]


def test_prices_in_a_list_say_whether_tax_is_in_them(bench: Any) -> None:
    (lamp,) = bench.search("desk lamp")["products"]
    (bowl,) = bench.search("bowl")["products"]

    assert (lamp["listPrice"], lamp["priceIncludesTax"], lamp["priceWithTax"]) == ("49.90 EUR", False, "59.38 EUR")
    assert (bowl["listPrice"], bowl["priceIncludesTax"], bowl["priceWithTax"]) == ("11.90 EUR", True, "11.90 EUR")


def test_a_sentence_of_too_many_words_asks_nothing(bench: Any) -> None:
    answer = bench.search("do you have one of those nice lamps for the desk")

    assert answer["found"] is False
    assert "fewer" in answer["nextStep"]
    assert bench.emulator.calls == []


class TestWaves:
    """Calls that go out together are one wave; a search takes two at most, whatever is found."""

    @pytest.mark.parametrize(
        ("query", "language", "calls"),
        [
            ("mug", "en", 2),
            ("a10", "en", 2),
            ("creme", "en", 3),
            ("nothing here", "en", 2),
            ("nothing here", "de", 4),
            ("desk lamp", "de", 4),
        ],
    )
    def test_few_calls_once_warm(self, bench: Any, query: str, language: str, calls: int) -> None:
        bench.search("lamp", language=language)
        bench.emulator.calls.clear()

        bench.search(query, language=language)

        assert len(bench.emulator.calls) == calls
        assert bench.emulator.logins == 1

    def test_a_full_list_needs_no_second_wave(self, bench: Any) -> None:
        rows = bench.emulator.data.rows["product.product"]
        for number in range(30):
            name = {"en_US": f"Lámp {number}" if number % 2 else f"Lamp {number}"}
            rows[5000 + number] = rows[1011] | {"id": 5000 + number, "name": name}
        bench.search("mug")
        bench.emulator.calls.clear()

        assert len(bench.search("lamp")["products"]) == 10
        assert len(bench.emulator.calls) == 2

    def test_a_right_that_lacks_is_not_asked_for_each_time(self, serve: Any) -> None:
        bench = serve(denied={"product.template.attribute.value"})
        bench.search("lamp")
        bench.emulator.calls.clear()

        bench.search("mug")

        assert not bench.asked("product.template.attribute.value")

    def test_the_calls_of_a_wave_are_under_way_together(self, bench: Any) -> None:
        bench.search("lamp", language="de")
        bench.emulator.busiest = 0
        for _ in range(4):
            bench.emulator.faults.add(Fault(FaultKind.DELAY, seconds=0.15, times=1, model="product.product"))

        bench.search("nothing here", language="de")

        assert bench.emulator.busiest == 2

    def test_similar_names_are_read_without_stock_and_prices(self, bench: Any) -> None:
        bench.search("lamp")

        asked = [set(call.kwargs["fields"]) for call in bench.asked("product.product") if call.method == "search_read"]
        assert {"display_name", "default_code", "description_sale", "id", "active", "sale_ok"} in asked
