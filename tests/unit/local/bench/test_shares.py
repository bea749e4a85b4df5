"""The profile's table: shares of the whole, what needs a reason, and a ledger that contradicts the process's clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from metta_local.bench import throughput as module
from metta_local.bench.steps import MODEL_SDK, REASONS, REST, STEPS
from metta_local.bench.throughput import describe, markdown, shares, throughput

MEASUREMENTS = Path(__file__).parents[4] / "docs" / "measurements.md"


class FixedChild:
    """A worker whose batches of n conversations always cost the same."""

    def __init__(self, seconds: dict[str, float], cpu: float) -> None:
        self.seconds, self.cpu = seconds, cpu
        self.asked: list[str] = []

    def event(self, conversations: int) -> dict[str, Any]:
        return {"Records": [{}] * conversations}

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        if "pin" in command:
            self.asked.append("pin" if command["pin"] else "unpin")
            return {"core": 1 if command["pin"] else None}
        turns = sum(len(event["Records"]) for event in command["handle"])
        self.asked.append(f"{'profile' if command.get('profile') else 'handle'} {turns}")
        scaled = {step: value * turns for step, value in self.seconds.items()}
        calls = dict.fromkeys(self.seconds, 3 * turns)
        return {"cpu": self.cpu * turns, "wall": 9.0, "seconds": scaled, "calls": calls}


def test_shares_are_of_the_whole_process_and_add_up() -> None:
    rows = shares({"guard": 0.2, "odoo": 0.1, "surprise": 0.1}, {"guard": 20}, 1.0, 10)
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert {row["step"] for row in rows} == {*STEPS, "surprise", REST}
    by_step = {row["step"]: row for row in rows}
    assert (by_step["guard"]["share"], by_step["guard"]["milliseconds"], by_step["guard"]["calls"]) == (0.2, 20.0, 2.0)
    assert by_step[REST]["share"] == 0.6
    assert [row["share"] for row in rows] == sorted((row["share"] for row in rows), reverse=True)


def test_a_ledger_with_more_time_than_the_process_had_is_no_profile() -> None:
    with pytest.raises(ValueError, match=r"steps with 1\.100 s in a process of 1\.000 s"):
        shares({"guard": 1.1}, {}, 1.0, 10)
    assert shares({"guard": 1.001}, {}, 1.0, 10), "clocks differ by a little"


def test_the_figure_comes_from_unwatched_runs_after_a_warm_up_on_one_core() -> None:
    child = FixedChild({"guard": 0.004}, cpu=0.05)
    result = throughput(child, batch=10, warm_up=2, rounds=3, batches=4)
    assert child.asked == ["pin", "handle 20", "handle 40", "handle 40", "handle 40", "profile 40", "unpin"]
    assert (result["turns_per_cpu_second"], result["milliseconds"]["turn"], result["core"]) == (20.0, 50.0, 1)


@pytest.mark.parametrize(
    ("seconds", "ratio"),
    [
        ({MODEL_SDK: 0.9, "guard": 0.05}, 0.05),
        ({"guard": 0.12, MODEL_SDK: 0.84}, 0.12),
        ({"guard": 0.02, "agent": 0.95}, 0.95),
        ({"guard": 0.2, "odoo": 0.78}, 0.78),
    ],
)
def test_a_step_over_a_tenth_without_a_reason_misses_the_target(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], ratio: float
) -> None:
    monkeypatch.setattr(module, "REASONS", {"chatwoot": "it is chatty"})
    result = throughput(FixedChild(seconds, cpu=1.0))
    assert result["ratio"] == ratio
    assert (ratio > result["target"]) is ("ABOVE" in describe(result))


def test_a_written_reason_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REASONS", {"guard": "two writes that cannot be saved"})
    result = throughput(FixedChild({"guard": 0.5, MODEL_SDK: 0.49}, cpu=1.0))
    assert result["ratio"] == 0.01
    assert "ABOVE" not in describe(result)


def test_the_worker_is_let_go_of_its_core_when_the_bench_fails() -> None:
    class Failing(FixedChild):
        def event(self, conversations: int) -> dict[str, Any]:
            raise RuntimeError("no webhook came")

    child = Failing({}, cpu=1)
    with pytest.raises(RuntimeError):
        throughput(child)
    assert child.asked == ["pin", "unpin"]


def test_the_documents_table_and_reasons_are_those_of_the_bench() -> None:
    text = MEASUREMENTS.read_text(encoding="utf-8")
    head = markdown(throughput(FixedChild({}, cpu=1))).splitlines()[:2]
    assert "\n".join(head) in text
    listed = [line.split("|")[1].strip() for line in text.split(head[0])[1].splitlines() if line.startswith("| ")]
    assert set(listed) >= {*STEPS, REST}
    unwrapped = " ".join(text.split())
    for step, reason in REASONS.items():
        assert f"`{step}`: {reason}" in unwrapped
