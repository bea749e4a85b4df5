"""I7 and I8 over shops that nobody wrote: a customer is shown their own, and no more than was asked for."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from metta.integrations.odoo import OdooShop
from metta.messages import Identity, IdentityLevel
from metta.policy import IdentityPolicy, Policy
from unit.odoo.generated_shop import (
    ADDRESSES,
    PHONES,
    DirectPort,
    Shop,
    addresses,
    customers,
    identities,
    numbers,
    products,
    queries,
    shops,
)

quiet = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def tools(shop: Shop, *, company: bool = False) -> OdooShop:
    return OdooShop(DirectPort(shop.emulator), policy=Policy(identity=IdentityPolicy(company_orders=company)))


def squeezed(text: object) -> str:
    return "".join(unicodedata.normalize("NFKC", str(text)).upper().split())


@pytest.mark.parametrize("company", [False, True], ids=["own", "company"])
def test_an_order_is_shown_to_its_owner_and_to_nobody_else(run: Callable[..., Any], company: bool) -> None:
    @quiet
    @given(shop=shops(), number=numbers, identity=identities)
    def check(shop: Shop, number: Any, identity: Identity) -> None:
        asked = tools(shop, company=company)
        names = {order["name"] for order in shop.orders()}
        for who, what in [(identity, number), *itertools.product((identity, *customers()), names)]:
            answer = run(asked.get_order(what, identity=who))

            told, owners = answer.model_dump_json(), shop.owners(who, company=company)
            for order in shop.orders():
                if order["partner_id"] not in owners or who.level is not IdentityLevel.VERIFIED:
                    assert not [mark for mark in shop.marks(order) if mark in told], (who, what)
            if answer.found:
                mine = {order["name"] for order in shop.orders() if order["partner_id"] in owners}
                assert answer.order_number in mine, (who, what)
                assert squeezed(answer.order_number) in squeezed(what), "no other order than the one asked for"

    check()


def test_who_names_an_own_order_finds_it(run: Callable[..., Any]) -> None:
    """The other side: a shop that shows nothing to anybody would pass the rest."""

    @quiet
    @given(shop=shops())
    def check(shop: Shop) -> None:
        asked = tools(shop)
        names = [order["name"].upper() for order in shop.orders()]
        for who, order in itertools.product(customers(), shop.orders()):
            unclear = names.count(order["name"].upper()) > 1 or order["name"] == "S%"
            if order["partner_id"] in shop.owners(who) and not unclear:
                assert run(asked.get_order(order["name"], identity=who)).found, (who, order["name"])

    check()


def test_not_there_and_not_theirs_are_one_answer(run: Callable[..., Any]) -> None:
    @quiet
    @given(shop=shops(), number=numbers, identity=identities)
    def check(shop: Shop, number: Any, identity: Identity) -> None:
        asked, rows = tools(shop), shop.emulator.data.rows
        names = {order["name"] for order in shop.orders()}
        everything = rows["sale.order"]
        for who, what in [(identity, number), *itertools.product(customers(), names)]:
            owners = shop.owners(who)
            with_others = run(asked.get_order(what, identity=who))
            rows["sale.order"] = {key: row for key, row in everything.items() if row["partner_id"] in owners}
            without_others = run(asked.get_order(what, identity=who))
            rows["sale.order"] = everything

            assert with_others == without_others, "the orders of others change nothing of what is told"

    check()


@pytest.mark.parametrize("company", [False, True], ids=["own", "company"])
def test_a_list_holds_own_orders_only_and_counts_no_others(run: Callable[..., Any], company: bool) -> None:
    @quiet
    @given(shop=shops(), address=addresses, identity=identities)
    def check(shop: Shop, address: Any, identity: Identity) -> None:
        asked = tools(shop, company=company)
        named = (*ADDRESSES, *PHONES, "")
        for who, what in [(identity, address), *itertools.product((identity, *customers()), named)]:
            answer = run(asked.get_orders_by_customer(what, identity=who))
            if not answer.found:
                continue

            owners, told = shop.owners(who, company=company), answer.model_dump_json()
            assert who.level is IdentityLevel.VERIFIED
            theirs = [order for order in shop.orders() if order["partner_id"] not in owners]
            assert not [mark for order in theirs for mark in shop.marks(order) if mark in told], (who, what)
            assert answer.total_orders <= len(shop.orders()) - len(theirs)
            proved = {(who.email or "").strip(" ").lower(), who.phone}
            own_partners = shop.emails.get(who.partner_id or 0)
            address_of = str(what).strip().lower()
            assert (
                address_of in proved or address_of == own_partners or (not address_of and "@" not in (who.email or ""))
            )

    check()


def test_who_asks_for_the_own_list_gets_all_of_it(run: Callable[..., Any]) -> None:
    @quiet
    @given(shop=shops())
    def check(shop: Shop) -> None:
        for who in customers():
            mine = [order for order in shop.orders() if order["partner_id"] in shop.owners(who)]
            if who.level is IdentityLevel.VERIFIED and mine:
                answer = run(tools(shop).get_orders_by_customer(who.email or who.phone or "", identity=who))
                assert answer.total_orders == len(mine), who

    check()


def test_a_product_that_is_shown_is_for_sale_and_the_one_asked_for(run: Callable[..., Any]) -> None:
    @quiet
    @given(shop=shops(), product=products)
    def check(shop: Shop, product: Any) -> None:
        asked, rows = tools(shop), shop.emulator.data.rows["product.product"]
        for what in (product, *rows, *(row["default_code"] for row in rows.values())):
            answer = run(asked.get_product(what))
            if answer.found:
                row = rows[answer.product_id]
                assert row["active"]
                assert row["sale_ok"]
                assert squeezed(what).strip("[]") in (str(row["id"]), squeezed(row["default_code"]))
        for key, row in rows.items():
            assert run(asked.get_product(key)).found is (row["active"] and row["sale_ok"])

    check()


def folded(text: str) -> set[str]:
    """Readings of a text in which accents and case do not count."""
    german = text.lower().translate(str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}))
    return {
        "".join(c for c in unicodedata.normalize("NFKD", each) if not unicodedata.combining(c)).casefold()
        for each in (text, german)
    }


def test_a_search_shows_what_has_every_word_and_nothing_else(run: Callable[..., Any]) -> None:
    @quiet
    @given(shop=shops(), query=queries)
    def check(shop: Shop, query: Any) -> None:
        answer = run(tools(shop).search_products(query))

        found = {product.product_id for product in answer.products} if answer.found else set()
        sold = {key: row for key, row in shop.emulator.data.rows["product.product"].items() if row["sale_ok"]}
        seen = "".join(c if c.isprintable() else " " for c in str(query))
        words = [word for word in seen.split() if any(c.isalnum() for c in word)]
        for key in found:
            assert sold[key]["active"]
            about = f"{sold[key]['name']['en_US']} {sold[key]['default_code'] or ''}"
            reference = squeezed(query) == squeezed(sold[key]["default_code"])
            for word in words:
                stripped = folded(word.strip(".,;:!?\"'()[]*¿¡"))
                assert reference or any(form in text for form in stripped for text in folded(about)), (word, about)
        if isinstance(query, str) and words and all(word.isalpha() and len(word) > 3 for word in words):
            for key, row in sold.items():
                if row["active"] and all(
                    any(w.lower() in row["name"]["en_US"].lower() for w in [word]) for word in words
                ):
                    assert key in found, "what is there is found"

    check()
