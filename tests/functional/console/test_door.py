"""Who the console answers at all, and how it refuses the rest."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from metta.console.simulate import Simulator

from .conftest import Operator, request

SIMULATE = "/test/chatwoot/simulate"
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"authorizer": {}},
        {"authorizer": {"iam": None}},
        {"authorizer": {"iam": {}}},
        {"authorizer": {"iam": {"userArn": ""}}},
        {"authorizer": {"iam": {"accessKey": "AKIA0000000000000000"}}},
        {"authorizer": "iam"},
        {"authorizer": {"jwt": {"claims": {"sub": "x"}}}},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/test/chatwoot/health"), ("POST", SIMULATE), ("GET", "/openapi.json"), ("GET", "/")]
)
def test_a_url_that_is_open_by_mistake_opens_nothing(
    operator: Operator, context: dict[str, Any], method: str, path: str
) -> None:
    http = {"http": {"method": method, "path": path}, "stage": "$default"}

    code, told = operator.sends(request(method, path, json.dumps({"content": "x"}), requestContext=http | context))

    assert (code, told) == (403, {"error": "no IAM identity", "fields": []})
    assert operator.model.requests == []


def test_an_identity_that_the_caller_claims_in_headers_is_none(operator: Operator) -> None:
    headers = {"content-type": "application/json", "x-amzn-iam-user-arn": "arn:aws:iam::1:user/x"}
    http = {"http": {"method": "GET", "path": "/openapi.json"}, "stage": "$default"}

    assert operator.sends(request("GET", "/openapi.json", headers=headers, requestContext=http))[0] == 403


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": "{"}, 400),
        ({"body": "{" * 3000}, 400),
        ({"body": "[" * 200_000}, 400),
        ({"body": "****", "isBase64Encoded": True}, 400),
        ({"body": base64.b64encode(b"\xff\xfe").decode(), "isBase64Encoded": True}, 400),
        ({"body": json.dumps({"content": "x" * 600_000})}, 413),
        ({"headers": {"Content-Type": "text/plain"}}, 415),
        ({"headers": {"content-type": "application/x-www-form-urlencoded"}, "body": "content=x"}, 415),
        ({"body": "null"}, 422),
        ({"body": "[]"}, 422),
        ({"body": ""}, 422),
    ],
)
def test_what_is_no_request_gets_its_own_code_and_reaches_no_model(
    operator: Operator, changes: dict[str, Any], code: int
) -> None:
    assert operator.sends(request("POST", SIMULATE, json.dumps({"content": "x"})) | changes)[0] == code
    assert operator.model.requests == []


def test_a_body_in_base64_is_read_as_function_urls_send_it(operator: Operator) -> None:
    body = base64.b64encode(json.dumps({"content": "Grüße, I want a human"}).encode()).decode()

    code, told = operator.sends(request("POST", SIMULATE, body, isBase64Encoded=True))

    assert (code, told["outcome"]) == (200, "handed_off")


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/test/chatwoot/health"), ("DELETE", SIMULATE)])
def test_other_paths_and_methods_are_not_there(operator: Operator, method: str, path: str) -> None:
    assert operator.sends(request(method, path))[0] == 404


def test_an_unexpected_error_is_told_to_the_log_without_its_words(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the customer wrote: blue giraffe")

    monkeypatch.setattr(Simulator, "run", broken)

    code, told = operator.sends(request("POST", SIMULATE, json.dumps({"content": "blue giraffe"})))

    assert (code, told["error"]) == (500, "internal error")
    assert "RuntimeError" in operator.log.getvalue()
    assert "giraffe" not in operator.log.getvalue() + json.dumps(told)


def test_the_document_of_the_api_is_served_and_is_the_one_in_docs(operator: Operator) -> None:
    code, told = operator.sends(request("GET", "/openapi.json"))

    assert code == 200
    assert told == json.loads(DOCUMENT.read_text()), "run `python -m metta_local.openapi`"


def test_answers_have_the_shape_that_the_document_promises(operator: Operator) -> None:
    schemas = json.loads(DOCUMENT.read_text())["components"]["schemas"]
    told = operator.simulates("I want a human")
    _, health = operator.sends(request("GET", "/test/chatwoot/health"))

    for answer, name in ((told, "Simulation"), (told["turn"], "Turn"), (health, "Health")):
        assert set(answer) == set(schemas[name]["properties"]), name
