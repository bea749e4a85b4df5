"""``getOrder`` and ``getOrdersByCustomer``: this customer's orders, with the owner in the very search (I7, I8).

``getOrder`` takes two waves of calls: the order, then together what belongs to it. ``getOrdersByCustomer`` takes one,
or two where the customer is known by phone or deliveries say more than the order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from metta.integrations.odoo import coerce, order_parts, order_view, results
from metta.integrations.odoo.order_number import order_numbers
from metta.integrations.odoo.ownership import Owner, any_of, has_phone, phone_domain, proved_domain
from metta.integrations.odoo.port import Record, Term
from metta.integrations.odoo.reader import Fields, Reader, together
from metta.integrations.odoo.text import id_of
from metta.messages import Identity, IdentityLevel

SHOWN = 10
_MAX_PARTNERS = 50
_LATEST_FIRST = "date_order desc, id desc"

_SUMMARY = ("id", "name", "state", "date_order", "amount_total", "currency_id", "partner_id", "delivery_status")
_LIST_FIELDS = Fields(_SUMMARY)
_LIMITED_FIELDS = Fields((*_SUMMARY, "commitment_date"))
_ORDER_FIELDS = Fields(
    (*_SUMMARY, "commitment_date", "amount_tax", "validity_date", "invoice_status"),
    # computed from account.move and account.move.line, and from payments: each with rights of its own
    groups=(("invoice_ids",), ("amount_paid",)),
)
_PARTNER_FIELDS = Fields(("id", "phone", "mobile", "country_id"))


async def get_order(
    reader: Reader, order_number: object, *, identity: Identity, language: str, company_orders: bool
) -> results.Order | results.NotFound:
    """One order of this customer. Not there, not theirs and not allowed give the same answer."""
    owner = Owner.of(identity, company_orders=company_orders)
    names = order_numbers(order_number)
    if owner is None or not names:
        return results.NO_ORDER
    verified = identity.level is IdentityLevel.VERIFIED
    owned, perhaps = await _by_number(reader, owner, names, _ORDER_FIELDS if verified else _LIMITED_FIELDS)
    # Whose order it is may turn out only together with what belongs to it: then all that it can be are looked at.
    candidates = owned + perhaps if perhaps else _best_named(owned, names)
    if not perhaps and len(candidates) != 1:
        return results.SEVERAL_ORDERS if candidates else results.NO_ORDER
    async with together() as group:
        reading = {row["id"]: _read_parts(group, reader, row, language, verified=verified) for row in candidates}
        by_phone = group.create_task(_with_phone(reader, owner, perhaps))
    rows = _best_named(owned + by_phone.result(), names)
    if len(rows) != 1:
        return results.SEVERAL_ORDERS if rows else results.NO_ORDER
    row = rows[0]
    lines, pickings, invoices = reading[row["id"]]
    parts = order_view.Parts(lines.result(), pickings.result(), invoices.result())
    view = order_view.full if verified else order_view.limited
    return view(row, parts, await reader.zone())


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
    pickings = await order_parts.pickings(reader, unclear)
    zone = await reader.zone()
    return results.OrderList(
        orders=tuple(
            order_view.summary(row, order_parts.of_order(pickings, row) if row in unclear else None, zone)
            for row in rows
        ),
        total_orders=max(total.result(), len(rows)),
    )


_Rows = asyncio.Task[list[Record] | None]


def _read_parts(
    group: asyncio.TaskGroup, reader: Reader, row: Record, language: str, *, verified: bool
) -> tuple[_Rows, _Rows, _Rows]:
    """What belongs to an order, asked together: lines, deliveries, invoices."""
    return (
        group.create_task(order_parts.lines(reader, row, language, quantities_only=not verified)),
        group.create_task(order_parts.pickings(reader, [row])),
        group.create_task(order_parts.invoices(reader, row)),
    )


async def _by_number(
    reader: Reader, owner: Owner, names: Sequence[str], wanted: Fields
) -> tuple[list[Record], list[Record]]:
    """Orders of these names that are surely the owner's, and those of which only the phone search says so."""
    number: list[Term] = [("name", "in", list(names))]
    proved = proved_domain(owner)
    phone = phone_domain(owner, await reader.fields("res.partner"), of_order=True) if owner.phone else None

    async def ask(condition: list[Term] | None) -> list[Record]:
        if not condition:
            return []
        return await reader.read("sale.order", number + condition, wanted, limit=4, order="id")

    async with together() as group:
        surely, loosely = group.create_task(ask(proved)), group.create_task(ask(phone))
    owned = surely.result()
    ids = {row["id"] for row in owned}
    return owned, [row for row in loosely.result() if row["id"] not in ids]


def _best_named(rows: list[Record], names: Sequence[str]) -> list[Record]:
    """Those of the rows that are named as typed; only if there are none, those of the next reading."""
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
