"""``getProduct``: one product that is for sale, by its id or its internal reference, with its other variants."""

from __future__ import annotations

from metta.integrations.odoo import coerce, results
from metta.integrations.odoo.ownership import any_of
from metta.integrations.odoo.port import Record, Term
from metta.integrations.odoo.product_view import CARD_FIELDS, VARIANT_FIELDS, card, is_for_sale, variant
from metta.integrations.odoo.reader import Reader, together
from metta.integrations.odoo.search import FOR_SALE, MODEL
from metta.integrations.odoo.text import id_of

_CANDIDATES = 5
"""Enough to tell one match from several, the same reference in another case included."""
_VARIANTS = 10


async def get_product(
    reader: Reader, product_id: object, *, language: str, shop_url: str
) -> results.Product | results.NotFound:
    """One product that is for sale, by ``product.product`` id or, where that is none, by reference or barcode.

    Raises:
        OdooDown: Odoo cannot be asked.
    """
    number, references = coerce.record_id(product_id), coerce.references(product_id)
    ways: list[list[Term]] = [[("id", "=", number)]] if number else []
    if references:
        ways.append([("default_code", "in", list(references))])
        if barcode := coerce.barcode(references[0]):
            ways.append([("barcode", "=", barcode)])
    if not ways:
        return results.NO_PRODUCT
    found = await reader.read(
        MODEL, [*FOR_SALE, *any_of(ways)], CARD_FIELDS, limit=_CANDIDATES, order="id", language=language
    )
    row = _meant([row for row in found if is_for_sale(row)], number, references)
    if row is None:
        return results.SEVERAL_PRODUCTS if len(found) > 1 else results.NO_PRODUCT
    known = await reader.fields(MODEL)
    product = card(row, known, shop_url)
    template = id_of(row.get("product_tmpl_id"))
    count = row.get("product_variant_count", 0)
    if template is None or count < 2:
        return product
    same: list[Term] = [*FOR_SALE, ("product_tmpl_id", "=", template), ("id", "!=", row["id"])]
    async with together() as group:
        reading = reader.read(MODEL, same, VARIANT_FIELDS, limit=_VARIANTS, order="id", language=language)
        rows = group.create_task(reading)
        # how many more are for sale is worth a question only where there are so many
        total = group.create_task(reader.port.search_count(MODEL, same)) if count > _VARIANTS + 1 else None
    others = tuple(variant(each, known) for each in rows.result() if is_for_sale(each))
    more = max(0, total.result() - _VARIANTS) if total else 0
    return product.model_copy(update={"other_variants": others or None, "more_variants": more or None})


def _meant(rows: list[Record], number: int | None, references: tuple[str, ...]) -> Record | None:
    """The one that was asked for: an id counts first, then a reference as typed; None where several fit as well."""
    by_id = [row for row in rows if row["id"] == number]
    as_typed = [row for row in rows if references and row.get("default_code") == references[0]]
    fitting = by_id or as_typed or rows
    return fitting[0] if len(fitting) == 1 else None
