"""What was invoiced and what is paid, in plain words that claim no more than Odoo knows."""

from __future__ import annotations

from collections.abc import Sequence

from metta.integrations.odoo import results
from metta.integrations.odoo.port import Record
from metta.integrations.odoo.text import day, id_of, money, plain

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

_ROUNDING = 0.05
"""By so much an invoice's total may exceed its order's, taxes being rounded per line or per document."""
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


def invoices(order: Record, moves: Sequence[Record]) -> tuple[results.Invoice, ...]:
    """Posted invoices and credit notes of an order.

    One that covers other orders as well is told without its amounts: they are not what this order costs, and the
    other orders may be another person's.
    """
    return tuple(_invoice(order, move) for move in moves)


def _invoice(order: Record, move: Record) -> results.Invoice:
    refund = move.get("move_type") == "out_refund"
    words = _REFUND if refund else _PAYMENT
    settled = move.get("payment_state") in ("paid", "in_payment", "reversed")
    more = _covers_more(order, move)
    return results.Invoice(
        kind="credit note" if refund else "invoice",
        number=plain(move.get("name"), 60).strip("/") or None,
        payment=words.get(str(move.get("payment_state")), "not known"),
        dated=day(move.get("invoice_date")),
        due=None if refund or settled else day(move.get("invoice_date_due")),
        total=None if more else money(move.get("amount_total"), move.get("currency_id")),
        open=None if more or settled else money(move.get("amount_residual"), move.get("currency_id")),
        covers_other_orders=True if more else None,
    )


def _covers_more(order: Record, move: Record) -> bool:
    """Whether an invoice is of several orders: Odoo joins their names in its origin, and its total is higher."""
    origin = move.get("invoice_origin")
    if isinstance(origin, str) and len([part for part in origin.split(",") if part.strip()]) > 1:
        return True
    total, ordered = move.get("amount_total"), order.get("amount_total")
    if not isinstance(total, int | float) or not isinstance(ordered, int | float):
        return False
    return id_of(move.get("currency_id")) == id_of(order.get("currency_id")) and total > ordered + _ROUNDING
