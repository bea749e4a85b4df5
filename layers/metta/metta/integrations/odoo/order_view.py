"""An order as the tools show it: whole, limited for who has not proved an address, or as a line of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from metta.integrations.odoo import results
from metta.integrations.odoo.delivery_view import NOT_KNOWN, delivery_words, parcel, was_delivered
from metta.integrations.odoo.invoice_view import invoice_words, invoices
from metta.integrations.odoo.order_parts import MAX_INVOICES, MAX_LINES, MAX_PARCELS
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
    """Deliveries to the customer, those that are not done first."""
    invoices: Sequence[Record] | None = None
    """Posted ones."""

    @property
    def deliveries(self) -> Sequence[Record] | None:
        """The deliveries, which are not known where something was delivered by none of them."""
        return None if not self.pickings and any(map(was_delivered, self.lines or ())) else self.pickings

    @property
    def whole(self) -> bool:
        """Whether no line and no delivery was left unread."""
        return len(self.lines or ()) <= MAX_LINES and len(self.pickings or ()) <= MAX_PARCELS


def status_words(state: object) -> str:
    """``sale.order.state`` in words."""
    return _STATUS.get(str(state), NOT_KNOWN)


def full(row: Record, parts: Parts, zone: tzinfo = UTC) -> results.Order:
    """The whole order, for the customer whose it surely is."""
    lines, currency = parts.lines, row.get("currency_id")
    items, more_items = _shown(lines, _SHOWN_ITEMS)
    parcels, more_parcels = _parcels(parts.deliveries)
    moves, more_invoices = _shown(parts.invoices, MAX_INVOICES)
    quotation = row.get("state") in _QUOTATIONS
    paid_online = row.get("amount_paid")
    return results.Order(
        order_number=plain(row.get("name"), 60),
        status=status_words(row.get("state")),
        ordered_on=_ordered_on(row, zone),
        quotation_valid_until=day(row.get("validity_date"), zone) if quotation else None,
        promised_for=day(row.get("commitment_date"), zone),
        delivery=delivery_words(row, parts.pickings, lines, whole=parts.whole),
        invoice=invoice_words(row),
        invoices=None if moves is None else invoices(row, moves),
        more_invoices=more_invoices,
        paid_or_authorised_online=money(paid_online, currency) if paid_online else None,
        total=money(row.get("amount_total"), currency),
        total_includes_tax=money(row.get("amount_tax"), currency),
        items=None if items is None else tuple(_item(line, currency) for line in items),
        more_items=more_items,
        parcels=None if parcels is None else tuple(parcel(picking, zone) for picking in parcels),
        more_parcels=more_parcels,
    )


def limited(row: Record, parts: Parts, zone: tzinfo = UTC) -> results.Order:
    """What someone may know who gave number and address but has not proved that the address is theirs."""
    parcels, more_parcels = _parcels(parts.deliveries)
    return results.Order(
        order_number=plain(row.get("name"), 60),
        status=status_words(row.get("state")),
        ordered_on=_ordered_on(row, zone),
        promised_for=day(row.get("commitment_date"), zone),
        delivery=delivery_words(row, parts.pickings, parts.lines, whole=parts.whole),
        parcels=None if parcels is None else tuple(parcel(picking, zone, tracking=False) for picking in parcels),
        more_parcels=more_parcels,
        note="The customer's address is not proved, so items, amounts and tracking are not shown. A person can help.",
    )


def summary(row: Record, pickings: Sequence[Record] | None, zone: tzinfo = UTC) -> results.OrderSummary:
    """The order as a line of a list; ``pickings`` as in ``delivery_words``."""
    return results.OrderSummary(
        order_number=plain(row.get("name"), 60),
        status=status_words(row.get("state")),
        ordered_on=_ordered_on(row, zone),
        delivery=delivery_words(row, pickings),
        total=money(row.get("amount_total"), row.get("currency_id")),
    )


def _ordered_on(row: Record, zone: tzinfo) -> str | None:
    """When it was ordered; of quotations and cancelled ones Odoo keeps the day on which they were written."""
    return day(row.get("date_order"), zone) if row.get("state") in ("sale", "done") else None


def _shown(rows: Sequence[Record] | None, most: int) -> tuple[Sequence[Record] | None, int | None]:
    """The first of the rows, and how many further ones are known."""
    if rows is None:
        return None, None
    return rows[:most], max(0, len(rows) - most) or None


def _parcels(pickings: Sequence[Record] | None) -> tuple[Sequence[Record] | None, int | None]:
    """Deliveries as they are shown, in the order in which they were planned."""
    shown, more = _shown(pickings, MAX_PARCELS)
    return shown and sorted(shown, key=lambda picking: int(picking["id"])), more


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
