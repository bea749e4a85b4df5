"""Colour and progress are for people at a terminal; a pipe, a file and ``--json`` get neither."""

from __future__ import annotations

import json
import re

import pytest

from .terminal import on_terminal

ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|9[0-7])[;m]")
WORK = ("fuzz", "--seconds", "1", "--seed", "5")


def test_long_work_shows_a_bar_on_a_terminal_and_leaves_only_the_result() -> None:
    shown = on_terminal(*WORK)
    assert shown.code == 0
    assert "judging texts that nobody would send" in shown.err
    assert shown.err.endswith("\x1b[1A\x1b[2K"), "the bar is wiped"
    assert ESCAPE not in shown.out
    assert "every property held" in shown.out


def test_a_piped_error_stream_gets_no_bar() -> None:
    shown = on_terminal(*WORK, err=False)
    assert (shown.code, shown.err) == (0, "")


def test_json_comes_without_a_bar_and_alone() -> None:
    shown = on_terminal(*WORK, "--json", out=False)
    assert (shown.code, shown.err) == (0, "")
    assert json.loads(shown.out)["seed"] == 5


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}], ids=["NO_COLOR", "dumb", "--no-color"])
def test_colour_can_be_declined(plain: dict[str, str]) -> None:
    doctor = ("doctor", "--only", "state")
    before = () if plain else ("--no-color",)
    assert COLOUR.search(on_terminal(*doctor).out), "there is something to decline"
    shown = on_terminal(*before, *doctor, **plain)
    assert not COLOUR.search(shown.out)
    assert "IDEMPOTENCY_TABLE" in shown.out


def test_a_pipe_gets_no_colour() -> None:
    assert ESCAPE not in on_terminal("doctor", "--only", "state", out=False).out
