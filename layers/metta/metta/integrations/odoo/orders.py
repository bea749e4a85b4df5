"""``getOrder`` and ``getOrdersByCustomer``: this customer's orders, with the owner in the very search (I7, I8).

``getOrder`` takes two waves of calls: the order, then together what belongs to it. ``getOrdersByCustomer`` takes one,
or two where the customer is known by phone.
"""

from __future__ import annotations

from collections.abc import Sequence

from metta.integrations.odoo import coerce, order_view, results
from metta.integrations.odoo.ownership import Owner, any_of, has_phone, phone_domain, proved_domain
from metta.integrations.odoo.port import NoAccess, Record, Refused, Term
from metta.integrations.odoo.reader import Fields, Reader, together
from metta.integrations.odoo.text import id_of
from metta.messages import Identity, IdentityLevel

SHOWN = 10
_MAX_LINES = 200
_MAX_PARCELS = 20
_MAX_PARTNERS = 50
_LATEST_FIRST = "date_order desc, id desc"

_SUMMARY = ("id", "name", "state", "date_order", "amount_total", "currency_id", "partner_id", "delivery_status")
_LIST_FIELDS = Fields(_SUMMARY)
_ORDER_FIELDS = Fields((*_SUMMARY, "amount_tax", "validity_date", "commitment_date", "invoice_status"))
_UNIT = ("product_uom", "product_uom_id")
"""Its name until Odoo 18, and since 19."""
_LINE_FIELDS = Fields(
    ("id", "name", "product_id", "display_type", "product_uom_qty", "qty_delivered", "price_total", *_UNIT)
)
_PICKING_FIELDS = Fields(
    ("id", "sale_id", "state", "date_done", "scheduled_date", "backorder_id"),
    groups=(("carrier_id", "carrier_tracking_ref", "carrier_tracking_url"),),
)
_PARTNER_FIELDS = Fields(("id", "phone", "mobile", "country_id"))


async def get_order(
    reader: Reader, order_number: object, *, identity: Identity, language: str, company_orders: bool
) -> results.Order | results.NotFound:
    """One order of this customer. Not there, not theirs and not allowed give the same answer."""
    owner = Owner.of(identity, company_orders=company_orders)
    names = coerce.order_numbers(order_number)
    if owner is None or not names:
        return results.NO_ORDER
    owned, perhaps = await _by_number(reader, owner, names)
    if len(owned) + len(perhaps) > 1:
        owned, perhaps = owned + await _with_phone(reader, owner, perhaps), []
    rows = _best_named(owned + perhaps, names)
    if len(rows) != 1:
        return results.SEVERAL_ORDERS if rows else results.NO_ORDER
    row = rows[0]
    verified = identity.level is IdentityLevel.VERIFIED
    async with together() as group:
        lines = group.create_task(_lines(reader, row, language)) if verified else None
        pickings = group.create_task(_pickings(reader, [row]))
        by_phone = group.create_task(_with_phone(reader, owner, perhaps))
    if perhaps and not by_phone.result():
        return results.NO_ORDER
    if lines is None:
        return order_view.limited(row, pickings.result())
    return order_view.full(row, lines.result(), pickings.result())


async def get_orders_by_customer(
    reader: Reader, address: object, *, identity: Identity, company_orders: bool
) -> results.OrderList | results.NotFound:
    """This customer's latest orders. Any address but a proved one gives the empty answer.

    A customer whose Odoo partner is proved may also name that partner's own address: it stands in the search beside
    the partner, so it can only narrow. A customer who is proved without an e-mail address may name none.
    """
    owner = Owner.of(identity, company_orders=company_orders)
    if owner is None or identity.level is not IdentityLevel.VERIFIED:
        return results.NO_ORDERS
    email, phone = coerce.email(address), coerce.phone(address)
    unnamed = owner.email is None and isinstance(address, str) and not address.strip()
    if unnamed or (email and email == owner.email) or (phone and phone == owner.phone):
        domain = await _all_owned(reader, owner)
    elif email and owner.partner_id:
        domain = [("partner_id", "=", owner.partner_id), ("partner_id.email_normalized", "=", email)]
    else:
        return results.NO_ORDERS
    if not domain:
        return results.NO_ORDERS
    async with together() as group:
        latest = group.create_task(reader.read("sale.order", domain, _LIST_FIELDS, limit=SHOWN, order=_LATEST_FIRST))
        total = group.create_task(reader.port.search_count("sale.order", domain))
    rows = latest.result()
    if not rows:
        return results.NO_ORDERS
    # By phone, the partners were looked up first, and a third wave would take too long for what it adds.
    unclear = [] if owner.phone else [row for row in rows if row.get("delivery_status") in (None, "partial")]
    pickings = await _pickings(reader, unclear)
    return results.OrderList(
        orders=tuple(order_view.summary(row, _of_order(pickings, row) if row in unclear else None) for row in rows),
        total_orders=max(total.result(), len(rows)),
    )


