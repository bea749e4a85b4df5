"""The same console behind a loopback port: for the operator's own tools, never for a page in the operator's browser."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from metta.console import HEALTH, OPENAPI, SIMULATE
from metta_local.console_server import ConsoleServer, function_url_event
from metta_local.serving import LoopbackServer

from .conftest import Operator


@pytest.fixture
def client(operator: Operator) -> Iterator[httpx.Client]:
    with (
        LoopbackServer(ConsoleServer(operator.console).app) as served,
        httpx.Client(base_url=served.url, timeout=30) as client,
    ):
        yield client


def test_it_answers_as_the_function_does(client: httpx.Client) -> None:
    assert client.get(HEALTH).json()["status"] == "ok"
    assert client.get(OPENAPI).json()["openapi"].startswith("3.1")
    told = client.post(SIMULATE, json={"content": "I want a human, please: Grüße"})
    assert (told.status_code, told.json()["outcome"]) == (200, "handed_off")
    assert client.post(SIMULATE, json={"contents": "x"}).status_code == 422
    assert client.post(SIMULATE, content=b"\xff", headers={"content-type": "application/json"}).status_code == 400
    assert client.get("/nothing").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"host": "evil.example"},
        {"host": "evil.example:3000"},
    ],
)
def test_a_page_in_the_browser_is_refused(client: httpx.Client, operator: Operator, headers: dict[str, str]) -> None:
    assert client.get(HEALTH, headers=headers).status_code == 403
    assert client.post(SIMULATE, json={"content": "x"}, headers=headers).status_code == 403
    assert operator.model.requests == []


def test_a_form_that_a_page_sends_without_asking_is_refused(client: httpx.Client) -> None:
    plain = {"content-type": "text/plain"}

    assert client.post(SIMULATE, content='{"content": "x"}', headers=plain).status_code == 415


def test_a_body_without_end_is_cut_off(client: httpx.Client) -> None:
    answer = client.post(SIMULATE, json={"content": "x" * 2_000_000})

    assert answer.status_code == 413


class Watched:
    """A console that notices whether it is asked while it is answering."""

    def __init__(self) -> None:
        self.under_way = self.busiest = 0

    def handle(self, event: Mapping[str, Any], _: object) -> dict[str, Any]:
        self.under_way += 1
        self.busiest = max(self.busiest, self.under_way)
        time.sleep(0.05)
        self.under_way -= 1
        return {"statusCode": 200, "body": json.dumps(event["rawPath"])}


def test_requests_at_the_same_time_are_answered_one_by_one_as_in_lambda() -> None:
    watched, paths = Watched(), [f"/{number}" for number in range(6)]

    with (
        LoopbackServer(ConsoleServer(watched).app) as served,  # type: ignore[arg-type]
        ThreadPoolExecutor(6) as pool,
    ):
        answers = list(pool.map(lambda path: httpx.get(served.url + path).json(), paths))

    assert (answers, watched.busiest) == (paths, 1)


def test_an_event_holds_text_as_text_and_other_bytes_in_base64() -> None:
    assert (
        function_url_event("POST", SIMULATE, "Grüße".encode()).items()
        >= {
            "body": "Grüße",
            "isBase64Encoded": False,
        }.items()
    )
    assert function_url_event("POST", SIMULATE, b"\xff").items() >= {"body": "/w==", "isBase64Encoded": True}.items()
    assert "body" not in function_url_event("GET", HEALTH)
