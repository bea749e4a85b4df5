"""``getOrder`` and ``getOrdersByCustomer``: this customer's orders, with the owner in the very search (I7, I8).

``getOrder`` takes two waves of calls: the order, then together what belongs to it. ``getOrdersByCustomer`` takes one,
or two where the customer is known by phone or deliveries say more than the order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from metta.integrations.odoo import coerce, order_parts, order_view, results
from metta.integrations.odoo.order_number import order_numbers
from metta.integrations.odoo.ownership import (
    Owner,
    any_of,
    is_theirs,
    likely_domain,
    member_domain,
    phone_domain,
    proved_domain,
)
from metta.integrations.odoo.port import Record, Term
from metta.integrations.odoo.reader import Fields, Reader, together
from metta.integrations.odoo.text import id_of
from metta.messages import Identity, IdentityLevel

SHOWN = 10
_MAX_NAMESAKES = 8
_MAX_PARTNERS = 300
_UNCLEAR = (None, "started", "partial")
"""Delivery states of which the deliveries themselves say more: after a return, all but shipped can stand again."""
_LATEST_FIRST = "date_order desc, id desc"

_SUMMARY = ("id", "name", "state", "date_order", "amount_total", "currency_id", "partner_id", "delivery_status")
_LIST_FIELDS = Fields(_SUMMARY)
_LIMITED_FIELDS = Fields((*_SUMMARY, "commitment_date"))
_ORDER_FIELDS = Fields(
    (*_SUMMARY, "commitment_date", "amount_tax", "validity_date", "invoice_status"),
    # computed from account.move and account.move.line, and from payments: each with rights of its own
    groups=(("invoice_ids",), ("amount_paid",)),
)
_PARTNER_FIELDS = Fields(("id", "phone", "mobile", "country_id", "commercial_partner_id"))


async def get_order(
    reader: Reader, order_number: object, *, identity: Identity, language: str, company_orders: bool
) -> results.Order | results.NotFound:
    """One order of this customer. Not there, not theirs and not allowed give the same answer."""
    owner = Owner.of(identity, company_orders=company_orders)
    names = order_numbers(order_number)
    if owner is None or not names:
        return results.NO_ORDER
    verified = identity.level is IdentityLevel.VERIFIED
    wanted = _ORDER_FIELDS if verified else _LIMITED_FIELDS
    owned, likely, companies = await _by_number(reader, owner, names, wanted)
    # Whose order it is may turn out only together with what belongs to it: then all that it can be are looked at.
    candidates = owned + likely if likely else _best_named(owned, names)
    if not likely and len(candidates) != 1:
        return results.SEVERAL_ORDERS if candidates else results.NO_ORDER
    async with together() as group:
        reading = {row["id"]: _read_parts(group, reader, row, language, verified=verified) for row in candidates}
        theirs = group.create_task(_theirs(reader, owner, likely, companies))
    rows = _best_named(owned + theirs.result(), names)
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
    # Where partners were looked up first, a third wave would take too long for what it adds.
    unclear = [] if owner.phone or owner.company else [row for row in rows if row.get("delivery_status") in _UNCLEAR]
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
) -> tuple[list[Record], list[Record], frozenset[int]]:
    """Orders of these names that are surely the owner's, those of which their partner must say so, and the companies
    of which the owner is."""
    number: list[Term] = [("name", "in", list(names))]
    likely = likely_domain(owner, await reader.fields("res.partner")) if owner.phone or owner.company else None

    async def ask(condition: list[Term] | None) -> list[Record]:
        if not condition:
            return []
        return await reader.read("sale.order", number + condition, wanted, limit=_MAX_NAMESAKES, order="id")

    async with together() as group:
        surely, perhaps = group.create_task(ask(proved_domain(owner))), group.create_task(ask(likely))
        companies = group.create_task(_companies(reader, owner))
    owned = surely.result()
    ids = {row["id"] for row in owned}
    return owned, [row for row in perhaps.result() if row["id"] not in ids], companies.result()


def _best_named(rows: list[Record], names: Sequence[str]) -> list[Record]:
    """Those of the rows that are named as typed; only if there are none, those of the next reading."""
    for name in names:
        if matching := [row for row in rows if row.get("name") == name]:
            return matching
    return []


async def _companies(reader: Reader, owner: Owner) -> frozenset[int]:
    """The commercial partners of who is proved, where the policy shows a company's orders; who left it is not of it."""
    domain = member_domain(owner)
    if domain is None:
        return frozenset()
    rows = await reader.read("res.partner", domain, _PARTNER_FIELDS, limit=_MAX_PARTNERS, order="id desc")
    found = (id_of(row.get("commercial_partner_id")) for row in rows)
    return frozenset(company for company in found if company is not None)


async def _theirs(reader: Reader, owner: Owner, rows: Sequence[Record], companies: frozenset[int]) -> list[Record]:
    """Those of the rows whose partner says that they are the owner's. An archived partner counts as well."""
    ids = sorted({partner for row in rows if (partner := id_of(row.get("partner_id")))})
    if not ids:
        return []
    theirs = await _partners(reader, owner, [("id", "in", ids)], companies)
    return [row for row in rows if id_of(row.get("partner_id")) in theirs]


async def _partners(reader: Reader, owner: Owner, domain: list[Term], companies: frozenset[int]) -> list[int]:
    """Those of the partners in ``domain`` that are the owner by phone or by company; archived ones count as well."""
    async with together() as group:
        found = group.create_task(
            reader.read("res.partner", domain, _PARTNER_FIELDS, limit=_MAX_PARTNERS, order="id desc", archived=True)
        )
        codes = group.create_task(reader.country_codes()) if owner.phone else None
    known = codes.result() if codes else {}
    return [partner["id"] for partner in found.result() if is_theirs(partner, owner, known, companies)]


async def _all_owned(reader: Reader, owner: Owner) -> list[Term]:
    """The condition on ``sale.order`` for everything the owner has; empty when that is nothing."""
    like_phone = phone_domain(owner, await reader.fields("res.partner")) if owner.phone else None
    async with together() as group:
        by_phone = group.create_task(_partners(reader, owner, like_phone, frozenset())) if like_phone else None
        companies = group.create_task(_companies(reader, owner))
    conditions = [proved] if (proved := proved_domain(owner)) else []
    if by_phone and (theirs := by_phone.result()):
        conditions.append([("partner_id", "in", theirs)])
    if firms := companies.result():
        conditions.append([("partner_id.commercial_partner_id", "in", sorted(firms))])
    return any_of(conditions) if conditions else []
