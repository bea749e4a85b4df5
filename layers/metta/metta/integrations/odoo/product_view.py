"""A product's record in words that are true: name, price and tax, availability, description, link."""

from __future__ import annotations

import string
from collections.abc import Sequence
from urllib.parse import quote

from metta.integrations.odoo import results
from metta.integrations.odoo.port import Record
from metta.integrations.odoo.reader import Fields
from metta.integrations.odoo.results import Availability
from metta.integrations.odoo.tax import tax_of
from metta.integrations.odoo.text import link, money, name_of, plain, quantity, split_reference

# Computed from stock.quant and stock.move, account.tax, and until Odoo 15 mrp.bom; without the right to read those the
# whole read fails.
_STOCK = ("free_qty",)
_STOCK_AND_INCOMING = ("free_qty", "incoming_qty")
_TAX = ("tax_string",)
_KITS = ("is_kits",)

_KIND = ("type", "detailed_type", "is_storable")
_NAME = ("id", "display_name", "default_code", "active", "sale_ok")
_SUMMARY = (*_NAME, "lst_price", "currency_id", *_KIND)
_WEBSITE = ("website_url", "is_published")
_CARD = (*_SUMMARY, *_WEBSITE, "description_sale", "description_ecommerce", "uom_id")

CARD_FIELDS = Fields((*_CARD, "product_tmpl_id", "product_variant_count"), groups=(_STOCK_AND_INCOMING, _TAX, _KITS))
LIST_FIELDS = Fields((*_SUMMARY, *_WEBSITE), groups=(_STOCK, _TAX, _KITS))
VARIANT_FIELDS = Fields(_SUMMARY, groups=(_STOCK, _KITS))
TEXT_FIELDS = Fields((*_NAME, "description_sale"))
"""What a word can occur in."""


def is_for_sale(row: Record) -> bool:
    """Whether the record may be shown; asked of the answer too, not of the search alone."""
    return row.get("active", True) is True and row.get("sale_ok") is True


def card(row: Record, known: frozenset[str], shop_url: str) -> results.Product:
    """Everything that a customer may know of one product.

    Args:
        row: its record, with ``CARD_FIELDS``.
        known: the fields that products have on this server.
        shop_url: address of the website that its page is on.
    """
    reference, name = _name(row)
    availability = availability_of(row, known)
    tracked = availability in (Availability.IN_STOCK, Availability.OUT_OF_STOCK)
    incoming = quantity(row.get("incoming_qty"))
    tax = tax_of(row.get("tax_string"), row.get("lst_price"))
    return results.Product(
        product_id=row["id"],
        name=name,
        reference=reference or None,
        description=_description(row) or None,
        list_price=money(row.get("lst_price"), row.get("currency_id")),
        price_includes_tax=tax.included,
        price_with_tax=money(tax.with_tax, row.get("currency_id")),
        tax_note="No tax is added to this price." if tax.none_set else None,
        availability=availability,
        quantity_available=max(0, quantity(row.get("free_qty")) or 0) if tracked else None,
        quantity_incoming=incoming if tracked and incoming and incoming > 0 else None,
        unit=name_of(row.get("uom_id"), 40) or None,
        link=_link(row, shop_url),
    )


def summary(row: Record, known: frozenset[str], shop_url: str) -> results.ProductSummary:
    """What a list of products says of one, out of its record with ``LIST_FIELDS``."""
    reference, name = _name(row)
    tax = tax_of(row.get("tax_string"), row.get("lst_price"))
    return results.ProductSummary(
        product_id=row["id"],
        name=name,
        reference=reference or None,
        list_price=money(row.get("lst_price"), row.get("currency_id")),
        price_includes_tax=tax.included,
        price_with_tax=money(tax.with_tax, row.get("currency_id")),
        availability=availability_of(row, known),
        link=_link(row, shop_url),
    )


def variant(row: Record, known: frozenset[str]) -> results.Variant:
    """What a product's card says of another variant, out of its record with ``VARIANT_FIELDS``."""
    reference, name = _name(row)
    return results.Variant(
        product_id=row["id"],
        name=name,
        reference=reference or None,
        list_price=money(row.get("lst_price"), row.get("currency_id")),
        availability=availability_of(row, known),
    )


def availability_of(row: Record, known: frozenset[str]) -> Availability:
    """What may be said of a product's stock.

    Odoo reads 0.0 for whatever it does not count, so the kind of product comes first: ``is_storable`` since 18,
    ``detailed_type`` or ``type`` "product" before. A kit is counted by its components, of whatever kind it is itself.
    """
    kind = row.get("detailed_type") or row.get("type")
    free = quantity(row.get("free_qty"))
    if kind == "service":
        return Availability.NOT_TRACKED
    if row.get("is_storable") or kind == "product" or row.get("is_kits"):
        if free is None:
            return Availability.NOT_KNOWN
        return Availability.IN_STOCK if free > 0 else Availability.OUT_OF_STOCK
    may_be_kit = "is_kits" in known and "is_kits" not in row
    # Goods that are not counted; told only where there is a stock module at all, and not for a combination of goods.
    if kind == "consu" and not may_be_kit and (free is not None or "is_storable" in row):
        return Availability.NOT_TRACKED
    return Availability.NOT_KNOWN


def searched_texts(row: Record) -> str:
    """The texts of a record with ``TEXT_FIELDS`` in which words are sought; the display name names its variant."""
    texts: Sequence[object] = [row.get(name) for name in ("display_name", "default_code", "description_sale")]
    return "\n".join(text for text in texts if isinstance(text, str))


def _name(row: Record) -> tuple[str, str]:
    """Reference and name; Odoo's display name tells variants apart but carries the reference in brackets."""
    shown = plain(row.get("display_name"), 200)
    reference = plain(row.get("default_code"), 64)
    if reference:
        return reference, shown.removeprefix(f"[{reference}]").strip() or shown
    return split_reference(shown) if shown.startswith("[") else ("", shown)


def _description(row: Record) -> str:
    """Words that were written for customers: for quotations, or for the shop's page when that is public."""
    for_quotations = plain(row.get("description_sale"), 600)
    if for_quotations or row.get("is_published") is not True:
        return for_quotations
    return plain(row.get("description_ecommerce"), 600)


def _link(row: Record, shop_url: str) -> str | None:
    """The product's page, where the website shows it; Odoo stores it relative to the shop."""
    path = row.get("website_url")
    if row.get("is_published") is not True or not isinstance(path, str) or not path.startswith("/shop/"):
        return None
    return link(shop_url + quote(path, safe=string.printable, errors="ignore"))
