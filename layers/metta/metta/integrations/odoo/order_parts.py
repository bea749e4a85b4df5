"""What belongs to an order that is surely the customer's: lines, deliveries, invoices; asked by its id alone.

Each is None where this Odoo has no such thing or the bot's rights do not cover it: not known, which is not "none". One
record more is read than is shown, so that nobody takes the part for the whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from metta.integrations.odoo.port import NoAccess, Record, Refused, Term
from metta.integrations.odoo.reader import Fields, Reader
from metta.integrations.odoo.text import id_of

MAX_LINES = 250
MAX_PARCELS = 20
MAX_INVOICES = 20
_UNIT = ("product_uom", "product_uom_id")
"""Its name until Odoo 18, and since 19."""
_QUANTITY_FIELDS = Fields(("id", "display_type", "product_uom_qty", "qty_delivered", "qty_delivered_method"))
_LINE_FIELDS = Fields((*_QUANTITY_FIELDS.basic, "name", "product_id", "price_total", *_UNIT))
_PICKING_FIELDS = Fields(
    ("id", "sale_id", "state", "date_done", "scheduled_date", "backorder_id"),
    groups=(("carrier_id", "carrier_tracking_ref", "carrier_tracking_url"),),
)
_INVOICE_FIELDS = Fields(
    (
        *("id", "name", "move_type", "payment_state", "amount_total", "amount_residual", "currency_id"),
        *("invoice_date", "invoice_date_due", "invoice_origin"),
    )
)
_TO_CUSTOMER = ("outgoing", "dropship")
"""From the shop's warehouse, and straight from its supplier; the rest are receipts, returns and inner moves. Until 16
what a supplier sends is a receipt as well, and cannot be told apart: then the lines alone say that it was delivered."""
_OPEN_FIRST = "date_done desc, id"
"""PostgreSQL puts what has no date first: of too many deliveries, those that are not done are read in any case."""


async def lines(reader: Reader, order: Record, language: str, *, quantities_only: bool) -> list[Record] | None:
    """The order's lines that are goods or services, in the customer's language.

    Args:
        reader: the server.
        order: whose they are.
        language: two letters.
        quantities_only: leave out what they are and what they cost, for who may only know how the delivery goes.
    """
    wanted = _QUANTITY_FIELDS if quantities_only else _LINE_FIELDS
    domain: list[Term] = [("order_id", "=", order["id"]), ("display_type", "=", False)]
    try:
        rows = await reader.read(
            "sale.order.line", domain, wanted, limit=MAX_LINES + 1, order="sequence, id", language=language
        )
    except (NoAccess, Refused):
        return None
    return [line for line in rows if not line.get("display_type")]


async def pickings(reader: Reader, orders: Sequence[Record]) -> list[Record] | None:
    """The orders' deliveries to the customer, but for cancelled ones."""
    if not orders or "sale_id" not in await reader.fields("stock.picking"):
        return None
    domain: list[Term] = [
        ("sale_id", "in", [order["id"] for order in orders]),
        ("picking_type_code", "in", list(_TO_CUSTOMER)),
        ("state", "!=", "cancel"),
    ]
    try:
        limit = (MAX_PARCELS + 1) * len(orders)
        return await reader.read("stock.picking", domain, _PICKING_FIELDS, limit=limit, order=_OPEN_FIRST)
    except (NoAccess, Refused):
        return None


async def invoices(reader: Reader, order: Record) -> list[Record] | None:
    """The posted invoices and credit notes among ``invoice_ids`` of the order."""
    ids = order.get("invoice_ids")
    if not isinstance(ids, list):
        return None
    if not ids:
        return []
    domain: list[Term] = [
        ("id", "in", ids),
        ("move_type", "in", ["out_invoice", "out_refund"]),
        ("state", "=", "posted"),
    ]
    try:
        return await reader.read(
            "account.move", domain, _INVOICE_FIELDS, limit=MAX_INVOICES + 1, order="invoice_date, id"
        )
    except (NoAccess, Refused):
        return None


def of_order(found: list[Record] | None, order: Record) -> list[Record] | None:
    """Those of the deliveries that belong to one order."""
    return found and [picking for picking in found if id_of(picking.get("sale_id")) == order["id"]]
