"""Whether a catalogue price contains tax, and what it is with tax, out of Odoo's own remark on it.

``tax_string`` is computed by Odoo from all that decides it (the taxes of the bot's company, ``price_include``, since
18 ``price_include_override`` and the company's default, rounding, taxes on taxes) and comes with the same read. To work
that out here from ``account.tax`` would take another call and every one of those rules, and needs the same right to
read taxes. So the remark is believed, but its numbers only: words and separators are the context language's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_REMARK = re.compile(r"\(= ([^%]*)\)")
_NUMBER = re.compile(r"\d(?:[\d.,'\u2019\u00a0\u202f ]*\d)?")
_MOST_FACTOR = 3.0
"""Beyond this, a number beside a price is not that price with or without tax."""


@dataclass(frozen=True)
class Tax:
    """What is known of the tax on a price."""

    included: bool | None = None
    """Whether the price contains all tax; None when it is not known, or no tax changes it."""
    with_tax: float | None = None
    none_set: bool = False
    """Odoo adds no tax to this price and finds none in it."""


def tax_of(remark: object, price: object) -> Tax:
    """The tax on ``price``, where ``remark`` is Odoo's ``tax_string`` for it: ``(= 59.38 € Incl. Taxes)``.

    Odoo names the totals with and without tax as far as they differ from the price, so a higher one means that tax
    comes on top, and only lower ones that it is inside.
    """
    if not isinstance(remark, str) or isinstance(price, bool) or not isinstance(price, int | float):
        return Tax()
    if not remark.strip():
        return Tax(none_set=price > 0)
    said = _REMARK.fullmatch(remark.strip())
    if said is None or price <= 0:
        return Tax()
    totals = [_amount(number, float(price)) for number in _NUMBER.findall(said[1])]
    if not 1 <= len(totals) <= 2 or not all(price / _MOST_FACTOR < total < price * _MOST_FACTOR for total in totals):
        return Tax()
    if max(totals) > price:
        return Tax(included=False, with_tax=max(totals))
    return Tax(included=True, with_tax=float(price))


def _amount(text: str, price: float) -> float:
    """A number as some language writes it; where its last separator can mean either, the value nearer to ``price``."""
    digits = re.sub(r"\D", "", text)
    whole = float(digits)
    decimals = 0 if text.isdigit() else len(re.split(r"\D", text)[-1])
    broken = whole / (10.0**decimals)
    if decimals != 3:
        return broken
    return min(whole, broken, key=lambda value: abs(value - price))
