"""Whether a price contains tax, read out of the remark that Odoo makes in any language."""

from __future__ import annotations

from typing import Any

import pytest

from metta.integrations.odoo.tax import Tax, tax_of

EXCLUDED = Tax(included=False, with_tax=59.38)
INCLUDED = Tax(included=True, with_tax=59.38)


@pytest.mark.parametrize(
    "remark",
    [
        "(= 59.38\u00a0€ Incl. Taxes)",
        "(= 59,38\u00a0€ inkl. Steuern)",
        "(= $\u00a059.38 Incl. Taxes)",
        "(= 59,38\u00a0€ Taxes incluses)",
        "(= Rs.\u00a059.38 Incl. Taxes)",
        "(= 59.38 kr. Incl. Taxes)",
    ],
)
def test_a_price_without_tax_is_told_in_any_language(remark: str) -> None:
    assert tax_of(remark, 49.9) == EXCLUDED


@pytest.mark.parametrize("remark", ["(= 49.90\u00a0€ Excl. Taxes)", "(= 49,90\u00a0€ ohne Steuern)"])
def test_a_price_with_tax_is_told_in_any_language(remark: str) -> None:
    assert tax_of(remark, 59.38) == INCLUDED


def test_where_one_tax_is_inside_and_another_comes_on_top_not_all_tax_is_included() -> None:
    assert tax_of("(= 65.00\u00a0€ Incl. Taxes, 49.90\u00a0€ Excl. Taxes)", 59.38) == Tax(False, 65.0)


@pytest.mark.parametrize(
    ("number", "price", "total"),
    [
        ("1,190.00", 1000.0, 1190.0),
        ("1.190,00", 1000.0, 1190.0),
        ("1\u202f190,00", 1000.0, 1190.0),
        ("1\u00a0190,00", 1000.0, 1190.0),
        ("1'190.00", 1000.0, 1190.0),
        ("1\u2019190.00", 1000.0, 1190.0),
        ("1,19,000.00", 100_000.0, 119_000.0),
        ("1,190", 1000.0, 1190.0),  # yen: the comma groups
        ("1.190", 1000.0, 1190.0),
        ("1.190", 1.0, 1.19),  # dinars: the point divides
        ("1,190", 1.0, 1.19),
        ("11900", 10_000.0, 11_900.0),
        ("1,234,567.891", 1_100_000.0, 1_234_567.891),
        ("12.5", 10.0, 12.5),
    ],
)
def test_amounts_are_read_as_every_country_writes_them(number: str, price: float, total: float) -> None:
    assert tax_of(f"(= {number} ¤ Incl. Taxes)", price) == Tax(False, pytest.approx(total))


@pytest.mark.parametrize("remark", [" ", "", "\u00a0"])
def test_no_remark_means_that_no_tax_is_set(remark: str) -> None:
    assert tax_of(remark, 49.9) == Tax(none_set=True)


@pytest.mark.parametrize(
    ("remark", "price"),
    [
        (None, 49.9),
        (False, 49.9),
        ("Price incl. 19% tax: 59.38", 49.9),
        ("(= 59.38 € incl. 19%)", 49.9),
        ("(= soon)", 49.9),
        ("(= 9,999,999.00 €)", 49.9),
        ("(= 1.00 2.00 3.00)", 2.0),
        ("(= 59.38 € Incl. Taxes)", 0.0),
        ("(= 59.38 € Incl. Taxes)", False),
        ("(= 59.38 € Incl. Taxes)", None),
    ],
)
def test_what_is_no_such_remark_says_nothing(remark: Any, price: Any) -> None:
    assert tax_of(remark, price) == Tax()
