"""What ``metta bench odoo`` makes of what it measured: medians side by side, the worst call as the figure, a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from metta_local.bench import odoo
from metta_local.bench.odoo_calls import CALLS, WAYS

MEASUREMENTS = Path(__file__).parents[4] / "docs" / "measurements.md"
CPU = {"tool": 0.0012, "call_tool": 0.0014, "client": 0.001, "bare": 0.001}


class FixedChild:
    """A process in which every way of asking costs the same each time, but for tools in rounds when others are busy."""

    def __init__(self, cpu: dict[str, float] = CPU, busy: tuple[int, ...] = ()) -> None:
        self.cpu, self.busy = cpu, busy
        self.asked: list[str] = []

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        if "watch" in command:
            self.asked.append("watch")
            return {"calls": 4, "waves": 2}
        if "together" in command:
            self.asked.append("together")
            late = len(self.asked) in self.busy
            return {"one": 0.2, "many": 0.9 if late else 0.25}
        self.asked.append(command["way"])
        round_number = self.asked.count(command["way"])
        slower = 5 if command["way"] == "tool" and round_number in self.busy else 1
        return {"cpu": self.cpu[command["way"]] * command["times"] * slower, "wall": 1.0}


def row(**changed: Any) -> dict[str, Any]:
    return odoo.cost(FixedChild(), "getProduct", rounds=3, times=2) | {"protocol": "jsonrpc"} | changed


def test_every_way_is_asked_in_turn_after_a_warm_up() -> None:
    child = FixedChild()

    odoo.cost(child, "getProduct", rounds=2, times=3)

    assert child.asked == ["watch", *WAYS, *WAYS, *WAYS]


def test_milliseconds_are_per_call_and_ratios_beside_the_bare_calls() -> None:
    result = odoo.cost(FixedChild(), "getOrder, by phone", rounds=3, times=50)

    assert result == {
        "call": "getOrder, by phone",
        "calls": 4,
        "waves": 2,
        "milliseconds": {"tool": 1.2, "call_tool": 1.4, "client": 1.0, "bare": 1.0},
        "ratio": 1.2,
        "with_texts_judged": 1.4,
        "beside_own_client": 1.2,
    }


def test_a_busy_moment_changes_nothing() -> None:
    calm, busy = FixedChild(), FixedChild(busy=(3, 5))

    assert odoo.cost(busy, "getProduct", rounds=7) == odoo.cost(calm, "getProduct", rounds=7)
    assert odoo.rush(FixedChild(busy=(2,)), "getProduct") == odoo.rush(calm, "getProduct")


def test_the_dearest_call_decides() -> None:
    rows = [row(ratio=1.1), row(ratio=1.51, call="searchProducts"), row(ratio=0.4, protocol="json2")]

    result = odoo.cpu(rows)

    assert (result["ratio"], result["target"]) == (1.51, 1.5)
    assert "ABOVE 1.5" in odoo.describe(result)
    assert "within 1.5" in odoo.describe(odoo.cpu(rows[:1]))


def test_a_third_wave_misses_the_target() -> None:
    result = odoo.waves([row(), row(waves=3, call="getOrder")])

    assert result["ratio"] == 3 > result["target"]
    assert result["waves"] == {"getProduct (jsonrpc)": 2, "getOrder (jsonrpc)": 3}


def test_many_at_once_are_set_beside_one() -> None:
    slow, quick = {"call": "a", "protocol": "jsonrpc"}, {"call": "b", "protocol": "json2"}
    rows = [{**slow, "seconds": {"one": 0.1, "many": 0.2}, "ratio": 2.0}, odoo.rush(FixedChild(), "b") | quick]

    assert rows[1]["ratio"] == 1.25
    assert odoo.at_once(rows)["ratio"] == 2.0
    assert odoo.table(odoo.at_once(rows))[2:] == [
        "| a | jsonrpc | 0.1 | 0.2 | 2.0 |",
        "| b | json2 | 0.2 | 0.25 | 1.25 |",
    ]


@pytest.mark.parametrize(
    "result", [odoo.cpu([row()]), odoo.at_once([odoo.rush(FixedChild(), "a") | {"protocol": "x"}])]
)
def test_the_documents_tables_are_those_of_the_bench(result: dict[str, Any]) -> None:
    head, rule, line = odoo.table(result)
    text = MEASUREMENTS.read_text(encoding="utf-8")

    assert f"{head}\n{rule}\n| " in text
    assert head.count("|") == rule.count("|") == line.count("|")
    listed = text.split(f"{head}\n{rule}\n")[1].split("\n\n")[0].splitlines()
    names = CALLS if "milliseconds" in result["rows"][0] else odoo.RUSHED
    assert [tuple(each.split(" | ")[:2]) for each in listed] == [
        (f"| {name}", protocol) for protocol in odoo.SERVERS for name in names
    ]
