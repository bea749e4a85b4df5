"""Odoo's values made plain, and model-supplied values made safe."""

from __future__ import annotations

from typing import Any

import pytest

from metta.integrations.odoo import coerce
from metta.integrations.odoo.text import day, link, money, name_of, plain, quantity, split_reference


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (False, ""),
        (None, ""),
        ("  two\n words ", "two words"),
        ("<p>One</p><p>Two&nbsp;&amp; three</p>", "One Two & three"),
        ("a<script>steal()</script><style>x</style><!-- note -->b", "ab"),
        ("zero\u200bwidth\u202e\ufeff", "zerowidth"),
        ("tag\U000e0041s", "tags"),
        ("nul\0 bell\a", "nul bell"),
        ("lone\ud800", "lone"),
        ("5 < 6 > 4", "5 < 6 > 4"),
        ("<b", "<b"),
    ],
)
def test_text_becomes_one_plain_line(source: Any, shown: str) -> None:
    assert plain(source, 100) == shown


def test_text_is_bounded() -> None:
    assert plain("word " * 100_000, 20) == "word word word word…"
    assert len(plain("<p>" * 50_000, 20)) <= 20


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (49.9, [1, "EUR"], "49.90 EUR"),
        (0.0, [1, "EUR"], "0.00 EUR"),
        (1200.0, [25, "JPY"], "1200 JPY"),
        (1.5, [3, "KWD"], "1.500 KWD"),
        (5.0, False, None),
        (False, [1, "EUR"], None),
        (None, [1, "EUR"], None),
    ],
)
def test_money_has_its_currency_or_is_not_told(amount: Any, currency: Any, shown: str | None) -> None:
    assert money(amount, currency) == shown


def test_small_values() -> None:
    assert (quantity(3.0), quantity(2.5), quantity(False), quantity(0.1 + 0.2)) == (3, 2.5, None, 0.3)
    assert (day("2026-11-20 23:15:00"), day(False), day("soon")) == ("2026-11-20", None, None)
    assert (name_of([4, "Units"]), name_of(False), name_of(4)) == ("Units", "", "")
    assert split_reference("[LAMP] Aurora [old]") == ("LAMP", "Aurora [old]")
    assert split_reference("[only]") == ("", "[only]")


@pytest.mark.parametrize(
    "value",
    [False, "", "javascript:alert(1)", '[["PX1", "https://a.example"]]', "https://a b", "https://a\n", "//a.example"],
)
def test_only_one_plain_web_address_is_a_link(value: Any) -> None:
    assert link(value) is None


def test_a_tracking_link_is_kept() -> None:
    assert link("https://track.example.com/?parcel=PX1") == "https://track.example.com/?parcel=PX1"


def test_like_takes_wildcards_literally() -> None:
    assert coerce.like("100%_\\") == "100\\%\\_\\\\"


def test_an_address_that_only_folds_to_ascii_is_refused() -> None:
    assert "\u212a".lower() == "k"
    assert coerce.email("\u212aate@example.org") is None
