"""The worker as it is built tells of everything: money, circuits and cold start, and the model's spans in its trace."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from metta.bootstrap.watchdog import build_watchdog
from metta.bootstrap.worker import build_worker
from metta.settings import Settings, load
from metta_local.chatwoot import ChatwootEmulator
from metta_local.lambda_context import LocalContext
from metta_local.model import ModelEmulator, Say
from metta_local.serving import LoopbackServer
from tests_support import payload, record
from tests_support.table import state_table
from tests_support.xray import path_of, xray_daemon

ASKED = "Hi, what are your hours?"
POLICY = "prices: {gpt-5.6-luna: {input: 100, cached: 100, output: 100}}\nlimits: {usd_per_day: 20}\n"


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        yield state_table()


def settings_for(path: Path, desk: str, mind: str) -> Settings:
    path.write_text(POLICY)
    return load(
        {
            "CHATWOOT_BASE_URL": desk,
            "CHATWOOT_API_KEY": "metta-bot-token",
            "CHATWOOT_ACCOUNT_ID": "3",
            "ODOO_URL": "http://127.0.0.1:1",
            "ODOO_DB": "acme",
            "ODOO_USERNAME": "bot",
            "ODOO_API_KEY": "key",
            "OPENAI_API_KEY": "sk-emulated-0000",
            "OPENAI_BASE_URL": f"{mind}/v1",
            "OPENAI_MODEL": "gpt-5.6-luna",
            "IDEMPOTENCY_TABLE": "state-table",
            "DATABASE_URL": "postgresql://worker@127.0.0.1:1/metta",
            "METTA_POLICY": str(path),
        }
    )


def emitted(out: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """EMF objects by the values of their dimensions."""
    objects = [json.loads(line) for line in out.splitlines() if '"_aws"' in line]
    names = [one["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0] for one in objects]
    return {tuple(one[name] for name in of): one for of, one in zip(names, objects, strict=True)}


def test_a_batch_tells_of_money_circuits_and_cold_start_and_its_trace_leads_to_the_model(
    table: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chatwoot, model = ChatwootEmulator(), ModelEmulator()
    chatwoot.customer_writes(901, ASKED)
    model.script([Say("Monday to Friday, 9:00 to 17:00 CET.")])
    with (
        LoopbackServer(chatwoot.app) as desk,
        LoopbackServer(model.app) as mind,
        xray_daemon(monkeypatch) as daemon,
    ):
        settings = settings_for(tmp_path / "policy.yaml", desk.url, mind.url)
        worker = build_worker(settings, log_stream=io.StringIO(), client=lambda _service: table)
        try:
            body = payload("01_incoming_text_webwidget.json", content=ASKED)
            worker.handle({"Records": [record(body)]}, LocalContext())
        finally:
            worker.close()
        segments = daemon.segments(16)
    metrics = emitted(capsys.readouterr().out)
    totals = metrics["metta",]
    (share,) = totals["DayBudgetSpent"]
    assert share == pytest.approx(100 * totals["CostMicroUsd"][0] / 20_000_000, abs=0.01)
    assert totals["ReplyLatency"][0] > 0
    assert metrics["metta", "worker"]["ColdStarts"] == [1.0]
    assert {of[1] for of, one in metrics.items() if "CircuitOpen" in one and len(of) == 2} == {
        "chatwoot",
        "odoo",
        "model",
        "audit",
    }
    assert metrics["metta", "audit"]["DependencyFailures"] == [1.0], "no database is there"
    assert "AuditDown" in {of[-1] for of in metrics}
    paths = ["/".join(path_of(one, segments)) for one in segments]
    assert "batch/conversation/turn/agent/run/agent loop/model turn/model" in paths
    assert "batch/conversation/audit" in paths
    assert not [raw for raw in daemon.raw if "hours" in raw or "Monday" in raw or "metta-bot-token" in raw]


def test_the_watchdog_tells_of_its_circuits_and_cold_start(
    table: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tmp_path / "policy.yaml", "http://127.0.0.1:1", "http://127.0.0.1:1")
    watchdog = build_watchdog(settings, log_stream=io.StringIO(), client=lambda _service: table)
    monkeypatch.setattr(watchdog.watchdog, "_index", Nothing())
    try:
        watchdog.handle({}, LocalContext())
    finally:
        watchdog.close()
    metrics = emitted(capsys.readouterr().out)
    assert metrics["metta", "watchdog"]["ColdStarts"] == [1.0]
    assert {of[1] for of, one in metrics.items() if "CircuitOpen" in one and len(of) == 2} == {"chatwoot", "audit"}
    assert metrics["metta",]["CustomersUnanswered"] == [0.0]


class Nothing:
    """An index with nothing unfinished."""

    def older_than(self, moment: float) -> list[Any]:
        return []
