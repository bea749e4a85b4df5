"""A reply that is too long for a channel ends at an earlier sentence; no word, link or figure is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metta.guardrails.fit import fit

LINK = "[Track it](https://track.example/p/00340434161094012345)"


@pytest.mark.parametrize(
    ("reply", "limit", "fitted"),
    [
        ("It was shipped. It is on its way.", 40, "It was shipped. It is on its way."),
        ("It was shipped. It is on its way.", 25, "It was shipped."),
        ("Is it there? Please look again, then write.", 30, "Is it there?"),
        ("Ordered on 3. December and shipped. The rest follows later.", 45, "Ordered on 3. December and shipped."),
        ("See Art. 7 approx. two pages long and much more than that", 40, "See Art. 7 approx. two pages long and …"),
        ("It costs 1 234,50 € in all and then some more", 18, "It costs …"),
        ("You ordered these:\n- a lamp\n- a bulb\n- a cable", 30, "You ordered these:\n- a lamp"),
        ("You ordered these:\nThe blue lamp with two cables", 30, "You ordered these:\nThe blue …"),
        ("It was shipped.\nYour parcels:\n- one two three four five", 40, "It was shipped."),
        (f"It is on its way now. {LINK} shows where it is.", 60, "It is on its way now."),
        (f"See {LINK} please", 40, "See …"),
        ("**Shipped. On its way** to you", 15, "Shipped."),
        ("Supercalifragilisticexpialidocious", 10, "Supercalifragilisticexpialidocious"),
        ("ご注文は発送されました。明日また確認してください。", 15, "ご注文は発送されました。"),
    ],
)
def test_it_ends_where_a_reader_would_end_it(reply: str, limit: int, fitted: str) -> None:
    assert fit(reply, limit) == fitted


@given(st.text(st.sampled_from("ab1 .,!?\n*[]()-:€")), st.integers(1, 60))
def test_what_is_left_is_the_beginning_and_fits(reply: str, limit: int) -> None:
    fitted = fit(reply, limit)
    assert fitted == reply or len(fitted) <= limit
    begun = fitted.removesuffix("…").rstrip().replace("**", "")
    assert reply.replace("**", "").startswith(begun)
    assert fit(fitted, limit) == fitted
