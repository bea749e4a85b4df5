"""The built console function under AWS's runtime client: its events, and whom it turns away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e_world import World, load_event
from lambda_runtime import LambdaFunction
from metta.settings import SECRET_NAMES
from metta_local.stack import LocalStack

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def environment(stack: LocalStack) -> dict[str, str]:
    """What the template gives the function: the secrets in one secret, all else in variables."""
    everything = stack.environment()
    secret = {name: everything.pop(name) for name in SECRET_NAMES if name in everything}
    assert stack.aws is not None
    return everything | {"METTA_SECRET_ARN": stack.aws.create_secret(secret, name="console-function")}


@pytest.fixture(scope="module")
def function(
    environment: dict[str, str], built: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LambdaFunction]:
    with LambdaFunction(built, environment, tmp_path_factory.mktemp("console"), name="Console") as started:
        yield started


def answered(function: LambdaFunction, event: dict[str, Any]) -> tuple[int, Any]:
    answer = function.invoke(event)
    assert not answer.failed, function.log[-4000:]
    return answer.payload["statusCode"], json.loads(answer.payload["body"])


def test_its_health_event_finds_everything_there(function: LambdaFunction) -> None:
    status, told = answered(function, load_event("console_health"))

    assert (status, told["status"]) == (200, "ok"), told
    assert {"secret", "database", "chatwoot_history"} <= {check["name"] for check in told["checks"]}


def test_its_simulate_event_is_answered_from_odoo_and_nobody_hears_of_it(
    world: World, function: LambdaFunction
) -> None:
    status, told = answered(function, load_event("console_simulate"))

    assert (status, told["outcome"]) == (200, "answered"), told
    assert "PX0042LENA" in told["reply"]
    assert world.chatwoot.world.conversations == {}
    assert "Lena" not in function.log
    assert told["reply"] not in function.log


def test_without_an_identity_of_aws_it_answers_nothing(world: World, function: LambdaFunction) -> None:
    event = load_event("console_simulate")
    del event["requestContext"]["authorizer"]

    status, told = answered(function, event)

    assert (status, told["error"]) == (403, "no IAM identity")
    assert world.model.requests == []


def test_it_documents_itself(function: LambdaFunction) -> None:
    event = load_event("console_health")
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/openapi.json"

    status, told = answered(function, event)

    document = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
    assert (status, told) == (200, json.loads(document.read_text()))


def test_init_fails_with_the_name_of_what_is_missing(environment: dict[str, str], built: Path, tmp_path: Path) -> None:
    with LambdaFunction(built, environment | {"ODOO_DB": ""}, tmp_path, name="Console") as function:
        answer = function.invoke(load_event("console_health"))

    assert answer.failed
    assert "ODOO_DB" in answer.payload["errorMessage"]


def test_with_snapstart_its_secret_is_read_after_the_restore(
    stack: LocalStack, environment: dict[str, str], built: Path, tmp_path: Path
) -> None:
    assert stack.aws is not None
    client = stack.aws.client("secretsmanager")
    secret = client.get_secret_value(SecretId=environment["METTA_SECRET_ARN"])["SecretString"]
    arn = stack.aws.create_secret({"ODOO_API_KEY": "none yet"}, name="console-restored")

    with LambdaFunction(built, environment | {"METTA_SECRET_ARN": arn}, tmp_path, name="Console") as function:
        function.until_snapshot()
        client.put_secret_value(SecretId=arn, SecretString=secret)
        function.restore()
        status, told = answered(function, load_event("console_health"))

    assert (status, told["status"]) == (200, "ok"), told
