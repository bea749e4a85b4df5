"""Whose orders are shown: every way of being known, and the traps in how Odoo stores addresses."""

from __future__ import annotations

from typing import Any

import pytest

from metta.integrations.odoo.ownership import readings
from metta.messages import Identity

JONAS_PHONE = "+491705556677"
ANNA_PHONE = "+431705556677"


def test_address_matches_whatever_form_odoo_stores_it_in(bench: Any, lena: Identity) -> None:
    # Stored as '"Lena Vogt" <Lena@Example.org>'.
    assert bench.order("S00042", lena)["found"] is True


def test_underscore_in_an_address_is_no_wildcard(bench: Any, prove: Any) -> None:
    eve = prove("eve_x@example.net")

    assert bench.order("S00053", eve)["found"] is True
    assert bench.order("S00054", eve)["found"] is False
    assert [order["orderNumber"] for order in bench.orders("eve_x@example.net", eve)["orders"]] == ["S00053"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "%",
        "_",
        "lena@example.org\0",
        "lena@exam\nple.org",
        "lena@example.org,marco@example.com",
        "@",
        "\u212aena@x.org",
        "a@b@c",
        "x" * 250 + "@e.org",
        "Lena <lena@example.org>",
    ],
)
def test_an_address_that_is_none_proves_nothing(bench: Any, prove: Any, address: str) -> None:
    assert bench.order("S00042", prove(address))["found"] is False
    assert bench.emulator.calls == []


@pytest.mark.parametrize("address", ["%@%", "_@_", "lena@example.or_", "%lena@example.org", "*@*"])
def test_wildcards_in_an_address_match_nobody(bench: Any, prove: Any, address: str) -> None:
    assert bench.order("S00042", prove(address))["found"] is False
    assert bench.orders(address, prove(address))["found"] is False


def test_several_partners_with_one_address_are_one_customer(bench: Any, prove: Any) -> None:
    sofia = prove("sofia@example.net")

    assert bench.order("S00050", sofia)["found"] is True
    assert bench.order("S00051", sofia)["found"] is True
    assert bench.orders("sofia@example.net", sofia)["totalOrders"] == 2


def test_archived_partner_still_has_their_orders(bench: Any, prove: Any) -> None:
    assert bench.order("S00052", prove("otto@example.net"))["found"] is True
    assert bench.order("S00052", prove(phone="+493055504740"))["found"] is True
    assert bench.orders("", prove(phone="+493055504740"))["totalOrders"] == 1


def test_of_two_addresses_in_one_field_the_first_counts(bench: Any, prove: Any) -> None:
    assert bench.order("S00062", prove("first@example.net"))["found"] is True
    assert bench.order("S00062", prove("second@example.net"))["found"] is False


