"""The emulated moderation endpoint, as a plain HTTP client sees it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from openai.types import ModerationCreateResponse

from metta_local.model import Fail, Malformed, ModelEmulator, Moderate
from metta_local.serving import LoopbackServer


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[ModelEmulator, str]]:
    emulator = ModelEmulator(api_key="sk-test")
    with LoopbackServer(emulator.app) as server:
        yield emulator, f"{server.url}/v1"


@pytest.fixture
def emulator(served: tuple[ModelEmulator, str]) -> ModelEmulator:
    served[0].reset()
    return served[0]


@pytest.fixture
def client(served: tuple[ModelEmulator, str], emulator: ModelEmulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served[1], headers={"authorization": "Bearer sk-test"}, timeout=5) as opened:
        yield opened


def test_an_answer_has_every_field_that_the_official_client_declares(client: httpx.Client) -> None:
    body = client.post("/moderations", json={"input": "hello"}).json()
    answer = ModerationCreateResponse.model_validate(body, strict=True)
    assert set(answer.model_dump(by_alias=True)["results"][0]) == set(body["results"][0])
    assert set(body["results"][0]["categories"]) == set(body["results"][0]["category_scores"])
    assert not answer.results[0].flagged


def test_each_text_has_its_result(client: httpx.Client) -> None:
    body = client.post("/moderations", json={"input": ["You worthless clown", "Where is my order?"]}).json()
    assert [result["flagged"] for result in body["results"]] == [True, False]
    assert body["results"][0]["categories"]["harassment"]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "input"),
        ({"input": ""}, 400, "input"),
        ({"input": 5}, 400, "input"),
        ({"input": "hi", "model": "gpt-5.6"}, 404, "model"),
        ({"input": "hi", "temperature": 1}, 400, "temperature"),
    ],
)
def test_what_the_api_refuses_is_refused(client: httpx.Client, body: object, status: int, param: str) -> None:
    answer = client.post("/moderations", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


def test_a_wrong_key_is_refused(client: httpx.Client) -> None:
    answer = client.post("/moderations", json={"input": "hi"}, headers={"authorization": "Bearer sk-other"})
    assert answer.status_code == 401


def test_answers_and_failures_can_be_scripted(client: httpx.Client, emulator: ModelEmulator) -> None:
    emulator.moderate(Moderate({"hate": 0.8}))
    emulator.moderate(Fail(429, retry_after=3))
    emulator.moderate(Malformed())
    answers = [client.post("/moderations", json={"input": "hi"}) for _ in range(4)]
    assert answers[0].json()["results"][0]["category_scores"]["hate"] == 0.8
    assert (answers[1].status_code, answers[1].headers["retry-after"]) == (429, "3")
    assert answers[2].json()["results"] == []
    assert not answers[3].json()["results"][0]["flagged"]
