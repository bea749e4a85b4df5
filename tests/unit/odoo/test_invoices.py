"""What a customer is told about invoices and payment, and what stays inside the shop."""

from __future__ import annotations

from typing import Any

import pytest

from metta.messages import Identity


@pytest.mark.parametrize(
    ("number", "email", "invoice", "payment"),
    [
        ("S00042", "lena@example.org", "INV/2026/00042", "paid"),
        ("S00044", "lena@example.org", "INV/2026/00044", "partly paid"),
        ("S00048", "jonas@nordlicht.example", "INV/2026/00048", "not paid yet"),
        ("S00050", "sofia@example.net", "INV/2026/00050", "cancelled by a credit note"),
        ("S00051", "sofia@example.net", "INV/2026/00051", "payment recorded, not yet confirmed by the bank"),
    ],
)
@pytest.mark.parametrize("version", ["15.0", "18.0", "19.0"])
def test_every_state_of_payment_in_plain_words(
    serve: Any, prove: Any, version: str, number: str, email: str, invoice: str, payment: str
) -> None:
    told = serve(version).order(number, prove(email))["invoices"][0]

    assert (told["kind"], told["number"], told["payment"]) == ("invoice", invoice, payment)


@pytest.mark.parametrize(("version", "payment"), [("17.0", "not paid yet"), ("18.0", "not paid; payment is on hold")])
def test_a_payment_on_hold_is_told_where_odoo_knows_of_it(
    serve: Any, marco: Identity, version: str, payment: str
) -> None:
    assert serve(version).order("S00061", marco)["invoices"][0]["payment"] == payment


def test_what_is_still_to_be_paid_and_until_when(bench: Any, lena: Identity) -> None:
    [invoice] = bench.order("S00044", lena)["invoices"]

    assert invoice == {
        "kind": "invoice",
        "number": "INV/2026/00044",
        "payment": "partly paid",
        "dated": "2026-11-20",
        "due": "2026-12-04",
        "total": "158.15 EUR",
        "open": "108.15 EUR",
    }


def test_a_paid_invoice_has_nothing_due(bench: Any, lena: Identity) -> None:
    [invoice] = bench.order("S00042", lena)["invoices"]

    assert not {"due", "open"} & set(invoice)


def test_a_credit_note_is_no_invoice(bench: Any, prove: Any) -> None:
    _, note = bench.order("S00050", prove("sofia@example.net"))["invoices"]

    assert (note["kind"], note["number"], note["payment"]) == ("credit note", "RINV/2026/00007", "settled")


def test_an_invoice_that_is_not_posted_is_nobodys_business(bench: Any, prove: Any) -> None:
    assert bench.order("S00049", prove("petra@nordlicht.example"))["invoices"] == []


def test_a_vendor_bill_on_the_same_line_is_not_the_customers(bench: Any, lena: Identity) -> None:
    bench.emulator.data.rows["account.move"][7042]["move_type"] = "in_invoice"

    assert bench.order("S00042", lena)["invoices"] == []


def test_what_was_paid_online_is_told_before_there_is_an_invoice(bench: Any, prove: Any) -> None:
    order = bench.order("S00064", prove("ida@example.se"))

    assert (order["paidOrAuthorisedOnline"], order["invoices"]) == ("34.51 EUR", [])


def test_nothing_paid_online_is_not_told_as_an_amount(bench: Any, lena: Identity) -> None:
    assert "paidOrAuthorisedOnline" not in bench.order("S00042", lena)


@pytest.mark.parametrize("denied", [{"account.move"}, {"account.move.line"}])
def test_without_the_right_to_read_invoices_they_are_not_known(serve: Any, lena: Identity, denied: set[str]) -> None:
    bench = serve(denied=denied)

    order = bench.order("S00042", lena)

    assert "invoices" not in order
    assert (order["invoice"], order["total"]) == ("fully invoiced", "93.89 EUR")
    bench.emulator.calls.clear()
    bench.order("S00042", lena)
    assert len(bench.asked("sale.order")) == 1, "what is refused is not asked for again each time"


def test_notes_on_an_invoice_are_never_asked_for(bench: Any, lena: Identity) -> None:
    assert "dunning" not in str(bench.order("S00042", lena))
    [asked] = [call for call in bench.asked("account.move") if call.method == "search_read"]
    assert not {"narration", "ref", "partner_id", "access_token"} & set(asked.kwargs["fields"])


def test_many_invoices_stay_within_the_policys_bound(serve: Any, lena: Identity) -> None:
    bench = serve(result_chars=900)
    moves, lines = bench.emulator.data.rows["account.move"], bench.emulator.data.rows["account.move.line"]
    for number in range(7200, 7240):
        moves[number] = moves[7042] | {"id": number, "name": f"INV/2026/{number}"}
        lines[number * 10] = lines[70420] | {"id": number * 10, "move_id": number}

    assert len(str(bench.order("S00042", lena))) < 1100


class TestOverSeveralOrders:
    """An invoice that Odoo joined: its amounts are not what one order costs, and may tell of a colleague's."""

    def test_is_told_without_its_amounts(self, bench: Any, lena: Identity) -> None:
        bench.emulator.data.rows["account.move"][7044] |= {"invoice_origin": "S00044, S00040"}

        [invoice] = bench.order("S00044", lena)["invoices"]

        assert invoice["coversOtherOrders"] is True
        assert not {"total", "open"} & set(invoice)
        assert (invoice["number"], invoice["payment"]) == ("INV/2026/00044", "partly paid")
        assert "S00040" not in str(invoice)

    def test_is_known_by_its_total_where_its_origin_says_nothing(self, bench: Any, lena: Identity) -> None:
        bench.emulator.data.rows["account.move"][7044] |= {"invoice_origin": None, "amount_total": 99999.0}

        [invoice] = bench.order("S00044", lena)["invoices"]

        assert invoice["coversOtherOrders"] is True
        assert "99999" not in str(invoice)

    def test_a_cent_of_rounding_is_no_other_order(self, bench: Any, lena: Identity) -> None:
        bench.emulator.data.rows["account.move"][7042]["amount_total"] += 0.01

        [invoice] = bench.order("S00042", lena)["invoices"]

        assert invoice["total"] == "93.90 EUR"
        assert "coversOtherOrders" not in invoice
