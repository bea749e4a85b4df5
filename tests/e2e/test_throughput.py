"""``metta bench throughput``, a few turns of it: the measured process on the real stack gives figure and profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from metta_local.bench.command import Measured
from metta_local.bench.steps import MODEL_SDK, REST, STEPS
from metta_local.bench.throughput import describe, markdown, throughput
from metta_local.stack import LocalStack

pytestmark = pytest.mark.e2e


def test_a_small_run_gives_turns_per_cpu_second_and_all_steps(stack: LocalStack, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        measured = Measured(stack, log)
        try:
            result = throughput(measured, batch=2, warm_up=1, rounds=1, batches=1)
        finally:
            measured.stop()
    assert 1 < result["turns_per_cpu_second"] < 1000
    rows = {row["step"]: row for row in result["steps"]}
    assert {*STEPS, REST} <= set(rows)
    assert sum(row["share"] for row in rows.values()) == pytest.approx(1, abs=0.03)
    for step in STEPS:
        assert rows[step]["calls"] > 0, f"{step}: the functions of this step were never called"
    assert rows[MODEL_SDK]["share"] > 0.05
    assert rows["chatwoot"]["calls"] == 7
    assert rows["turn state"]["calls"] == 4
    assert all(step in describe(result) and step in markdown(result) for step in STEPS)
