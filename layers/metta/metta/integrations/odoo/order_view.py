"""An order as the tools show it: whole, limited for who has not proved an address, or as a line of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from metta.integrations.odoo import results
from metta.integrations.odoo.delivery_view import NOT_KNOWN, delivery_words, parcel
from metta.integrations.odoo.invoice_view import invoice_words, invoices
from metta.integrations.odoo.port import Record
from metta.integrations.odoo.text import day, first_line, money, name_of, plain, quantity, split_reference

_STATUS = {
    "draft": "quotation in preparation: nothing has been ordered yet",
    "sent": "quotation sent to the customer: not confirmed, nothing has been ordered yet",
    "sale": "confirmed order",
    "done": "confirmed order",
    "cancel": "cancelled",
}
"""``done`` is a locked order of Odoo 15 and 16; it says nothing about delivery."""

_QUOTATIONS = ("draft", "sent")
_SHOWN_ITEMS = 50


@dataclass(frozen=True)
class Parts:
    """What belongs to an order; None where it is not known."""

    lines: Sequence[Record] | None = None
    """Goods and services, without headings and notes."""
    pickings: Sequence[Record] | None = None
    """Deliveries to the customer."""
    invoices: Sequence[Record] | None = None
    """Posted ones."""


def status_words(state: object) -> str:
    """``sale.order.state`` in words."""
    return _STATUS.get(str(state), NOT_KNOWN)


def full(row: Record, parts: Parts, zone: tzinfo = UTC) -> results.Order:
    """The whole order, for the customer whose it surely is."""
    lines = parts.lines
    items = None
    if lines is not None:
        items = tuple(_item(line, row.get("currency_id")) for line in lines[:_SHOWN_ITEMS])
    quotation = row.get("state") in _QUOTATIONS
    paid_online = row.get("amount_paid")
    return results.Order(
        order_number=plain(row.get("name"), 60),
        status=status_words(row.get("state")),
        ordered_on=None if quotation else day(row.get("date_order"), zone),
        quotation_valid_until=day(row.get("validity_date"), zone) if quotation else None,
        promised_for=day(row.get("commitment_date"), zone),
        delivery=delivery_words(row, parts.pickings, lines),
        invoice=invoice_words(row),
        invoices=None if parts.invoices is None else invoices(parts.invoices),
        paid_online=money(paid_online, row.get("currency_id")) if paid_online else None,
        total=money(row.get("amount_total"), row.get("currency_id")),
        total_includes_tax=money(row.get("amount_tax"), row.get("currency_id")),
        items=items,
        more_items=len(lines) - _SHOWN_ITEMS if lines is not None and len(lines) > _SHOWN_ITEMS else None,
        parcels=None if parts.pickings is None else tuple(parcel(picking, zone) for picking in parts.pickings),
    )


def limited(row: Record, parts: Parts, zone: tzinfo = UTC) -> results.Order:
    """What someone may know who gave number and address but has not proved that the address is theirs."""
    pickings = parts.pickings
    return results.Order(
        order_number=plain(row.get("name"), 60),
        status=status_words(row.get("state")),
        ordered_on=None if row.get("state") in _QUOTATIONS else day(row.get("date_order"), zone),
        promised_for=day(row.get("commitment_date"), zone),
        delivery=delivery_words(row, pickings, parts.lines),
        parcels=None if pickings is None else tuple(parcel(picking, zone, tracking=False) for picking in pickings),
        note="The customer's address is not proved, so items, amounts and tracking are not shown. A person can help.",
    )


def summary(row: Record, pickings: Sequence[Record] | None, zone: tzinfo = UTC) -> results.OrderSummary:
    """The order as a line of a list; ``pickings`` as in ``delivery_words``."""
    return results.OrderSummary(
        order_number=plain(row.get("name"), 60),
        status=status_words(row.get("state")),
        ordered_on=None if row.get("state") in _QUOTATIONS else day(row.get("date_order"), zone),
        delivery=delivery_words(row, pickings),
        total=money(row.get("amount_total"), row.get("currency_id")),
    )


def _item(line: Record, currency: object) -> results.OrderItem:
    """One line of an order."""
    reference, name = split_reference(name_of(line.get("product_id")) or first_line(line.get("name"), 120))
    return results.OrderItem(
        name=name,
        reference=reference or None,
        quantity=quantity(line.get("product_uom_qty")),
        unit=name_of(line.get("product_uom_id") or line.get("product_uom"), 40) or None,
        quantity_shipped=quantity(line.get("qty_delivered")),
        total=money(line.get("price_total"), currency),
    )
