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
    """The condition on ``sale.order`` that settles ownership by itself; None when there is only a phone."""
    terms: list[list[Term]] = []
    company = "partner_id.commercial_partner_id"
    if owner.email:
        terms.append([("partner_id.email_normalized", "=", owner.email)])
        if owner.company:
            terms.append([(f"{company}.email_normalized", "=", owner.email)])
            terms += [[(f"{company}.{below}.email_normalized", "=", owner.email)] for below in _BELOW]
    if owner.partner_id:
        terms.append([("partner_id", "=", owner.partner_id)])
        if owner.company:
            terms.append([(company, "=", owner.partner_id)])
            terms += [[(f"{company}.{below}", "in", [owner.partner_id])] for below in _BELOW]
    return any_of(terms) if terms else None


def phone_domain(owner: Owner, partner_fields: frozenset[str], *, of_order: bool) -> list[Term] | None:
    """The condition that partners with this number meet, and few others: ``has_phone`` must be asked as well.

    Args:
        owner: whose phone.
        partner_fields: the fields that ``res.partner`` has on this server.
        of_order: whether the search is on ``sale.order`` instead of ``res.partner``.
    """
    names = [name for name in PHONE_FIELDS if name in partner_fields]
    if not owner.phone or not names:
        return None
    pattern = "%".join(owner.phone[-_TAIL_DIGITS:])
    return any_of([[("partner_id." * of_order + name, "ilike", pattern)] for name in names])


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
