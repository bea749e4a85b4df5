"""``getProduct`` and ``searchProducts``: what is for sale, at catalogue prices, with availability that is true."""

from __future__ import annotations

from collections.abc import Sequence

from metta.integrations.odoo import coerce, results
from metta.integrations.odoo.port import Record, Term
from metta.integrations.odoo.reader import Fields, Reader
from metta.integrations.odoo.results import Availability
from metta.integrations.odoo.text import link, money, name_of, plain, quantity, split_reference

MODEL = "product.product"
SHOWN = 10

_STOCK = ("free_qty", "incoming_qty")
"""Computed from stock.quant and stock.move; without the right to read those the whole read fails."""
_TAX = ("tax_string",)
_KIND = ("type", "detailed_type", "is_storable")
_SUMMARY = ("id", "display_name", "default_code", "lst_price", "currency_id", "active", "sale_ok", *_KIND)
_WEBSITE = ("website_url", "is_published")
_LIST_FIELDS = Fields((*_SUMMARY, *_WEBSITE), groups=(("free_qty",),))
_CARD_FIELDS = Fields((*_SUMMARY, *_WEBSITE, "description_sale", "uom_id"), groups=(_STOCK, _TAX))
_FOR_SALE: tuple[Term, ...] = (("sale_ok", "=", True), ("active", "=", True))


async def get_product(
    reader: Reader, product_id: object, *, language: str, shop_url: str
) -> results.Product | results.NotFound:
    """One product that is for sale, by its ``product.product`` id."""
    number = coerce.record_id(product_id)
    if number is None:
        return results.NO_PRODUCT
    rows = await reader.read(
        MODEL, [("id", "=", number), *_FOR_SALE], _CARD_FIELDS, limit=1, order="id", language=language
    )
    if not rows or not _is_for_sale(rows[0]):
        return results.NO_PRODUCT
    row = rows[0]
    reference, name = _name(row)
    availability = availability_of(row)
    tracked = availability in (Availability.IN_STOCK, Availability.OUT_OF_STOCK)
    incoming = quantity(row.get("incoming_qty"))
    return results.Product(
        product_id=number,
        name=name,
        reference=reference or None,
        description=plain(row.get("description_sale"), 600) or None,
        list_price=money(row.get("lst_price"), row.get("currency_id")),
        tax_note=plain(row.get("tax_string"), 80).strip("() ") or None,
        availability=availability,
        quantity_available=max(0, quantity(row.get("free_qty")) or 0) if tracked else None,
        quantity_incoming=incoming if tracked and incoming and incoming > 0 else None,
        unit=name_of(row.get("uom_id"), 40) or None,
        link=_link(row, shop_url),
    )


async def search_products(
    reader: Reader, query: object, *, language: str, shop_url: str
) -> results.ProductList | results.NotFound:
    """Products for sale in whose name, reference or sales text every word occurs, in the customer's language.

    Odoo searches texts of one language at a time; where that finds nothing, the source texts are searched as well.
    """
    words = coerce.words(query)
    if not words:
        return results.NO_PRODUCTS
    domain = [*_FOR_SALE, *_matching(words)]
    rows = await reader.read(MODEL, domain, _LIST_FIELDS, limit=SHOWN + 1, order="name, id", language=language)
    if not rows and await reader.context(language) not in ({}, {"lang": "en_US"}):
        rows = await reader.read(MODEL, domain, _LIST_FIELDS, limit=SHOWN + 1, order="name, id")
    found = [_summary(row, shop_url) for row in rows if _is_for_sale(row)]
    if not found:
        return results.NO_PRODUCTS
    return results.ProductList(products=tuple(found[:SHOWN]), more_matches=len(rows) > SHOWN)


def availability_of(row: Record) -> Availability:
    """What may be said of a product's stock.

    Odoo reads 0.0 for whatever it does not count, so the kind of product comes first: ``is_storable`` since 18,
    ``detailed_type`` or ``type`` "product" before.
    """
    kind = row.get("detailed_type") or row.get("type")
    storable = row.get("is_storable") or kind == "product"
    if kind == "service":
        return Availability.NOT_TRACKED
    free = quantity(row.get("free_qty"))
    if storable and free is not None:
        return Availability.IN_STOCK if free > 0 else Availability.OUT_OF_STOCK
    # Goods that are not counted; told only where there is a stock module at all, and not for a combination of goods.
    if not storable and kind == "consu" and (free is not None or "is_storable" in row):
        return Availability.NOT_TRACKED
    return Availability.NOT_KNOWN


def _matching(words: Sequence[str]) -> list[Term]:
    terms: list[Term] = []
    for word in words:
        pattern = coerce.like(word)
        terms += ["|", "|"]
        terms += [(path, "ilike", pattern) for path in ("name", "default_code", "description_sale")]
    return terms


def _is_for_sale(row: Record) -> bool:
    return row.get("active", True) is True and row.get("sale_ok") is True


def _name(row: Record) -> tuple[str, str]:
    """Reference and name; Odoo's display name tells variants apart but carries the reference in brackets."""
    shown = plain(row.get("display_name"), 200)
    reference = plain(row.get("default_code"), 64)
    if reference:
        return reference, shown.removeprefix(f"[{reference}]").strip() or shown
    return split_reference(shown) if shown.startswith("[") else ("", shown)


def _summary(row: Record, shop_url: str) -> results.ProductSummary:
    reference, name = _name(row)
    return results.ProductSummary(
        product_id=row["id"],
        name=name,
        reference=reference or None,
        list_price=money(row.get("lst_price"), row.get("currency_id")),
        availability=availability_of(row),
        link=_link(row, shop_url),
    )


def _link(row: Record, shop_url: str) -> str | None:
    """The product's page, where the website shows it; Odoo stores it relative to the shop."""
    path = row.get("website_url")
    if row.get("is_published") is not True or not isinstance(path, str) or not path.startswith("/shop/"):
        return None
    return link(shop_url + path)
