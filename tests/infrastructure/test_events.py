"""`events/` is what `sam local invoke` is given: true to SQS, and made from the bodies that the tests use."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import LambdaFunctionUrlModel, SqsModel

from metta.settings import SECRET_NAMES, Settings

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "events"
FILES = sorted(path for path in EVENTS.glob("*.json") if path.name != "local.env.json")
BATCHES = [path for path in FILES if "Records" in json.loads(path.read_text())]
REQUESTS = [path for path in FILES if path not in BATCHES]


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


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_each_request_is_shaped_as_a_function_url_sends_it(path: Path) -> None:
    event = json.loads(path.read_text())
    LambdaFunctionUrlModel.model_validate(event)

    assert event["rawPath"] == event["requestContext"]["http"]["path"]


@pytest.mark.parametrize("path", BATCHES, ids=lambda path: path.stem)
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


@pytest.mark.parametrize("name", ["WorkerFunction", "ConsoleFunction"])
def test_the_local_variables_are_ones_that_sam_passes_on(template: dict[str, Any], name: str) -> None:
    local = json.loads((EVENTS / "local.env.json").read_text())
    of_all = template["Globals"]["Function"]["Environment"]["Variables"]
    declared = of_all | template["Resources"][name]["Properties"]["Environment"]["Variables"]

    assert set(local) == {"WorkerFunction", "ConsoleFunction"}
    assert set(local[name]) <= set(declared)  # sam drops the others without a word
    assert set(local[name]) <= {variable.upper() for variable in Settings.model_fields} - set(SECRET_NAMES)
    conditional = {variable for variable, value in declared.items() if isinstance(value, dict) and "Fn::If" in value}
    assert conditional <= set(local[name])  # sam local does not resolve Fn::If
