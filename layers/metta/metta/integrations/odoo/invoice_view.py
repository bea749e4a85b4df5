"""What was invoiced and what is paid, in plain words that claim no more than Odoo knows."""

from __future__ import annotations

from collections.abc import Sequence

from metta.integrations.odoo import results
from metta.integrations.odoo.port import Record
from metta.integrations.odoo.text import day, money, plain

_STATUS = {
    "invoiced": "fully invoiced",
    "to invoice": "not fully invoiced yet",
    "upselling": "invoiced as ordered; more was delivered than ordered",
    "no": "nothing to invoice at present",
}
"""``invoice_status`` of an order; says nothing about payment."""

_PAYMENT = {
    "not_paid": "not paid yet",
    "in_payment": "payment recorded, not yet confirmed by the bank",
    "paid": "paid",
    "partial": "partly paid",
    "reversed": "cancelled by a credit note",
    "blocked": "not paid; payment is on hold",
}
"""``payment_state`` of an invoice; ``blocked`` since Odoo 18."""

_REFUND = {
    "not_paid": "not paid out yet",
    "in_payment": "payment recorded, not yet confirmed by the bank",
    "paid": "settled",
    "partial": "partly settled",
    "reversed": "cancelled",
    "blocked": "not paid out; payment is on hold",
}
"""The same of a credit note: settled may mean paid out or set off against an invoice."""


def invoice_words(order: Record) -> str | None:
    """``invoice_status`` in words; None when unknown."""
    return _STATUS.get(str(order.get("invoice_status")))


def invoices(moves: Sequence[Record]) -> tuple[results.Invoice, ...]:
    """Posted invoices and credit notes of an order."""
    return tuple(_invoice(move) for move in moves)


def _invoice(move: Record) -> results.Invoice:
    refund = move.get("move_type") == "out_refund"
    words = _REFUND if refund else _PAYMENT
    settled = move.get("payment_state") in ("paid", "in_payment", "reversed")
    return results.Invoice(
        kind="credit note" if refund else "invoice",
        number=plain(move.get("name"), 60).strip("/") or None,
        payment=words.get(str(move.get("payment_state")), "not known"),
        dated=day(move.get("invoice_date")),
        due=None if refund or settled else day(move.get("invoice_date_due")),
        total=money(move.get("amount_total"), move.get("currency_id")),
        open=None if settled else money(move.get("amount_residual"), move.get("currency_id")),
    )
