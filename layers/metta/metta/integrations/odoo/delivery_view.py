"""How far the delivery of an order is, and its parcels: Odoo's codes in plain words that claim no more than Odoo knows.

Odoo knows what left the warehouse, not what arrived. The deliveries say more than ``delivery_status``, which counts
returns as well, and the lines say what the deliveries leave out when a rest was cancelled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, tzinfo

from metta.integrations.odoo import results
from metta.integrations.odoo.port import Record
from metta.integrations.odoo.text import day, link, name_of, plain

NOT_KNOWN = "not known"
NONE = "no delivery is recorded"
_PENDING = "not shipped yet"
_PREPARED = "being prepared"
_STARTED = f"{_PREPARED}, {_PENDING}"
_PARTIAL = "partly shipped"
_ALL_PARCELS = "shipped"
_FULL = "fully shipped"
_SHORT = "shipped; some items were not delivered in full or were returned"
_DELIVERY = {
    "pending": _PENDING,
    "started": _PREPARED,
    "partial": f"{_PARTIAL}; part of it may be a return",
    "full": _ALL_PARCELS,
}
"""Without the deliveries: after a return, a status can start anew although goods went out."""

_PARCEL = {
    "draft": "not ready yet",
    "waiting": "not ready yet",
    "confirmed": "waiting for goods",
    "assigned": "ready, not shipped yet",
    "done": "shipped",
}
_MOST_TRACKED = 10
"""Parcels of one delivery that are told apart."""


def delivery_words(
    order: Record, pickings: Sequence[Record] | None, lines: Sequence[Record] | None = None, *, whole: bool = True
) -> str:
    """How far the delivery of an order is.

    Args:
        order: with ``delivery_status`` where this Odoo has it (16 and later, with sale_stock).
        pickings: the order's deliveries to the customer but for cancelled ones; None when they are not known.
        lines: what was ordered and delivered; None when that is not known.
        whole: whether these are all deliveries and lines that there are; of the deliveries, those not done come first.
    """
    if order.get("state") in ("draft", "sent"):
        return "none: nothing has been ordered yet"
    words = _progress(order.get("delivery_status"), pickings, lines, whole=whole)
    if order.get("state") != "cancel":
        return words
    if pickings is None and words in (NOT_KNOWN, _PREPARED):  # goods may have gone out before it was cancelled
        return f"{NOT_KNOWN}; the order is cancelled"
    return f"{words}; the order is cancelled" if words.startswith((_PARTIAL, "shipped", _FULL)) else "none: cancelled"


def _progress(status: object, pickings: Sequence[Record] | None, lines: Sequence[Record] | None, *, whole: bool) -> str:
    if pickings:
        done = sum(picking.get("state") == "done" for picking in pickings)
        if 0 < done < len(pickings):
            return _PARTIAL
        if not done:
            return _DELIVERY.get(str(status), NOT_KNOWN) if not whole else _STARTED if status == "started" else _PENDING
        if lines is None or not whole:
            return _ALL_PARCELS
        return _SHORT if any(map(_is_short, lines)) else _FULL
    if status:
        return _DELIVERY.get(str(status), NOT_KNOWN)
    if lines is not None and whole and any(map(was_delivered, lines)):
        return _PARTIAL if any(map(_is_short, lines)) else _FULL
    # Without lines it is not known either: what a supplier sends is no delivery of ours until Odoo 16.
    return NOT_KNOWN if status is None and (pickings is None or lines is None) else NONE


def _is_counted(line: Record) -> bool:
    """Whether deliveries count what of a line was delivered, not people."""
    return line.get("qty_delivered_method") == "stock_move"


def was_delivered(line: Record) -> bool:
    """Whether deliveries brought something of a line."""
    return _is_counted(line) and bool(line.get("qty_delivered"))


def _is_short(line: Record) -> bool:
    """Whether less of a line was delivered than ordered."""
    ordered, delivered = line.get("product_uom_qty"), line.get("qty_delivered")
    if not _is_counted(line):
        return False
    return isinstance(ordered, int | float) and isinstance(delivered, int | float) and delivered < ordered


def parcel(picking: Record, zone: tzinfo = UTC, *, tracking: bool = True) -> results.Parcel:
    """One delivery to the customer.

    Args:
        picking: a ``stock.picking``.
        zone: where its days are told.
        tracking: whether carrier and tracking may be told.
    """
    shipped = picking.get("state") == "done"
    tracked = _tracking(picking) if tracking else []
    first = tracked[0] if tracked else results.Tracking()
    return results.Parcel(
        status=_PARCEL.get(str(picking.get("state")), NOT_KNOWN),
        shipped_on=day(picking.get("date_done"), zone) if shipped else None,
        planned_for=None if shipped else day(picking.get("scheduled_date"), zone),
        rest_of_earlier_parcel=True if picking.get("backorder_id") else None,
        carrier=(name_of(picking.get("carrier_id"), 60) or None) if tracking else None,
        tracking_number=first.tracking_number,
        tracking_link=first.tracking_link,
        further_tracking=tuple(tracked[1:]) or None,
    )


def _tracking(picking: Record) -> list[results.Tracking]:
    """Number and link per parcel: Odoo joins several numbers with commas, and several links to JSON pairs."""
    numbers = [
        number for part in plain(picking.get("carrier_tracking_ref"), 500).split(",") if (number := part.strip())
    ]
    url = picking.get("carrier_tracking_url")
    links = dict(_pairs(url))
    if not links and len(numbers) == 1 and (only := link(url)):
        links = {numbers[0]: only}
    for number in links:
        if number not in numbers:
            numbers.append(number)
    return [
        results.Tracking(tracking_number=number, tracking_link=links.get(number)) for number in numbers[:_MOST_TRACKED]
    ]


def _pairs(url: object) -> list[tuple[str, str]]:
    try:
        told = json.loads(url) if isinstance(url, str) and url.startswith("[") else []
    except ValueError:
        told = []
    found = []
    for pair in told if isinstance(told, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and (number := plain(pair[0], 120)) and (target := link(pair[1])):
            found.append((number, target))
    return found