class TestPhone:
    @pytest.mark.parametrize(
        ("number", "phone"),
        [
            ("S00042", "+4915112345678"),
            ("S00043", "+390655501234"),
            ("S00043", "+393475550199"),
            ("S00048", JONAS_PHONE),
        ],
    )
    def test_found_however_it_is_written_in_odoo(self, bench: Any, prove: Any, number: str, phone: str) -> None:
        order = bench.order(number, prove(phone=phone))

        assert order["found"] is True
        assert order["items"]

    @pytest.mark.parametrize("version", ["15.0", "18.0", "19.0"])
    def test_odoo_19_has_no_mobile_field(self, serve: Any, prove: Any, version: str) -> None:
        bench = serve(version)

        assert bench.order("S00048", prove(phone=JONAS_PHONE))["found"] is True
        assert bench.orders("", prove(phone=JONAS_PHONE))["totalOrders"] == 3

    def test_same_national_digits_in_another_country_are_another_person(self, bench: Any, prove: Any) -> None:
        jonas, anna = prove(phone=JONAS_PHONE), prove(phone=ANNA_PHONE)

        assert bench.order("S00059", anna)["found"] is True
        assert bench.order("S00059", jonas) == bench.order("S99999", jonas)
        assert bench.order("S00048", anna) == bench.order("S99999", anna)
        assert [order["orderNumber"] for order in bench.orders("", anna)["orders"]] == ["S00059"]

    def test_national_number_without_a_country_belongs_to_nobody(self, bench: Any, prove: Any) -> None:
        for phone in (JONAS_PHONE, ANNA_PHONE, "+15556677", "+10170555667"):
            assert bench.order("S00060", prove(phone=phone))["found"] is False

    def test_without_rights_on_countries_only_international_numbers_match(self, serve: Any, prove: Any) -> None:
        bench = serve(denied={"res.country"})

        assert bench.order("S00042", prove(phone="+4915112345678"))["found"] is True
        assert bench.order("S00048", prove(phone=JONAS_PHONE))["found"] is False

    def test_a_lookup_by_phone_takes_two_waves_once_warm(self, bench: Any, prove: Any) -> None:
        lena = prove(phone="+4915112345678")
        bench.order("S00042", lena)
        bench.emulator.calls.clear()

        bench.order("S00042", lena)

        models = [call.model for call in bench.emulator.calls]
        assert models[0] == "sale.order"
        assert sorted(models[1:]) == ["account.move", "res.partner", "sale.order.line", "stock.picking"]

    def test_the_proved_phone_may_be_named_and_an_unproved_address_not(self, bench: Any, prove: Any) -> None:
        lena = prove(phone="+4915112345678")

        assert bench.orders("+49 151 12345678", lena)["totalOrders"] == 6
        assert bench.orders("", lena)["totalOrders"] == 6
        assert bench.orders("lena@example.org", lena)["found"] is False
        assert bench.orders("marco@example.com", lena)["found"] is False

    def test_phone_and_address_of_two_partners_are_both_own(self, bench: Any, prove: Any) -> None:
        both = prove("sofia@example.net", JONAS_PHONE)

        assert bench.order("S00050", both)["found"] is True
        assert bench.order("S00048", both)["found"] is True
        assert bench.order("S00059", both)["found"] is False
        assert bench.orders("sofia@example.net", both)["totalOrders"] == 5

    @pytest.mark.parametrize(
        ("written", "code", "meant"),
        [
            ("+49 (0)151 1234-5678", None, "+4915112345678"),
            ("0049 151 12345678", None, "+4915112345678"),
            ("0151/12345678", 49, "+4915112345678"),
            ("(555) 123-4567", 1, "+15551234567"),
            ("06 5550 1234", 39, "+390655501234"),
        ],
    )
    def test_readings_of_a_stored_number(self, written: str, code: int | None, meant: str) -> None:
        assert meant in readings(written, code)

    @pytest.mark.parametrize(
        "written",
        [
            None,
            False,
            "",
            "n/a",
            "+49 151 12345678 ext. 5",
            "0151 12345678",
            "+" * 99,
            "+4915112345678 / +4917012345678",
        ],
    )
    def test_what_is_not_one_sure_number_matches_nothing(self, written: Any) -> None:
        assert "+4915112345678" not in readings(written, None)


class TestPartner:
    def test_mapped_partner_sees_their_orders(self, bench: Any, prove: Any) -> None:
        mapped = prove(partner_id=4711)

        assert bench.order("S00042", mapped)["found"] is True
        assert bench.order("S00043", mapped)["found"] is False

    def test_mapped_partner_may_name_only_their_own_address(self, bench: Any, prove: Any) -> None:
        mapped = prove(partner_id=4711)

        assert bench.orders("lena@example.org", mapped)["totalOrders"] == 6
        assert bench.orders("marco@example.com", mapped)["found"] is False
        assert bench.orders("", mapped)["totalOrders"] == 6

    @pytest.mark.parametrize("partner", [0, -1, 2**31, 2**70])
    def test_an_impossible_partner_proves_nothing(self, bench: Any, prove: Any, partner: int) -> None:
        assert bench.order("S00042", prove(partner_id=partner))["found"] is False
        assert bench.emulator.calls == []


