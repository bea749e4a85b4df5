"""`events/` is what `sam local invoke` is given: true to SQS, and made from the bodies that the tests use."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import SqsModel

from metta.settings import SECRET_NAMES, Settings

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "events"
FILES = sorted(path for path in EVENTS.glob("*.json") if path.name != "local.env.json")


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("metta_events", EVENTS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_events_are_those_the_payloads_give() -> None:
    module = generator()
    made = {f"{stem}.json": module.text(content) for stem, content in module.events()}

    assert {path.name for path in FILES} == set(made)
    for path in FILES:
        assert path.read_text() == made[path.name], f"{path.name}: run events/generate.py"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_record_is_shaped_as_lambda_delivers_it(path: Path) -> None:
    event = json.loads(path.read_text())
    SqsModel.model_validate(event)

    identifiers = [record["messageId"] for record in event["Records"]]
    sequence = [record["attributes"]["SequenceNumber"] for record in event["Records"]]
    assert len(set(identifiers)) == len(identifiers)
    assert sequence == sorted(sequence)
    for record in event["Records"]:
        assert {"MessageGroupId", "MessageDeduplicationId", "SentTimestamp", "ApproximateReceiveCount"} <= set(
            record["attributes"]
        )
        assert record["eventSourceARN"].endswith(".fifo")
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()


def test_the_local_variables_are_ones_that_sam_passes_on(template: dict[str, Any]) -> None:
    local = json.loads((EVENTS / "local.env.json").read_text())
    declared = template["Resources"]["WorkerFunction"]["Properties"]["Environment"]["Variables"]

    assert set(local) == {"WorkerFunction"}
    assert set(local["WorkerFunction"]) <= set(declared)  # sam drops the others without a word
    assert set(local["WorkerFunction"]) <= {name.upper() for name in Settings.model_fields} - set(SECRET_NAMES)
    conditional = {name for name, value in declared.items() if isinstance(value, dict) and "Fn::If" in value}
    assert conditional <= set(local["WorkerFunction"])  # sam local does not resolve Fn::If
