"""The model's API: a key, an address, a name or a price that is wrong. Nothing that costs anything is asked."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from metta_local.model import ModelEmulator
from tests_support.tls import certificate, served_over_tls

from .conftest import Examine, Report
from .test_connection import page

Serve = Callable[[Any], str]
Ask = Callable[..., Report]


@pytest.fixture
def ask(served: Serve, examine: Examine) -> Ask:
    """Examines an emulated API; keywords change its variables."""

    def run(emulator: ModelEmulator | None = None, **variables: str | None) -> Report:
        emulator = emulator or ModelEmulator()
        if "OPENAI_BASE_URL" not in variables:
            variables["OPENAI_BASE_URL"] = f"{served(emulator.app)}/v1"
        return examine("model", {"OPENAI_API_KEY": emulator.api_key, **variables})

    return run


def test_a_sound_api_with_the_model_is_all_right(ask: Ask) -> None:
    report = ask()

    assert set(report.statuses.values()) == {"ok"}


def test_nothing_is_asked_that_a_model_would_answer(ask: Ask) -> None:
    emulator = ModelEmulator()

    ask(emulator)

    assert [request.body for request in emulator.requests] == [{}, {}], "once as JSON, once as text"


class TestKey:
    def test_one_that_is_refused(self, ask: Ask) -> None:
        report = ask(OPENAI_API_KEY="sk-mistyped-4711")

        assert report.one("model.key") == ("fail", "OPENAI_API_KEY is refused (401)")
        assert "OPENAI_API_KEY" in report.fixes["model.key"]
        assert "4711" not in report.text
        assert "Incorrect API key" not in report.text

    def test_one_with_a_line_break_inside(self, ask: Ask) -> None:
        report = ask(OPENAI_API_KEY="sk-one\nsk-two")

        status, found = report.one("model.key")
        assert (status, "line break" in found) == ("fail", True)
        assert "sk-one" not in report.text

    def test_one_that_may_list_but_not_ask(self, served: Serve, examine: Examine) -> None:
        api = answering(models=(200, LISTED), responses=(403, {"error": {"message": "secret words"}}))

        report = examine("model", {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": f"{served(api)}/v1"})

        assert report.statuses["model.key"] == "fail"
        assert "secret words" not in report.text

    @pytest.mark.parametrize("status", [401, 403])
    def test_one_that_may_ask_but_not_list(self, served: Serve, examine: Examine, status: int) -> None:
        """The least that a key needs; OpenAI refuses the list to it with either status."""
        api = answering(models=(status, {"error": {}}), responses=(400, {"error": {"message": "no model"}}))

        report = examine("model", {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": f"{served(api)}/v1"})

        assert report.code == 0
        assert report.bad() == {"model.name"}
        assert "the key may not list models" in report.found["model.name"]

    @pytest.mark.parametrize("responses", [(401, {"error": {}}), (500, {"error": {}}), None])
    def test_one_that_may_nothing(self, served: Serve, examine: Examine, responses: Any) -> None:
        api = answering(models=(401, {"error": {}}), responses=responses)

        report = examine("model", {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": f"{served(api)}/v1"})

        assert report.one("model.key") == ("fail", "OPENAI_API_KEY is refused (401)")


class TestAddress:
    def test_nobody_there(self, ask: Ask) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))

            report = ask(OPENAI_BASE_URL=f"http://127.0.0.1:{taken.getsockname()[1]}/v1")

        assert report.one("model.connection") == ("fail", "the model's API cannot be reached")
        assert "OPENAI_BASE_URL" in report.fixes["model.connection"]

    def test_somebody_who_says_nothing(self, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("metta_local.doctor.model_checks.CALL_SECONDS", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            report = ask(OPENAI_BASE_URL=f"http://127.0.0.1:{silent.getsockname()[1]}/v1")

        status, found = report.one("model.connection")
        assert (status, "does not answer within" in found) == ("fail", True)

    def test_https_where_none_is_spoken(self, ask: Ask, served: Serve) -> None:
        url = served(ModelEmulator().app).replace("http:", "https:")

        report = ask(OPENAI_BASE_URL=f"{url}/v1")

        assert report.one("model.connection") == ("fail", "the model's API speaks no TLS there")

    def test_a_certificate_that_nobody_vouches_for(self, ask: Ask, tmp_path: Path) -> None:
        with served_over_tls(ModelEmulator().app, certificate(tmp_path)) as port:
            report = ask(OPENAI_BASE_URL=f"https://127.0.0.1:{port}/v1")

        status, found = report.one("model.connection")
        assert (status, "certificate" in found) == ("fail", True)
        assert report.statuses["model.tls"] == "ok"

    def test_a_proxy_that_is_no_address(self, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "nonsense://4711")

        report = ask()

        assert report.statuses["model.connection"] == "fail"
        assert "HTTPS_PROXY" in report.fixes["model.connection"]
        assert "4711" not in report.text

    def test_a_page_of_a_shop(self, ask: Ask, served: Serve) -> None:
        report = ask(OPENAI_BASE_URL=f"{served(page(200))}/v1")

        assert report.one("model.connection") == ("fail", "what answers is no model API (no JSON)")
        assert "Welcome" not in report.text

    def test_one_that_leads_elsewhere(self, ask: Ask, served: Serve) -> None:
        async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
            await RedirectResponse("http://evil.example/")(scope, receive, send)

        report = ask(OPENAI_BASE_URL=f"{served(elsewhere)}/v1")

        assert report.statuses["model.connection"] == "fail"
        assert "evil" not in report.text

    def test_the_base_without_its_version(self, ask: Ask, served: Serve) -> None:
        report = ask(OPENAI_BASE_URL=served(ModelEmulator().app))

        status, found = report.one("model.connection")
        assert (status, "no Responses API" in found) == ("fail", True)
        assert "/v1" in report.fixes["model.connection"]

    def test_an_endpoint_that_speaks_another_api_alone(self, served: Serve, examine: Examine) -> None:
        api = answering(models=(200, LISTED), responses=None)

        report = examine("model", {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": f"{served(api)}/v1"})

        status, found = report.one("model.connection")
        assert (status, "no Responses API" in found) == ("fail", True)

    @pytest.mark.parametrize(("status", "told"), [(429, "no more requests"), (503, "in trouble")])
    def test_an_api_in_trouble(self, served: Serve, examine: Examine, status: int, told: str) -> None:
        api = answering(models=(status, {"error": {"message": "secret words"}}), responses=None)

        report = examine("model", {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": f"{served(api)}/v1"})

        assert report.statuses["model.connection"] == "fail"
        assert told in report.found["model.connection"]
        assert "secret words" not in report.text

    def test_a_gateway_that_stumbles_over_an_empty_request(self, served: Serve, examine: Examine) -> None:
        api = answering(models=(200, LISTED), responses=(500, {"error": {"message": "secret words"}}))

        report = examine("model", {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": f"{served(api)}/v1"})

        status, found = report.one("model.connection")
        assert (status, "not known" in found) == ("warn", True)
        assert report.statuses["model.name"] == "ok"

    def test_a_key_that_would_travel_in_clear(self, ask: Ask, served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        known = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *more, **named: known("127.0.0.1", *more, **named)
        )  # the name server of the shop
        url = served(ModelEmulator().app).replace("127.0.0.1", "models.example")

        report = ask(OPENAI_BASE_URL=f"{url}/v1")

        status, found = report.one("model.tls")
        assert (status, "in clear" in found) == ("warn", True)
        assert report.statuses["model.connection"] == "ok"


class TestName:
    def test_one_that_is_misspelled_is_offered_as_it_should_be(self, ask: Ask) -> None:
        report = ask(OPENAI_MODEL="gpt-5.6-lunar")

        status, found = report.one("model.name")
        assert (status, "not among the 4 models" in found) == ("fail", True)
        assert "did you mean gpt-5.6-luna" in report.fixes["model.name"]
        assert report.bad() == {"model.name"}, "nobody is told to give a price to a slip"

    def test_one_that_is_like_nothing(self, ask: Ask) -> None:
        report = ask(OPENAI_MODEL="claudia")

        assert report.statuses["model.name"] == "fail"
        assert "did you mean" not in report.fixes["model.name"]

    def test_a_server_s_strange_names_are_not_shown(self, ask: Ask) -> None:
        strange = "gpt-5.6-luna \x1b[31m now\n"

        report = ask(ModelEmulator(models=(strange, "gpt-5.6-luna2")))

        assert "did you mean gpt-5.6-luna2?" in report.fixes["model.name"]
        assert "\\u001b" not in report.text
        assert "now" not in report.fixes["model.name"]

    def test_an_endpoint_that_lists_none(self, served: Serve, examine: Examine) -> None:
        api = answering(models=None, responses=(400, {"error": {"message": "no model"}}))

        report = examine("model", {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": f"{served(api)}/v1"})

        assert report.code == 0
        assert report.statuses["model.connection"] == "ok"
        status, found = report.one("model.name")
        assert (status, "lists no models" in found) == ("warn", True)

    @pytest.mark.parametrize(("name", "advice"), [("gpt-5.6-luna-eu", "did you mean gpt-5.6-luna"), ("shop", "try")])
    def test_where_deployments_have_names_of_their_own(
        self, ask: Ask, served: Serve, name: str, advice: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: known("127.0.0.1", *more, **named))
        url = served(ModelEmulator().app).replace("127.0.0.1", "shop.openai.azure.com")

        report = ask(OPENAI_BASE_URL=f"{url}/v1", OPENAI_MODEL=name)

        assert report.code == 0
        status, found = report.one("model.name")
        assert (status, "a deployment's own name" in found) == ("warn", True)
        assert advice in report.fixes["model.name"]

    def test_the_second_judge_s_model_counts_too(self, ask: Ask, tmp_path: Path) -> None:
        policy = tmp_path / "policy.yaml"
        policy.write_text(
            "prices: {gpt-5.6-luna: {input: 1, cached: 1, output: 1}, gpt-9: {input: 1, cached: 1, output: 1}}\n"
            "second_opinion: {judge: {enabled: true, model: gpt-9}}\n",
            encoding="utf-8",
        )

        report = ask(METTA_POLICY=str(policy))

        assert report.statuses["model.name"] == "ok"
        status, found = report.one("model.judge")
        assert (status, "second_opinion.judge.model" in found) == ("fail", True)


class TestPrice:
    def test_a_model_that_the_policy_has_no_price_for(self, ask: Ask) -> None:
        report = ask(OPENAI_MODEL="gpt-5.4-mini")

        assert report.code == 0
        assert report.bad() == {"model.price"}
        assert "`prices`" in report.fixes["model.price"]

    def test_a_dated_release_costs_what_its_model_does(self, ask: Ask) -> None:
        report = ask(ModelEmulator(models=("gpt-5.6-luna-2026-08-01",)), OPENAI_MODEL="gpt-5.6-luna-2026-08-01")

        assert report.bad() == set()


LISTED = {"object": "list", "data": [{"id": "gpt-5.6-luna", "object": "model"}]}


def answering(*, models: tuple[int, dict[str, Any]] | None, responses: tuple[int, dict[str, Any]] | None) -> Starlette:
    """An endpoint that gives these answers alone; what is None is not there."""

    def route(path: str, method: str, answer: tuple[int, dict[str, Any]]) -> Route:
        async def give(_request: Any) -> JSONResponse:
            return JSONResponse(answer[1], answer[0])

        return Route(path, give, methods=[method])

    routes = [route("/v1/models", "GET", models)] if models else []
    return Starlette(routes=[*routes, *([route("/v1/responses", "POST", responses)] if responses else [])])
