"""An order as the tools show it: Odoo's codes in plain words that claim no more than Odoo knows."""

from __future__ import annotations

from metta.integrations.odoo import results
from metta.integrations.odoo.port import Record
from metta.integrations.odoo.text import day, first_line, link, money, name_of, plain, quantity, split_reference

_STATUS = {
    "draft": "quotation in preparation: nothing has been ordered yet",
    "sent": "quotation sent to the customer: not confirmed, nothing has been ordered yet",
    "sale": "confirmed order",
    "done": "confirmed order",
    "cancel": "cancelled",
}
"""``done`` is a locked order of Odoo 15 and 16; it says nothing about delivery."""

_PENDING = "not shipped yet"
_STARTED = "being prepared, not shipped yet"
_PARTIAL = "partly shipped"
_FULL = "fully shipped"
_DELIVERY = {
    "pending": _PENDING,
    "started": _STARTED,
    "partial": f"{_PARTIAL}; part of it may be a return",
    "full": _FULL,
}
"""``delivery_status`` counts returns as well, and knows what left the warehouse, not what arrived."""

_PARCEL = {
    "draft": "not ready yet",
    "waiting": "not ready yet",
    "confirmed": "waiting for goods",
    "assigned": "ready, not shipped yet",
    "done": "shipped",
}

_INVOICE = {
    "invoiced": "fully invoiced",
    "to invoice": "not fully invoiced yet",
    "upselling": "invoiced as ordered; more was delivered than ordered",
    "no": "nothing to invoice at present",
}

NOT_KNOWN = "not known"
_SHOWN_ITEMS = 50


def status_words(state: object) -> str:
    """``sale.order.state`` in words."""
    return _STATUS.get(str(state), NOT_KNOWN)


def delivery_words(order: Record, pickings: list[Record] | None) -> str:
    """How far the delivery of an order is.

    Args:
        order: with ``delivery_status`` where this Odoo has it (16 and later, with sale_stock).
        pickings: the order's outgoing deliveries, None when they are not known. They say more than the status.
    """
    if order.get("state") in ("draft", "sent"):
        return "none: nothing has been ordered yet"
    words = _progress(order.get("delivery_status"), pickings)
    if order.get("state") != "cancel":
        return words
    return f"{words}; the order is cancelled" if words.startswith((_PARTIAL, _FULL)) else "none: cancelled"


def _progress(status: object, pickings: list[Record] | None) -> str:
    if pickings:
        done = sum(picking.get("state") == "done" for picking in pickings)
        if done:
            return _FULL if done == len(pickings) else _PARTIAL
        return _STARTED if status == "started" else _PENDING
    if status:
        return _DELIVERY.get(str(status), NOT_KNOWN)
    return NOT_KNOWN if status is None and pickings is None else "no delivery is recorded"


def invoice_words(order: Record) -> str | None:
    """``invoice_status`` in words; None when unknown. Says nothing about payment."""
    return _INVOICE.get(str(order.get("invoice_status")))


def parcel(picking: Record, *, tracking: bool = True) -> results.Parcel:
    """One outgoing delivery.

    Args:
        picking: a ``stock.picking``.
        tracking: whether carrier and tracking may be told.
    """
    shipped = picking.get("state") == "done"
    return results.Parcel(
        status=_PARCEL.get(str(picking.get("state")), NOT_KNOWN),
        shipped_on=day(picking.get("date_done")) if shipped else None,
        planned_for=None if shipped else day(picking.get("scheduled_date")),
        rest_of_earlier_parcel=True if picking.get("backorder_id") else None,
        carrier=(name_of(picking.get("carrier_id"), 60) or None) if tracking else None,
        tracking_number=(plain(picking.get("carrier_tracking_ref"), 120) or None) if tracking else None,
        tracking_link=link(picking.get("carrier_tracking_url")) if tracking else None,
    )


def item(line: Record, currency: object) -> results.OrderItem:
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


def full(row: Record, lines: list[Record] | None, pickings: list[Record] | None) -> results.Order:
    """The whole order, for the customer whose it surely is."""
    items = None
    if lines is not None:
        items = tuple(item(line, row.get("currency_id")) for line in lines[:_SHOWN_ITEMS])
    quotation = row.get("state") in ("draft", "sent")
    return results.Order(
        order_number=plain(row.get("name"), 60),
        status=status_words(row.get("state")),
        ordered_on=None if quotation else day(row.get("date_order")),
        quotation_valid_until=day(row.get("validity_date")) if quotation else None,
        promised_for=day(row.get("commitment_date")),
        delivery=delivery_words(row, pickings),
        invoice=invoice_words(row),
        total=money(row.get("amount_total"), row.get("currency_id")),
        total_includes_tax=money(row.get("amount_tax"), row.get("currency_id")),
        items=items,
        more_items=len(lines) - _SHOWN_ITEMS if lines is not None and len(lines) > _SHOWN_ITEMS else None,
        parcels=None if pickings is None else tuple(parcel(picking) for picking in pickings),
    )


def limited(row: Record, pickings: list[Record] | None) -> results.Order:
    """What someone may know who gave number and address but has not proved that the address is theirs."""
    quotation = row.get("state") in ("draft", "sent")
    return results.Order(
        order_number=plain(row.get("name"), 60),
        status=status_words(row.get("state")),
        ordered_on=None if quotation else day(row.get("date_order")),
        promised_for=day(row.get("commitment_date")),
        delivery=delivery_words(row, pickings),
        parcels=None if pickings is None else tuple(parcel(picking, tracking=False) for picking in pickings),
        note="The customer's address is not proved, so items, amounts and tracking are not shown. A person can help.",
    )


def summary(row: Record, pickings: list[Record] | None) -> results.OrderSummary:
    """The order as a line of a list; ``pickings`` as in ``delivery_words``."""
    return results.OrderSummary(
        order_number=plain(row.get("name"), 60),
        status=status_words(row.get("state")),
        ordered_on=None if row.get("state") in ("draft", "sent") else day(row.get("date_order")),
        delivery=delivery_words(row, pickings),
        total=money(row.get("amount_total"), row.get("currency_id")),
    )
