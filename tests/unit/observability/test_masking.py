"""The mask of log lines: nobody's address or number shows, our own ids and figures do."""

from __future__ import annotations

import pytest

from metta.observability.masking import MOST_CHARS, Mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("to lena.vogt+shop@mail.example.co.uk.", "to [EMAIL]."),
        ("<lena@bücher.example>", "<[EMAIL]>"),
        ("(lena@example.org)", "([EMAIL])"),
        ("call +49 (0)170 123-4567 now", "call [PHONE] now"),
        ("call 0049 170 1234567", "call [PHONE]"),
        ("Tel. 0170/1234567", "Tel. [PHONE]"),
        ("Tel. 01701234567", "Tel. [PHONE]"),
        ("(555) 123-4567", "[PHONE]"),
        ("555-123-4567, 555.123.4567", "[PHONE], [PHONE]"),
        ("4111 1111 1111 1111", "[CARD]"),
        ("card 4111-1111-1111-1111!", "card [CARD]!"),
        ("378282246310005", "[CARD]"),
        ("170 1234567 4111 1111 1111 1111", "[CARD]"),
        ("DE89 3704 0044 0532 0130 00", "[IBAN]"),
        ("GB82WEST12345698765432", "[IBAN]"),
        ("078-05-1120", "[SSN]"),
        ("Authorization: Bearer abc.def-ghi_123", "Authorization: [SECRET]"),
        ("sk-proj-abcdefghijklmnop1234", "[SECRET]"),
    ],
)
def test_it_is_masked(text: str, masked: str) -> None:
    assert Mask().text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "3 records come back in 12 s: odoo is known to be down",
        "order S00042, message 90012345, tracking JD014600003RH",
        "2026-11-28T15:30:17.123Z and 2026-11-28 15:30:17",
        "0.24.0 at 10.0.0.12:5432",
        "t-8f3ac2d1e4b54c6f9a1b2c3d4e5f6a7b",
        "1287 ms of 25000 ms, 0.0153 USD",
        "http://127.0.0.1:8099/api/v1/accounts/3/conversations/84",
        "4111 1111 1111 1112",
        "@dataclass and me@home",
    ],
)
def test_it_stays(text: str) -> None:
    assert Mask().text(text) == text


def test_a_mask_changes_nothing_the_second_time() -> None:
    mask = Mask(["supersecret"])
    once = mask.text("lena@example.org, +49 170 1234567, 4111 1111 1111 1111 supersecret")
    assert once == "[EMAIL], [PHONE], [CARD] [SECRET]"
    assert mask.text(once) == once


def test_whatever_holds_texts_is_masked_within() -> None:
    value = {
        "a": ["lena@example.org", ("x", {"y": "+49 170 1234567"})],
        "n": 4111111111111111,
        "none": None,
        "ok": True,
    }
    assert Mask().value(value) == {
        "a": ["[EMAIL]", ["x", {"y": "[PHONE]"}]],
        "n": 4111111111111111,
        "none": None,
        "ok": True,
    }
    assert Mask().value(ValueError("of lena@example.org")) == "of [EMAIL]"


def test_a_short_value_of_a_secret_variable_does_not_blank_every_word_like_it() -> None:
    assert Mask(["test", ""]).text("a test") == "a test"


def test_a_long_text_is_cut() -> None:
    assert len(Mask().text("x" * 100_000)) < MOST_CHARS + 10
