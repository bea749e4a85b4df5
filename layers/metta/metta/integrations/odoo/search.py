"""``searchProducts``: what is for sale and has all of a customer's words, however they are ordered and accented.

Two questions go out together. The first searches for the words as they are and reads what the list shows. The second
searches for other spellings and for a product whose reference is the query; it finds too much, so it reads names only,
and what really has the words is read in the second wave. Where neither finds anything the second wave is the same
questions in the source language, since Odoo searches one language at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from metta.integrations.odoo import coerce, results
from metta.integrations.odoo.port import Record, Term
from metta.integrations.odoo.product_view import LIST_FIELDS, TEXT_FIELDS, is_for_sale, searched_texts, summary
from metta.integrations.odoo.reader import Fields, Reader, together
from metta.integrations.odoo.words import occur, spellings, words

MODEL = "product.product"
SHOWN = 10
FOR_SALE: tuple[Term, ...] = (("sale_ok", "=", True), ("active", "=", True))

_ATTRIBUTE_VALUE = "product.template.attribute.value"
_ATTRIBUTE = "product_template_attribute_value_ids.name"
_OTHER_SPELLINGS = 60
"""How many products with similar names are looked through."""
_FALLBACK_SPELLINGS = 20
_ORDER = "name, id"


async def search_products(
    reader: Reader, query: object, *, language: str, shop_url: str
) -> results.ProductList | results.NotFound:
    """Up to 10 products for sale that have every word in name, variant, reference or sales text.

    A product whose reference is the query comes first, then those that have the words letter by letter.

    Raises:
        OdooDown: Odoo cannot be asked.
    """
    sought = words(query)
    if not sought:
        return results.NO_PRODUCTS
    search = _Search(reader, sought, attributes=await reader.can_search(_ATTRIBUTE_VALUE, "name"))
    rows = await search.rows(language)
    found = [row for row in rows if is_for_sale(row)]
    if not found:
        return results.NO_PRODUCTS
    known = await reader.fields(MODEL)
    shown = tuple(summary(row, known, shop_url) for row in found[:SHOWN])
    return results.ProductList(products=shown, more_matches=len(found) > SHOWN)


class _Search:
    """One search; ``attributes`` says whether the values that tell variants apart may be searched."""

    def __init__(self, reader: Reader, sought: Sequence[str], *, attributes: bool) -> None:
        self._reader = reader
        self._sought = sought
        self._references = coerce.references(" ".join(sought))
        self._folded_references = {reference.casefold() for reference in self._references}
        self._translated = ("name", "description_sale", *((_ATTRIBUTE,) if attributes else ()))

    async def rows(self, language: str) -> list[Record]:
        """What is found, best first, one more than is shown when there is more."""
        exact, others = await self._wave(language, TEXT_FIELDS, _OTHER_SPELLINGS)
        if not exact and not others:
            if await self._reader.context(language) in ({}, {"lang": "en_US"}):
                return []
            exact, others = await self._wave(None, LIST_FIELDS, _FALLBACK_SPELLINGS)
            return self._best(exact, others)
        wanted = [row["id"] for row in self._best(others)][: max(1, SHOWN + 1 - len(exact))]
        if not wanted:
            return self._best(exact)
        missing = [*FOR_SALE, ("id", "in", wanted)]
        read = await self._reader.read(MODEL, missing, LIST_FIELDS, limit=SHOWN + 1, order=_ORDER, language=language)
        return self._best(exact, read)

    async def _wave(
        self, language: str | None, other_fields: Fields, most_others: int
    ) -> tuple[list[Record], list[Record]]:
        """Products with the words as they are, and further ones that have them in another spelling.

        Where the first fill the list, only a product whose reference was named still has a place in it.
        """
        exact = self._reader.read(
            MODEL, [*FOR_SALE, *self._as_typed()], LIST_FIELDS, limit=SHOWN + 1, order=_ORDER, language=language
        )
        similar = self._reader.read(
            MODEL, [*FOR_SALE, *self._similar()], other_fields, limit=most_others, order=_ORDER, language=language
        )
        async with together() as group:
            exact_rows, similar_rows = group.create_task(exact), group.create_task(similar)
        found = exact_rows.result()
        known = {row["id"] for row in found}
        fits = self._is_reference if len(found) > SHOWN else self._has_the_words
        return found, [row for row in similar_rows.result() if row["id"] not in known and fits(row)]

    def _as_typed(self) -> list[Term]:
        """Every word somewhere, as it is."""
        terms: list[Term] = []
        for word in self._sought:
            leaves: list[Term] = [(path, "ilike", coerce.like(word)) for path in ("default_code", *self._translated)]
            if barcode := coerce.barcode(word):
                leaves.append(("barcode", "=", barcode))
            terms += ["|"] * (len(leaves) - 1) + leaves
        return terms

    def _similar(self) -> list[Term]:
        """The whole query as a reference, or every word somewhere in one of its spellings."""
        spelled = [(word, spellings(word)) for word in self._sought]
        if all(forms == (coerce.like(word.casefold()),) for word, forms in spelled):
            return [("default_code", "in", list(self._references))]
        terms: list[Term] = ["|", ("default_code", "in", list(self._references)), *["&"] * (len(spelled) - 1)]
        for word, forms in spelled:
            leaves: list[Term] = [("default_code", "ilike", coerce.like(word))]
            leaves += [(path, "ilike", form) for path in self._translated for form in forms]
            terms += ["|"] * (len(leaves) - 1) + leaves
        return terms

    def _has_the_words(self, row: Record) -> bool:
        return occur(self._sought, searched_texts(row))

    def _is_reference(self, row: Record) -> bool:
        code = row.get("default_code")
        return isinstance(code, str) and code.casefold() in self._folded_references

    def _best(self, *found: Sequence[Record]) -> list[Record]:
        """All that was found, in its order, but a product whose reference was named first."""
        return sorted((row for rows in found for row in rows), key=lambda row: not self._is_reference(row))