class TestCompany:
    def test_contacts_see_their_own_orders_only(self, bench: Any, prove: Any) -> None:
        jonas = prove("jonas@nordlicht.example")

        assert bench.order("S00048", jonas)["found"] is True
        assert bench.order("S00049", jonas)["found"] is False
        assert bench.order("S00049", prove("info@nordlicht.example"))["found"] is False

    def test_where_the_policy_says_so_the_whole_companys(self, serve: Any, prove: Any, lena: Identity) -> None:
        bench = serve(company_orders=True)

        for identity in (prove("jonas@nordlicht.example"), prove("info@nordlicht.example"), prove(partner_id=4721)):
            assert bench.order("S00048", identity)["found"] is True
            assert bench.order("S00049", identity)["found"] is True
            assert bench.order("S00042", identity)["found"] is False
        assert bench.order("S00048", lena)["found"] is False
        assert bench.order("S00042", lena)["found"] is True

    def test_a_contact_of_a_department_belongs_to_the_whole_company(self, serve: Any, prove: Any) -> None:
        bench = serve(company_orders=True)
        partners = bench.emulator.data.rows["res.partner"]
        partners[4723] = partners[4722] | {"id": 4723, "name": "Ute Voss", "email": "ute@nordlicht.example"}
        partners[4723]["parent_id"] = 4722

        for identity in (prove("ute@nordlicht.example"), prove(partner_id=4723)):
            assert bench.order("S00048", identity)["found"] is True
            assert bench.order("S00042", identity)["found"] is False

    def test_a_company_of_its_own_below_a_company_sees_nothing_of_it(self, serve: Any, prove: Any) -> None:
        bench = serve(company_orders=True)
        partners = bench.emulator.data.rows["res.partner"]
        daughter = {"id": 4790, "name": "Nord Süd GmbH", "email": "info@daughter.example", "parent_id": 4720}
        partners[4790] = partners[4720] | daughter
        clerk = {"id": 4791, "name": "Kim", "email": "kim@daughter.example", "parent_id": 4790}
        partners[4791] = partners[4722] | clerk
        orders = bench.emulator.data.rows["sale.order"]
        orders[9990] = orders[9048] | {"id": 9990, "name": "S09990", "partner_id": 4790}

        for address in ("info@daughter.example", "kim@daughter.example"):
            assert bench.order("S09990", prove(address))["found"] is True
            assert bench.order("S00048", prove(address))["found"] is False
            assert [o["orderNumber"] for o in bench.orders(address, prove(address))["orders"]] == ["S09990"]
        assert bench.order("S09990", prove("info@nordlicht.example"))["found"] is False

    def test_who_has_left_the_company_sees_the_own_orders_only(self, serve: Any, prove: Any) -> None:
        bench = serve(company_orders=True)
        bench.emulator.data.rows["res.partner"][4721]["active"] = False
        jonas = prove("jonas@nordlicht.example")

        assert bench.order("S00048", jonas)["found"] is True
        assert bench.order("S00049", jonas)["found"] is False
        assert {o["orderNumber"] for o in bench.orders("jonas@nordlicht.example", jonas)["orders"]} == {
            *("S00048", "S00057")
        }

    def test_a_claim_never_reaches_the_company(self, serve: Any, claim: Any) -> None:
        bench = serve(company_orders=True)

        assert bench.order("S00048", claim("jonas@nordlicht.example"))["found"] is True
        assert bench.order("S00049", claim("jonas@nordlicht.example"))["found"] is False


class TestClaimed:
    def test_number_and_address_together_tell_the_state_only(self, bench: Any, claim: Any) -> None:
        order = bench.order("S00042", claim("lena@example.org"))

        assert order["found"] is True
        assert order["delivery"] == "fully shipped"
        assert order["parcels"] == [{"status": "shipped", "shippedOn": "2026-11-18"}]
        assert not {"items", "total", "totalIncludesTax", "invoice", "invoices", "paidOrAuthorisedOnline"} & set(order)
        assert "PX0042LENA" not in str(order)
        [lines] = [call for call in bench.asked("sale.order.line") if call.method == "search_read"]
        assert not {"name", "product_id", "price_total"} & set(lines.kwargs["fields"])
        assert bench.asked("account.move") == []

    def test_number_and_phone_together_as_well(self, bench: Any, claim: Any) -> None:
        assert bench.order("S00042", claim(phone="+4915112345678"))["found"] is True
        assert bench.order("S00042", claim(phone="+4915112345679"))["found"] is False

    def test_a_claimed_partner_id_is_worth_nothing(self, bench: Any, claim: Any) -> None:
        assert bench.order("S00042", claim(partner_id=4711))["found"] is False
        assert bench.order("S00042", claim("marco@example.com", partner_id=4711))["found"] is False
