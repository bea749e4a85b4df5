"""``metta bench odoo`` measures what it says: every way of asking puts the very same questions to Odoo."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from metta_local.bench import odoo
from metta_local.bench.odoo_calls import CALLS, WAYS
from metta_local.bench.process import MeasuredProcess
from metta_local.console import CommandError
from metta_local.odoo import OdooEmulator

Served = tuple[OdooEmulator, MeasuredProcess]


@pytest.fixture(scope="module", params=odoo.SERVERS)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with odoo.served(request.param, sys.stderr) as (emulator, child):
        for name in CALLS:
            child.ask({"watch": name})
            for way in WAYS:
                child.ask({"ask": name, "way": way, "times": 1})  # what is learned once is known from here on
        yield emulator, child


def asked(served: Served, command: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The questions that the server got because of a command, and the command's answer."""
    emulator, child = served
    emulator.calls.clear()
    answer = child.ask(command)
    return sorted(map(repr, emulator.calls)), answer


@pytest.mark.parametrize("name", CALLS)
def test_every_way_asks_the_same(served: Served, name: str) -> None:
    by_tool, cost = asked(served, {"ask": name, "way": "tool", "times": 1})

    assert cost["cpu"] > 0
    assert by_tool
    for way in WAYS:
        assert asked(served, {"ask": name, "way": way, "times": 1})[0] == by_tool, way


@pytest.mark.parametrize("name", CALLS)
def test_calls_and_waves_are_those_of_the_tool(served: Served, name: str) -> None:
    questions, watched = asked(served, {"watch": name})

    assert 2 * watched["calls"] == len(questions), "once to warm up, once to count"
    assert 1 <= watched["waves"] <= 2
    assert watched["waves"] <= watched["calls"]


def test_all_of_a_rush_are_under_way_together(served: Served) -> None:
    emulator, child = served
    emulator.busiest = 0
    with_delay = odoo.Fault(odoo.FaultKind.DELAY, seconds=0.3)
    emulator.faults.add(with_delay)

    times = child.ask({"together": "getOrder, by e-mail", "number": 20})
    emulator.faults.clear()

    assert emulator.busiest > 20
    assert times["one"] >= 0.6, "two waves"
    assert times["many"] >= 0.6


def test_a_call_that_finds_nothing_is_no_measurement() -> None:
    with odoo.served("jsonrpc", sys.stderr) as (emulator, child):
        emulator.data.rows["sale.order"].clear()
        with pytest.raises(CommandError, match="ended early"):
            child.ask({"watch": "getOrder, by e-mail"})