async def _by_number(reader: Reader, owner: Owner, names: Sequence[str]) -> tuple[list[Record], list[Record]]:
    """Orders of these names that are surely the owner's, and those of which only the phone search says so."""
    number: list[Term] = [("name", "in", list(names))]
    proved = proved_domain(owner)
    phone = phone_domain(owner, await reader.fields("res.partner"), of_order=True) if owner.phone else None

    async def ask(condition: list[Term] | None) -> list[Record]:
        if not condition:
            return []
        return await reader.read("sale.order", number + condition, _ORDER_FIELDS, limit=4, order="id")

    async with together() as group:
        surely, loosely = group.create_task(ask(proved)), group.create_task(ask(phone))
    owned = surely.result()
    ids = {row["id"] for row in owned}
    return owned, [row for row in loosely.result() if row["id"] not in ids]


def _best_named(rows: list[Record], names: Sequence[str]) -> list[Record]:
    """Those of the rows that are named as typed; only if there are none, those in upper case."""
    for name in names:
        if matching := [row for row in rows if row.get("name") == name]:
            return matching
    return []


async def _with_phone(reader: Reader, owner: Owner, rows: Sequence[Record]) -> list[Record]:
    """Those of the rows whose partner has exactly the owner's phone. An archived partner counts as well."""
    partners = sorted({partner for row in rows if (partner := id_of(row.get("partner_id")))})
    if not partners or not owner.phone:
        return []
    theirs = await _partners(reader, owner.phone, [("id", "in", partners)])
    return [row for row in rows if id_of(row.get("partner_id")) in theirs]


async def _partners(reader: Reader, phone: str, domain: list[Term]) -> list[int]:
    """Those of the partners in ``domain`` that have exactly this phone; archived ones count as well."""
    async with together() as group:
        found = group.create_task(
            reader.read("res.partner", domain, _PARTNER_FIELDS, limit=_MAX_PARTNERS, order="id desc", archived=True)
        )
        codes = group.create_task(reader.country_codes())
    return [partner["id"] for partner in found.result() if has_phone(partner, phone, codes.result())]


async def _all_owned(reader: Reader, owner: Owner) -> list[Term]:
    """The condition on ``sale.order`` for everything the owner has; empty when that is nothing."""
    conditions = [proved] if (proved := proved_domain(owner)) else []
    like_phone = phone_domain(owner, await reader.fields("res.partner"), of_order=False) if owner.phone else None
    if owner.phone and like_phone and (theirs := await _partners(reader, owner.phone, like_phone)):
        conditions.append([("partner_id", "in", theirs)])
    return any_of(conditions) if conditions else []


async def _lines(reader: Reader, row: Record, language: str) -> list[Record] | None:
    """The order's lines that are goods or services; None where they may not be read."""
    domain: list[Term] = [("order_id", "=", row["id"]), ("display_type", "=", False)]
    try:
        rows = await reader.read(
            "sale.order.line", domain, _LINE_FIELDS, limit=_MAX_LINES, order="sequence, id", language=language
        )
    except (NoAccess, Refused):
        return None
    return [line for line in rows if not line.get("display_type")]


async def _pickings(reader: Reader, rows: Sequence[Record]) -> list[Record] | None:
    """The orders' outgoing deliveries; None where this Odoo has none or they may not be read."""
    if not rows or "sale_id" not in await reader.fields("stock.picking"):
        return None
    domain: list[Term] = [
        ("sale_id", "in", [row["id"] for row in rows]),
        ("picking_type_code", "=", "outgoing"),
        ("state", "!=", "cancel"),
    ]
    try:
        return await reader.read("stock.picking", domain, _PICKING_FIELDS, limit=_MAX_PARCELS * len(rows), order="id")
    except (NoAccess, Refused):
        return None


def _of_order(pickings: list[Record] | None, row: Record) -> list[Record] | None:
    return pickings and [picking for picking in pickings if id_of(picking.get("sale_id")) == row["id"]]
