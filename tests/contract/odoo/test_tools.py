"""The five tools on any Odoo: right for the customer, silent for everybody else, whatever the release and protocol."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from contract.odoo.conftest import claimed, verified
from metta.messages import Identity

WILD = (
    "",
    " ",
    "%",
    "_",
    "*",
    "%%",
    "S%",
    "\0",
    "🙂",
    "\u202e",
    "' OR 1=1 --",
    "x" * 5000,
    None,
    True,
    1.5,
    -1,
    2**70,
    [],
)


class TestOrders:
    def test_the_owner_sees_the_order(self, server: Any) -> None:
        email, number = server.known.need("email", "order")

        order = server.tool("getOrder", number, verified(email))

        assert order["found"] is True
        assert order["orderNumber"] == number
        assert order["status"] in ("confirmed order", "cancelled") or order["status"].startswith("quotation")
        assert re.fullmatch(r"-?\d+\.\d{0,3} ?[A-Z]{3}|-?\d+ [A-Z]{3}", order["total"])
        assert order["items"]

    @pytest.mark.parametrize("form", ["{0}", " {0} ", "#{0}", "order no. {0}", "{1}"])
    def test_however_the_number_is_typed(self, server: Any, form: str) -> None:
        email, number = server.known.need("email", "order")

        assert server.tool("getOrder", form.format(number, number.lower()), verified(email))["orderNumber"] == number

    def test_the_owners_phone_is_as_good(self, server: Any) -> None:
        phone, number = server.known.need("phone", "order")

        assert server.tool("getOrder", number, verified(phone=phone))["found"] is True

    def test_a_claimed_address_tells_less(self, server: Any) -> None:
        email, number = server.known.need("email", "order")

        order = server.tool("getOrder", number, claimed(email))

        assert order["found"] is True
        assert not {"items", "total", "totalIncludesTax", "invoice", "invoices", "paidOrAuthorisedOnline"} & set(order)
        assert "trackingNumber" not in json.dumps(order)

    def test_not_theirs_not_there_and_not_allowed_are_one_answer(self, server: Any) -> None:
        email, other = server.known.need("email", "other_order")
        answers = [
            server.tool("getOrder", other, verified(email)),
            server.tool("getOrder", other, claimed(email)),
            server.tool("getOrder", other, Identity()),
            server.tool("getOrder", "ZZ99999999", verified(email)),
        ]

        assert all(answer == answers[0] for answer in answers)
        assert answers[0]["found"] is False

    @pytest.mark.parametrize("number", WILD, ids=repr)
    def test_what_is_no_number_finds_nothing(self, server: Any, number: Any) -> None:
        (email,) = server.known.need("email")

        assert server.tool("getOrder", number, verified(email))["found"] is False

    @pytest.mark.parametrize("address", ["%", "%@%", "_@_", "*@*", "", "\0", "x" * 300 + "@e.org"], ids=repr)
    def test_what_is_no_address_proves_nothing(self, server: Any, address: str) -> None:
        (number,) = server.known.need("order")

        assert server.tool("getOrder", number, verified(address))["found"] is False
        assert server.tool("getOrdersByCustomer", address, verified(address))["found"] is False

    def test_a_list_is_the_customers_own_newest_first_and_counted(self, server: Any) -> None:
        email, number = server.known.need("email", "order")

        answer = server.tool("getOrdersByCustomer", email, verified(email))

        numbers = [order["orderNumber"] for order in answer["orders"]]
        assert len(numbers) <= 10
        assert answer["totalOrders"] >= len(numbers)
        assert number in numbers or answer["totalOrders"] > 10
        days = [order["orderedOn"] for order in answer["orders"] if "orderedOn" in order]
        assert days == sorted(days, reverse=True)

    def test_nobody_lists_anothers_orders(self, server: Any) -> None:
        email, other = server.known.need("email", "other_email")
        empty = server.tool("getOrdersByCustomer", "nobody@nowhere.example", verified(email))

        assert empty["found"] is False
        assert server.tool("getOrdersByCustomer", other, verified(email)) == empty
        assert server.tool("getOrdersByCustomer", email, claimed(email)) == empty
        assert server.tool("getOrdersByCustomer", email, Identity()) == empty


class TestProducts:
    def test_what_a_search_finds_can_be_looked_up(self, server: Any) -> None:
        (query,) = server.known.need("query")

        found = server.tool("searchProducts", query)

        assert 1 <= len(found["products"]) <= 10
        for product in found["products"][:3]:
            card = server.tool("getProduct", product["productId"])
            assert card["found"] is True
            assert card["name"] == product["name"]
            assert card["availability"] in ("in stock", "out of stock", "not tracked", "not known")
            assert card.get("listPrice") == product.get("listPrice")

    def test_case_does_not_count(self, server: Any) -> None:
        (query,) = server.known.need("query")

        found = [server.tool("searchProducts", form)["products"] for form in (query.lower(), query.upper())]

        assert found[0] == found[1]

    def test_by_reference(self, server: Any) -> None:
        (reference,) = server.known.need("reference")

        assert server.tool("getProduct", reference)["reference"] == reference
        assert server.tool("searchProducts", reference)["products"][0]["reference"] == reference

    @pytest.mark.parametrize("query", [*WILD, "zzqqxx nothing is called this"], ids=repr)
    def test_what_is_no_query_never_lists_the_shop(self, server: Any, query: Any) -> None:
        assert server.tool("searchProducts", query)["found"] is False

    @pytest.mark.parametrize("product", WILD, ids=repr)
    def test_what_is_no_product_finds_nothing(self, server: Any, product: Any) -> None:
        assert server.tool("getProduct", product)["found"] is False

    def test_nothing_of_what_is_internal_is_told(self, server: Any) -> None:
        (query,) = server.known.need("query")
        [first, *_] = server.tool("searchProducts", query)["products"]

        told = json.dumps(server.tool("getProduct", first["productId"])).lower()

        assert "cost" not in told
        assert "<" not in told

    @pytest.mark.parametrize("language", ["de", "fr", "es", "xx", "", "zz-ZZ"])
    def test_any_language_gets_an_answer(self, server: Any, language: str) -> None:
        (query,) = server.known.need("query")
        [first, *_] = server.tool("searchProducts", query)["products"]

        card = server.tool("getProduct", first["productId"], language=language)

        assert card["productId"] == first["productId"]


def test_the_same_question_gets_the_same_answer(server: Any) -> None:
    email, number, query = server.known.need("email", "order", "query")
    for name, argument, identity in (
        ("getOrder", number, verified(email)),
        ("getOrdersByCustomer", email, verified(email)),
        ("searchProducts", query, Identity()),
    ):
        assert server.tool(name, argument, identity) == server.tool(name, argument, identity)


def test_every_result_is_bounded(server: Any) -> None:
    email, number = server.known.need("email", "order")

    for result in (
        server.tool("getOrder", number, verified(email)),
        server.tool("getOrdersByCustomer", email, verified(email)),
    ):
        assert len(json.dumps(result, ensure_ascii=False)) <= 6000
