"""Shops made up by hypothesis, the truth about them told apart from the code under test; a port without a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from metta.integrations.odoo.allowlist import TOOLS
from metta.integrations.odoo.port import Context, Domain, FieldMissing, NoAccess, Record, Refused
from metta.messages import Identity, IdentityLevel
from metta_local.odoo import OdooEmulator, errors
from metta_local.odoo.methods import call_named

GERMANY, AUSTRIA = 57, 12
ADDRESSES = ("a@x.example", "b@x.example", "a_b@x.example", "axb@x.example", "info@firm.example")
PHONES = ("+4915112345678", "+431512345678", "+4930555047", "+393475550199")

# How an address or a number stands in Odoo, and which one it really is; None for nobody's.
EMAILS = (
    *((address, address) for address in ADDRESSES),
    ("A@X.Example", "a@x.example"),
    ('"Nice, A." <a@x.example>', "a@x.example"),
    ("B <B@x.example>, a@x.example", "b@x.example"),
    ("%@x.example", None),
    ("a@x.example.evil", None),
    (None, None),
)
WRITTEN = (
    ("+49 151 1234-5678", GERMANY, "+4915112345678"),
    ("0049 (0)151 12345678", None, "+4915112345678"),
    ("0151/12345678", GERMANY, "+4915112345678"),
    ("0151/12345678", None, None),
    ("0151 2345678", AUSTRIA, "+431512345678"),
    ("+49 30 555 047", AUSTRIA, "+4930555047"),
    ("555 047", GERMANY, None),
    ("+39 347 5550199", None, "+393475550199"),
    (None, GERMANY, None),
)
NAMES = ("S00001", "S00002", "s00001", "S0000_", "S00003", "S%", "A B 1", "A_B_1", "10045", "SO/2026/001")
WORDS = ("Lamp", "Lámpara", "Möbel", "Oak", "100%", "Mug_1", "Café", "Straße", "Desk", "ñandú")
DEEPEST = 2
"""Levels of contacts below a company that are looked through."""
STATES = ("draft", "sent", "sale", "done", "cancel")


@dataclass(frozen=True)
class Shop:
    """A shop, and who its orders belong to."""

    emulator: OdooEmulator
    emails: dict[int, str | None]
    """Partner -> the address that Odoo takes it to have."""
    phones: dict[int, str | None]
    firms: dict[int, int]
    """Partner -> the nearest company at or above it, or the topmost person."""
    archived: frozenset[int]

    def owners(self, identity: Identity, *, company: bool = False) -> set[int]:
        """Partners whose orders this identity may see."""
        if identity.level is IdentityLevel.ANONYMOUS:
            return set()
        address = (identity.email or "").strip(" ").lower()
        found = {partner for partner, email in self.emails.items() if email and email == address}
        found |= {partner for partner, phone in self.phones.items() if phone and phone == identity.phone}
        proved = identity.level is IdentityLevel.VERIFIED
        if proved and identity.partner_id is not None:
            found.add(identity.partner_id)
        if not (proved and company):
            return found
        # a phone reaches its own partner only, and so does who has left the firm; an address or a partner all of it
        reaching = {p for p in found if self.emails.get(p) == address or p == identity.partner_id} - self.archived
        reached = {self.firms.get(partner, partner) for partner in reaching}
        return found | {partner for partner, firm in self.firms.items() if firm in reached}

    def orders(self) -> list[Record]:
        return list(self.emulator.data.rows["sale.order"].values())

    def marks(self, order: Record) -> set[str]:
        """What gives an order away, other than its number, which several may have."""
        number = order["id"]
        return {f"{order['amount_total']:.2f}", f"TRACK{number}", f"INV/{number}", f"Secret thing {number}"}


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    """A handful of customers, orders and products, full of near misses."""
    emulator = OdooEmulator(draw(st.sampled_from(("15.0", "17.0", "19.0"))))
    rows = emulator.data.rows
    partner, order = rows["res.partner"][4711], rows["sale.order"][9042]
    line, picking = rows["sale.order.line"][90422], rows["stock.picking"][8042]
    move, move_line = rows["account.move"][7042], rows["account.move.line"][70420]
    product = rows["product.product"][1011]
    for model in (
        *("res.partner", "sale.order", "sale.order.line", "stock.picking", "account.move", "account.move.line"),
        *("product.product", "product.template"),
    ):
        rows[model].clear()
    emails: dict[int, str | None] = {}
    phones: dict[int, str | None] = {}
    firms: dict[int, int] = {}
    depth: dict[int, int] = {}
    for key in range(100, 100 + draw(st.integers(1, 5))):
        (raw, email), (written, country, phone) = draw(st.sampled_from(EMAILS)), draw(st.sampled_from(WRITTEN))
        emails[key], phones[key] = email, phone
        parent = draw(st.sampled_from([None, *emails]))
        company = draw(st.booleans())
        if parent == key or (not company and parent is not None and depth[parent] == DEEPEST):
            parent = None
        firms[key] = key if company or parent is None else firms[parent]
        depth[key] = 0 if firms[key] == key else depth[parent or 0] + 1
        rows["res.partner"][key] = partner | {
            "id": key,
            "name": f"Person {key}",
            "email": raw,
            "phone": written,
            "mobile": None,
            "country_id": country,
            "active": draw(st.booleans()),
            "is_company": company,
            "parent_id": parent,
        }
    for key in range(1, 1 + draw(st.integers(0, 6))):
        rows["sale.order"][key] = order | {
            "id": key,
            "name": draw(st.sampled_from(NAMES)),
            "partner_id": draw(st.sampled_from(sorted(emails))),
            "state": draw(st.sampled_from(STATES)),
            "amount_total": 100_000.0 + key,
        }
        rows["sale.order.line"][key * 10] = line | {
            "id": key * 10,
            "order_id": key,
            "product_id": None,
            "name": f"Secret thing {key}",
        }
        rows["stock.picking"][key] = picking | {"id": key, "sale_id": key, "carrier_tracking_ref": f"TRACK{key}"}
        rows["account.move"][key] = move | {"id": key, "name": f"INV/{key}", "amount_total": 100_000.0 + key}
        rows["account.move.line"][key] = move_line | {"id": key, "move_id": key, "sale_line_ids": [key * 10]}
    for key in range(500, 500 + draw(st.integers(0, 5))):
        rows["product.product"][key] = product | {
            "id": key,
            "product_tmpl_id": key,
            "name": {"en_US": " ".join(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)))},
            "default_code": draw(st.sampled_from(("REF-1", "REF_1", "ref-1", "10045", None))),
            "description_sale": None,
            "active": draw(st.booleans()),
            "sale_ok": draw(st.booleans()),
        }
    archived = frozenset(key for key, row in rows["res.partner"].items() if not row["active"])
    return Shop(emulator, emails, phones, firms, archived)


def customers() -> Iterator[Identity]:
    """Everybody whose address stands in some shop, at each level; what arbitrary identities meet too seldom."""
    for level in (IdentityLevel.VERIFIED, IdentityLevel.CLAIMED):
        for address in ADDRESSES:
            yield Identity(level=level, email=address)
        for phone in PHONES:
            yield Identity(level=level, phone=phone)
        for partner in range(100, 103):
            yield Identity(level=level, partner_id=partner)
            yield Identity(level=level, email="a@x.example", partner_id=partner)
    yield Identity()


odd_texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ("%", "_", "", " ", "*", "S0000_", "S%", "%@%", "_@x.example", "\0", "' OR 1=1 --", "\u202eS00001")
    ),
)
anything = st.one_of(
    odd_texts, st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.sampled_from(NAMES), max_size=2)
)
numbers = st.one_of(st.sampled_from((*NAMES, "order no. S00001", " #s00002.")), anything)
addresses = st.one_of(st.sampled_from((*ADDRESSES, *PHONES, " A@X.example ")), anything)
identities = st.builds(
    Identity,
    level=st.sampled_from(list(IdentityLevel)),
    email=st.one_of(st.none(), st.sampled_from(ADDRESSES), odd_texts),
    phone=st.one_of(st.none(), st.sampled_from(PHONES), odd_texts),
    partner_id=st.one_of(st.none(), st.integers(99, 106), st.integers()),
)
products = st.one_of(st.integers(498, 506), st.sampled_from(("REF-1", "ref-1", "REF_1", "10045", "500")), anything)
queries = st.one_of(
    st.lists(st.sampled_from((*WORDS, "lampara", "moebel", "mobel", "cafe", "REF", "e", "%", "_")), max_size=3).map(
        " ".join
    ),
    anything,
)


class DirectPort:
    """``OdooPort`` on an emulator's database, without a server; what it may ask for is checked as the client does."""

    def __init__(self, emulator: OdooEmulator) -> None:
        self._data = emulator.data

    async def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        limit: int,
        order: str,
        context: Context | None = None,
    ) -> list[Record]:
        TOOLS.check_fields(model, fields)
        TOOLS.check_domain(model, domain)
        TOOLS.check_range(limit, order)
        named = {"domain": list(domain), "fields": list(fields), "limit": limit, "order": order, "context": context}
        rows: list[Record] = self._call(model, "search_read", named)
        return rows

    async def search_count(self, model: str, domain: Domain, *, context: Context | None = None) -> int:
        TOOLS.check_domain(model, domain)
        argument = "domain" if self._data.version > 15 else "args"
        return int(self._call(model, "search_count", {argument: list(domain), "context": context}))

    async def fields_get(self, model: str, names: Sequence[str]) -> frozenset[str]:
        TOOLS.check_fields(model, names)
        return frozenset(self._call(model, "fields_get", {"allfields": list(names), "attributes": ["type"]}))

    async def timezone(self) -> str:
        return "Europe/Berlin"

    def _call(self, model: str, method: str, named: dict[str, Any]) -> Any:
        """A method's result; errors as the client tells them."""
        try:
            return call_named(self._data, model, method, {key: value for key, value in named.items() if value})
        except errors.OdooError as error:
            for name, known in (("AccessError", NoAccess), ("UserError", Refused), ("NotFound", Refused)):
                if error.name.endswith(name):
                    raise known("refused") from None
            if error.message.startswith("Invalid field"):
                raise FieldMissing("missing") from None
            raise
