"""What leaves fits its channel, says the same as before, and runs no template code."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metta.channels import CHANNELS, limit_of
from metta.integrations.chatwoot.format import (
    MAX_PARTS,
    for_channel,
    neutralise_liquid,
    split_for_channel,
)

KINDS = st.sampled_from([*CHANNELS, "Channel::FromTheFuture", ""])


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("text", ["{{contact.email}}", "{% if x %}", "{{{x}}}", "`{{x}}`", "{%- x -%}", "a{{b{%c"])
def test_template_marks_are_parted_and_nothing_visible_changes(text: str) -> None:
    parted = neutralise_liquid(text)

    assert not re.search(r"\{[{%]", parted)
    assert parted.replace("\u200b", "") == text
    assert neutralise_liquid(parted) == parted


def test_single_braces_and_percents_stay() -> None:
    assert neutralise_liquid("{a} 100 % } }} {") == "{a} 100 % } }} {"


@pytest.mark.parametrize(
    ("channel", "seen"),
    [
        ("Channel::WebWidget", "See [our returns](https://acme.example/r)."),
        ("Channel::Email", "See [our returns](https://acme.example/r)."),
        ("Channel::Api", "See [our returns](https://acme.example/r)."),
        ("Channel::Whatsapp", "See our returns: https://acme.example/r."),
        ("Channel::Sms", "See our returns: https://acme.example/r."),
        ("", "See [our returns](https://acme.example/r)."),
    ],
)
def test_a_links_text_survives_on_channels_that_would_drop_it(channel: str, seen: str) -> None:
    assert for_channel("See [our returns](https://acme.example/r).", channel) == seen


@pytest.mark.parametrize(
    ("link", "seen"),
    [
        ("[https://a.example/x](https://a.example/x)", "https://a.example/x"),
        ("[a.example](https://a.example/)", "https://a.example/"),
        ("[Track it:](https://a.example)", "Track it: https://a.example"),
        ("![Lamp](https://a.example/l.jpg)", "Lamp: https://a.example/l.jpg"),
        ("[x](javascript:alert)", "[x](javascript:alert)"),
    ],
)
def test_links_are_written_out_once(link: str, seen: str) -> None:
    assert for_channel(link, "Channel::Whatsapp") == seen


def test_tiktok_shows_marks_as_they_are_so_they_are_taken_off() -> None:
    assert for_channel("## Hello\n**Lamp** costs `49 EUR`", "Channel::Tiktok") == "Hello\nLamp costs 49 EUR"


def test_what_cannot_be_stored_is_not_sent() -> None:
    assert for_channel("a\x00b\ud800c", "Channel::WebWidget") == "abc"


@pytest.mark.parametrize(
    ("channel", "source_id", "limit"),
    [
        ("Channel::WebWidget", "", 10_000),
        ("Channel::Email", "", 25_000),
        ("Channel::Whatsapp", "4915112345678", 4096),
        ("Channel::TwilioSms", "+4915112345678", 320),
        ("Channel::TwilioSms", "whatsapp:+4915112345678", 1600),
        ("Channel::Sms", "", 160),
        ("Channel::FacebookPage", "", 2000),
        ("Channel::Instagram", "", 1000),
        ("Channel::Telegram", "", 4096),
        ("Channel::Line", "", 2000),
        ("Channel::Tiktok", "", 950),
        ("Channel::Api", "", 10_000),
    ],
)
def test_limits_are_those_of_the_channels(channel: str, source_id: str, limit: int) -> None:
    assert limit_of(channel, source_id) == limit
    exact = "x" * limit
    assert split_for_channel(exact, channel, source_id=source_id) == [exact]
    assert len(split_for_channel(exact + "x", channel, source_id=source_id)) == 2


def test_a_long_reply_is_split_at_its_paragraphs() -> None:
    text = "a" * 90 + ".\n\n" + "b" * 90 + "."

    assert split_for_channel(text, "Channel::Sms") == ["a" * 90 + ".", "b" * 90 + "."]


def test_without_paragraphs_it_is_split_after_a_sentence() -> None:
    text = "Your order S00042 was shipped on Monday. " * 6

    parts = split_for_channel(text, "Channel::Sms")

    assert all(part.endswith(".") for part in parts)
    assert " ".join(parts) == text.strip()


def test_without_sentences_it_is_split_between_words_and_last_of_all_inside_one() -> None:
    words = split_for_channel("lamp " * 60, "Channel::Sms")
    assert " ".join(words) == ("lamp " * 60).strip()

    assert [len(part) for part in split_for_channel("x" * 330, "Channel::Sms")] == [160, 160, 10]


def test_a_very_long_reply_is_shortened_with_a_sign_that_it_was() -> None:
    parts = split_for_channel("A sentence of some length, to be counted. " * 100, "Channel::Sms")

    assert len(parts) == MAX_PARTS
    assert parts[-1].endswith(". …")


def test_an_emoji_is_never_torn_apart() -> None:
    family = "👨\u200d👩\u200d👧"
    parts = split_for_channel(family * 60, "Channel::Sms")

    assert all(not re.match("[\u200d\ufe0f]", part) and not part.endswith("\u200d") for part in parts)
    assert all(units(part) <= 160 for part in parts)


def test_nothing_to_say_gives_no_message() -> None:
    assert split_for_channel("", "Channel::Sms") == []
    assert split_for_channel(" \n\x00", "Channel::Sms") == []


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=900) | st.text(alphabet="ab. \n{%[](`*😀", max_size=900), KINDS)
def test_no_part_is_empty_too_long_or_a_template_and_none_is_lost(text: str, channel: str) -> None:
    parts = split_for_channel(text, channel)

    limit = limit_of(channel)
    assert all(part.strip() and units(part) <= limit and not re.search(r"\{[{%]", part) for part in parts)
    assert all(units(for_channel(part, channel)) <= units(part) for part in parts)
    joined, whole = ("".join("".join(t).split()) for t in (parts, for_channel(text, channel)))
    if parts and parts[-1].endswith("…"):
        assert whole.startswith(joined[:-1]) or joined == whole
    else:
        assert joined == whole


def test_hostile_texts_take_no_longer() -> None:
    for hostile in (
        "[" * 50_000,
        "[a](https://" * 5_000,
        "\n" * 50_000,
        "**" * 25_000,
        "! " * 25_000,
        "👨\u200d" * 25_000,
    ):
        started = time.process_time()
        split_for_channel(hostile, "Channel::Tiktok")
        assert time.process_time() - started < 1
