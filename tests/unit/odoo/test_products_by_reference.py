"""Which product a customer is told about when one is named by id, reference or barcode."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any, cast

import pytest

from metta.integrations.odoo import OdooPort, OdooShop
from metta.policy import Policy


@pytest.mark.parametrize("product", [1019, 1020, 511, 999_999])
def test_archived_not_for_sale_template_and_unknown_ids_are_not_found(bench: Any, product: int) -> None:
    answer = bench.product(product)

    assert answer == bench.product(999_998)
    assert answer["found"] is False
    assert answer["nextStep"]


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        2**80,
        True,
        False,
        None,
        1.5,
        "",
        " ",
        "\0",
        "%",
        "_",
        "🙂",
        "x" * 65,
        "10\n11",
        [1011],
        {"id": 1011},
        math.nan,
    ],
)
def test_what_is_neither_id_nor_reference_finds_nothing_and_asks_nothing(bench: Any, value: Any) -> None:
    assert bench.product(value)["found"] is False
    assert bench.emulator.calls == []


@pytest.mark.parametrize("value", [2**31, "1011; drop", "x", "١٠١١", "LAMP%", "LAMP_AUR", "' OR 1=1 --", "lamp"])
def test_an_odd_reference_finds_nothing(bench: Any, value: Any) -> None:
    assert bench.product(value)["found"] is False


@pytest.mark.parametrize(
    "value", ["LAMP-AUR", "lamp-aur", " lamp-aur ", "[LAMP-AUR]", "Lamp-Aur", "\u202elamp-aur", "1011", 1011]
)
def test_by_id_or_reference(bench: Any, value: Any) -> None:
    assert bench.product(value)["productId"] == 1011


def test_a_reference_kept_in_lower_case_is_found_in_capitals(bench: Any) -> None:
    bench.emulator.data.rows["product.product"][1011]["default_code"] = "lamp-aur"

    assert bench.product("LAMP-AUR")["productId"] == 1011


class Careless:
    """A port that finds every product, whatever is searched for."""

    async def search_read(self, model: str, *_args: Any, **_kwargs: Any) -> list[dict[str, Any]]:
        row = {"display_name": "Lamp", "lst_price": 1.0, "product_tmpl_id": [1, "Lamp"], "product_variant_count": 3}
        sold = {"active": True, "sale_ok": True}
        rows = [{"id": 7, **row, **sold}, {"id": 8, **row, **sold, "active": False}, {"id": 9, **row, "sale_ok": False}]
        return rows if model == "product.product" else []

    async def fields_get(self, _model: str, names: Sequence[str]) -> frozenset[str]:
        return frozenset(names)


def test_what_is_not_for_sale_is_not_shown_even_when_a_search_returns_it() -> None:
    shop = OdooShop(cast("OdooPort", Careless()), policy=Policy())

    card = asyncio.run(shop.get_product(9)).model_dump()
    others = asyncio.run(shop.get_product(7)).model_dump().get("otherVariants", ())
    listed = asyncio.run(shop.search_products("lamp")).model_dump()["products"]

    assert card.get("productId") != 9
    assert {each["productId"] for each in (*others, *listed)} == {7}


@pytest.mark.parametrize("value", [10045, "10045"])
def test_a_reference_of_digits_is_found_where_no_product_has_that_id(bench: Any, value: Any) -> None:
    assert bench.product(value)["productId"] == 1025


def test_an_id_comes_before_a_reference_of_the_same_digits(bench: Any) -> None:
    bench.emulator.data.rows["product.product"][1015]["default_code"] = "1011"

    assert bench.product("1011")["productId"] == 1011


def test_a_reference_helps_where_the_product_of_that_id_is_not_for_sale(bench: Any) -> None:
    bench.emulator.data.rows["product.product"][1015]["default_code"] = "1020"

    assert bench.product("1020")["productId"] == 1015


def test_a_barcode_does_for_a_reference(bench: Any) -> None:
    assert bench.product("4006381333931")["productId"] == 1024
    assert bench.product(4006381333931)["productId"] == 1024


def test_a_reference_that_several_products_have_names_none_of_them(bench: Any) -> None:
    bench.emulator.data.rows["product.product"][1015]["default_code"] = "LAMP-AUR"

    answer = bench.product("lamp-aur")

    assert answer["found"] is False
    assert "More than one product" in answer["nextStep"]
    assert len(bench.search("lamp-aur")["products"]) == 2


def test_a_reference_as_typed_comes_before_the_same_in_another_case(bench: Any) -> None:
    bench.emulator.data.rows["product.product"][1015]["default_code"] = "lamp-aur"

    assert bench.product("lamp-aur")["productId"] == 1015
    assert bench.product("LAMP-AUR")["productId"] == 1011


@pytest.mark.parametrize("value", ["LAMP-RET", "TABLE-DSP"])
def test_archived_and_not_for_sale_are_not_found_by_reference_either(bench: Any, value: str) -> None:
    assert bench.product(value) == bench.product("NO-SUCH")


@pytest.mark.parametrize(("product", "calls"), [(1011, 1), (1013, 2), ("LAMP-AUR", 1), ("NO-SUCH", 1)])
def test_one_product_takes_two_calls_at_most_once_warm(bench: Any, product: Any, calls: int) -> None:
    bench.product(1013)
    bench.emulator.calls.clear()

    bench.product(product)

    assert len(bench.emulator.calls) == calls
