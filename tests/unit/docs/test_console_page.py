"""docs/console.md names every check, every field of a simulation and everything that an answer holds."""

from __future__ import annotations

import re
from pathlib import Path

from metta.ai.access import Access
from metta.console.probes import Looked, probes
from metta.console.request import SimulationRequest
from metta.console.simulate import Simulation
from metta.integrations.chatwoot.client import ChatwootClient
from metta.integrations.odoo import OdooClient
from metta.policy import load_policy
from metta.settings import load

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "console.md").read_text(encoding="utf-8")
EVERYTHING = {
    "CHATWOOT_BASE_URL": "http://127.0.0.1:1",
    "CHATWOOT_API_KEY": "token",
    "CHATWOOT_HISTORY_API_KEY": "token-of-a-user",
    "CHATWOOT_ACCOUNT_ID": "3",
    "ODOO_URL": "http://127.0.0.1:1",
    "ODOO_DB": "acme",
    "ODOO_USERNAME": "bot",
    "ODOO_API_KEY": "key",
    "OPENAI_API_KEY": "sk-0",
    "DATABASE_URL": "postgresql://worker@127.0.0.1:1/metta",
    "IDEMPOTENCY_TABLE": "metta",
    "AWS_SQS_QUEUE_URL": "http://127.0.0.1:1/0/metta.fifo",
    "AWS_SQS_DLQ_URL": "http://127.0.0.1:1/0/metta-dlq.fifo",
    "METTA_SECRET_ARN": "metta",
}


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of the table below a heading, by the first."""
    _, _, below = PAGE.partition(f"## `{heading}`")
    section, _, _ = below.partition("\n## ")
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line[:3] == "| `"
    ]
    return {cell[0].strip("| `"): cell[1:] for cell in cells}


def test_every_check_is_described_with_how_bad_it_is() -> None:
    settings = load(EVERYTHING, secret=lambda _: {})
    at = Looked(
        settings=settings,
        policy=load_policy(),
        chatwoot=ChatwootClient(settings.chatwoot),
        odoo=OdooClient(settings.odoo),
        access=Access(settings.model, 1),
        dynamodb=None,
        sqs=None,
        secret=lambda _: {},
        secret_at_start={},
        schema=lambda _: None,  # type: ignore[arg-type, return-value]
    )
    found = {probe.name: "down" if probe.needed else "degraded" for probe in probes(at)}

    assert {name: cells[-1].strip(" |") for name, cells in rows("GET /test/chatwoot/health").items()} == found


def test_every_field_of_a_simulation_is_described() -> None:
    assert set(rows("POST /test/chatwoot/simulate")) == set(SimulationRequest.model_fields)


def test_everything_that_an_answer_holds_is_named() -> None:
    named = set(re.findall(r"`([a-z_]+)`", PAGE))

    assert set(Simulation.model_fields) <= named
