"""Whose order it is (I7, I8): turns an identity into the condition that stands in the search beside the number.

E-mail is compared with Odoo's normalised field only, since ``=`` on the raw one misses case and display names and
``ilike`` lets ``%`` and ``_`` match other people's. Phones are stored as people type them; the search narrows by the
last digits in their order, and the exact comparison is made here on what the partner has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from metta.integrations.odoo import coerce
from metta.integrations.odoo.port import Record, Term
from metta.integrations.odoo.text import id_of
from metta.messages import Identity, IdentityLevel

PHONE_FIELDS = ("phone", "mobile")
"""Where Odoo keeps numbers; ``mobile`` ended with Odoo 19."""
_BELOW = ("child_ids", "child_ids.child_ids")
"""Contacts of a company, and of its departments; deeper trees are not looked through."""
_TAIL_DIGITS = 7
"""The last digits are the same in national and international form; fewer would make the search too wide."""


@dataclass(frozen=True)
class Owner:
    """The addresses of which an order's partner must have one. At least one is set, and each is well-formed."""

    email: str | None = None
    phone: str | None = None
    partner_id: int | None = None
    company: bool = False
    """Whether orders of the partner's whole company count as well."""

    @classmethod
    def of(cls, identity: Identity, *, company_orders: bool) -> Owner | None:
        """The owner that ``identity`` stands for; None when it proves or claims nothing usable.

        A partner id and the company's orders need proof; a claim reaches neither.
        """
        if identity.level is IdentityLevel.ANONYMOUS:
            return None
        verified = identity.level is IdentityLevel.VERIFIED
        owner = cls(
            email=coerce.email(identity.email),
            phone=coerce.phone(identity.phone),
            partner_id=coerce.record_id(identity.partner_id) if verified else None,
            company=verified and company_orders,
        )
        return owner if owner.email or owner.phone or owner.partner_id else None


def any_of(terms: list[list[Term]]) -> list[Term]:
    """One domain that holds where one of ``terms`` does."""
    return ["|"] * (len(terms) - 1) + [part for term in terms for part in term]


def proved_domain(owner: Owner) -> list[Term] | None:
    """The condition on ``sale.order`` that settles ownership by itself; None when only a phone could.

    A company's orders are not in it: whether two partners belong to one company, no path can tell.
    """
    terms: list[list[Term]] = []
    if owner.email:
        terms.append([("partner_id.email_normalized", "=", owner.email)])
    if owner.partner_id:
        terms.append([("partner_id", "=", owner.partner_id)])
    return any_of(terms) if terms else None


def likely_domain(owner: Owner, partner_fields: frozenset[str]) -> list[Term] | None:
    """The condition on ``sale.order`` that the owner's further orders meet, and few others; None when there are none.

    Those of partners whose phone has the same last digits, and those of the company's relatives. ``is_theirs`` must be
    asked of the order's partner as well.

    Args:
        owner: whose orders.
        partner_fields: the fields that ``res.partner`` has on this server.
    """
    terms: list[list[Term]] = []
    if phone := phone_domain(owner, partner_fields, path="partner_id."):
        terms.append(phone)
    if owner.company:
        firm = "partner_id.commercial_partner_id"
        if owner.email:
            terms.append([(f"{firm}.email_normalized", "=", owner.email)])
            terms += [[(f"{firm}.{below}.email_normalized", "=", owner.email)] for below in _BELOW]
        if owner.partner_id:
            terms.append([(firm, "=", owner.partner_id)])
            terms += [[(f"{firm}.{below}", "in", [owner.partner_id])] for below in _BELOW]
    return any_of(terms) if terms else None


def member_domain(owner: Owner) -> list[Term] | None:
    """The condition on ``res.partner`` that finds who is proved, to learn of which company they are."""
    if not owner.company:
        return None
    terms: list[list[Term]] = []
    if owner.email:
        terms.append([("email_normalized", "=", owner.email)])
    if owner.partner_id:
        terms.append([("id", "=", owner.partner_id)])
    return any_of(terms) if terms else None


def phone_domain(owner: Owner, partner_fields: frozenset[str], *, path: str = "") -> list[Term] | None:
    """The condition that partners with this number meet, and few others.

    Args:
        owner: whose phone.
        partner_fields: the fields that ``res.partner`` has on this server.
        path: to the partner, with its dot; empty in a search on ``res.partner``.
    """
    names = [name for name in PHONE_FIELDS if name in partner_fields]
    if not owner.phone or not names:
        return None
    pattern = "%".join(owner.phone[-_TAIL_DIGITS:])
    return any_of([[(path + name, "ilike", pattern)] for name in names])


def is_theirs(partner: Record, owner: Owner, country_codes: Mapping[int, int], companies: frozenset[int]) -> bool:
    """Whether the partner is the owner by phone, or belongs to one of the owner's companies."""
    if owner.phone and has_phone(partner, owner.phone, country_codes):
        return True
    return id_of(partner.get("commercial_partner_id")) in companies


def has_phone(partner: Record, phone: str, country_codes: Mapping[int, int]) -> bool:
    """Whether one of the partner's numbers is exactly ``phone``, however it is written.

    A number without a country is read with the code of the partner's country; without one it matches nothing, since
    the same digits are another person's number elsewhere.
    """
    code = country_codes.get(id_of(partner.get("country_id")) or 0)
    return any(phone in readings(partner.get(name), code) for name in PHONE_FIELDS)


def readings(written: object, country_code: int | None) -> frozenset[str]:
    """The international numbers that a stored text can mean; empty when none for sure."""
    if not isinstance(written, str) or len(written) > 60:
        return frozenset()
    text = unicodedata.normalize("NFKC", written).strip()
    if not re.fullmatch(r"\+?[0-9 ()./\-]+", text):
        return frozenset()
    international = text.startswith(("+", "00"))
    digits = re.sub(r"[^0-9]", "", text.replace("(0)", "") if international else text)
    if text.startswith("+"):
        found = {digits}
    elif text.startswith("00"):
        found = {digits[2:]}
    elif country_code:
        found = {f"{country_code}{digits.removeprefix('0')}", f"{country_code}{digits}"}
    else:
        found = set()
    return frozenset(number for each in found if (number := coerce.phone(f"+{each}")))
