"""JSON-2 as an HTTP client meets it on Odoo 19: bare results, and errors told apart by their status."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from metta_local.odoo import Fault, FaultKind

Q = "product.product"


def refused(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The body of an error that came as JSON."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert set(body) == {"name", "message", "arguments", "context", "debug"}
    assert body["debug"].startswith("Traceback")
    return body


def test_the_answer_is_the_bare_result(http: Any) -> None:
    client = http()

    assert client(Q, "search", domain=[["name", "ilike", "lamp"]]) == [1011, 1012]
    assert client(Q, "search_read", domain=[["id", "=", 1011]], fields=["default_code"]) == [
        {"id": 1011, "default_code": "LAMP-AUR"}
    ]
    assert client(Q, "read", ids=[1011], fields=["default_code"]) == [{"id": 1011, "default_code": "LAMP-AUR"}]
    assert client("res.users", "context_get")["uid"] == 7


def test_the_context_is_a_named_argument(http: Any) -> None:
    (row,) = http()(Q, "read", ids=[1015], fields=["name"], context={"lang": "de_DE"})

    assert row["name"] == "Steinzeugbecher"


def test_calls_are_recorded_with_their_protocol(http: Any) -> None:
    client = http()
    client(Q, "search", domain=[], limit=1)

    (call,) = client.emulator.calls
    assert (call.model, call.method, call.args, call.kwargs) == (Q, "search", (), {"domain": [], "limit": 1})
    assert call.protocol == "json2"
    assert client.emulator.logins == 0


@pytest.mark.parametrize("word", ["bearer", "Bearer", "BEARER"])
def test_the_key_is_a_bearer_token_in_any_case(http: Any, word: str) -> None:
    client = http()

    assert client.post("res.lang", "search_count", {"domain": []}, Authorization=f"{word} emulated-odoo-key").json() > 0


@pytest.mark.parametrize(
    ("header", "says"),
    [("bearer wrong", "Invalid apikey"), ("Basic abc", "User not authenticated"), ("", "User not authenticated")],
)
def test_no_key_or_a_wrong_one_is_unauthorized(http: Any, header: str, says: str) -> None:
    answer = http().post("res.lang", "search", {"domain": []}, Authorization=header)

    body = refused(answer, 401)
    assert body["name"] == "werkzeug.exceptions.Unauthorized"
    assert body["message"].startswith(says)
    assert body["arguments"] == [body["message"], 401]
    assert answer.headers["www-authenticate"].lower() == "bearer"


def test_a_revoked_key_is_refused_from_the_next_call_on(http: Any) -> None:
    client = http()
    client("res.lang", "search", domain=[])
    client.emulator.revoke_key()

    refused(client.post("res.lang", "search", {"domain": []}), 401)


@pytest.mark.parametrize(
    ("model", "method", "body", "status", "name", "says"),
    [
        ("no.model", "search", {"domain": []}, 404, "werkzeug.exceptions.NotFound", "the model 'no.model' does not"),
        ("sale.order", "action_fly", {}, 404, "werkzeug.exceptions.NotFound", "'sale.order.action_fly' does not exist"),
        ("sale.order", "_search", {}, 403, "odoo.exceptions.AccessError", "Private methods"),
        ("sale.order", "write", {"ids": [9042], "vals": {}}, 403, "odoo.exceptions.AccessError", "modify"),
        (Q, "search", {}, 422, "werkzeug.exceptions.UnprocessableEntity", "missing a required argument: 'domain'"),
        (Q, "search", {"domain": [], "x": 1}, 422, None, "got an unexpected keyword argument 'x'"),
        (Q, "search_read", {"ids": [1], "domain": []}, 422, None, f"cannot call {Q}.search_read with ids"),
        (Q, "search_read", {"nonsense": 1}, 500, "builtins.TypeError", "nonsense"),
        (Q, "search", {"domain": [], "context": {"lang": "it_IT"}}, 422, "odoo.exceptions.UserError", "Invalid lang"),
        (Q, "search", {"domain": [["nonsense", "=", 1]]}, 500, "builtins.ValueError", "Invalid field"),
        (Q, "search", {"domain": 5}, 500, "builtins.TypeError", ""),
        (Q, "search", {"domain": [], "limit": -1}, 500, "psycopg2.errors.InvalidRowCountInLimitClause", "LIMIT"),
    ],
)
def test_the_status_tells_errors_apart(
    http: Any, model: str, method: str, body: dict[str, Any], status: int, name: str | None, says: str
) -> None:
    told = refused(http().post(model, method, body), status)

    assert told["name"] == (name or "werkzeug.exceptions.UnprocessableEntity")
    assert says in told["message"]


def test_a_body_that_is_not_json_is_a_bad_request(http: Any) -> None:
    answer = http().session.post(
        "/json/2/res.lang/search", content=b"{not json", headers={"Content-Type": "application/json"}
    )

    assert refused(answer, 400)["message"].startswith("could not parse the body as json: Expecting property name")


def test_json_that_is_no_object_counts_as_no_arguments(http: Any) -> None:
    client = http()

    assert "'domain'" in refused(client.post("res.lang", "search", [1]), 422)["message"]
    assert len(client.post("res.lang", "search_read", ["x"]).json()) > 1


def test_another_content_type_is_refused_with_a_page(http: Any) -> None:
    answer = http().session.post("/json/2/res.lang/search", data={"domain": "[]"})

    assert answer.status_code == 415
    assert answer.headers["content-type"].startswith("text/html")


def test_only_a_post_on_a_model_and_a_method_is_a_call(http: Any) -> None:
    client = http()

    for answer in (client.session.get("/json/2/res.lang/search"), client.session.post("/json/2/res.lang", json={})):
        assert refused(answer, 404)["message"] == "Did you mean POST /json/2/<model>/<method>?"


def test_another_databases_name_finds_no_page(http: Any) -> None:
    client = http()

    assert client.post("res.lang", "search", {"domain": []}, X_Odoo_Database="acme").status_code == 200
    answer = client.post("res.lang", "search", {"domain": []}, X_Odoo_Database="nope")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("version", ["15.0", "16.0", "17.0", "18.0"])
def test_before_19_there_is_no_such_page(http: Any, version: str) -> None:
    client = http(version)

    answer = client.post("res.lang", "search", {"domain": []})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert client.session.get("/web/version").status_code == 404


@pytest.mark.parametrize("version", ["19.0", "19.0+e", "saas~19.1"])
def test_the_version_is_told_without_a_key(http: Any, version: str) -> None:
    client = http(version)
    client.session.headers.clear()
    first, enterprise = ("saas~19", "") if version == "saas~19.1" else (19, "e" if "+e" in version else "")
    minor = 1 if version == "saas~19.1" else 0

    for path in ("/web/version", "/json/version"):
        assert client.session.get(path).json() == {
            "version_info": [first, minor, 0, "final", 0, enterprise],
            "version": version,
        }
    assert client.session.post("/web/version", json={}).status_code == 400, "a form's token is missing"
    told = client.session.post("/web/webclient/version_info", json={"id": 1, "params": {}}).json()["result"]
    assert told["server_version"] == version
    assert told["server_version_info"][0] == first


@pytest.mark.parametrize("wrong", ["", "19", "nineteen", "saas-19.1", "14.0", "saas~20.1"])
def test_a_version_that_does_not_exist_is_refused(http: Any, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"19\.|18\.0"):
        http(wrong)


def test_without_rpc_services_json2_is_what_remains(http: Any) -> None:
    client = http(rpc=False)

    answer = client.session.post("/jsonrpc", json={"params": {"service": "common", "method": "version", "args": []}})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert client("res.lang", "search_count", domain=[])


def test_a_client_that_keeps_its_connection_makes_one(http: Any) -> None:
    client = http()
    for _ in range(3):
        client("res.lang", "search", domain=[])
    assert client.emulator.connections == 1

    client.post("res.lang", "search", {"domain": []}, Connection="close")
    client("res.lang", "search", domain=[])
    assert client.emulator.connections == 2


@pytest.mark.parametrize(
    ("kind", "raised"),
    [(FaultKind.RESET, httpx.RemoteProtocolError), (FaultKind.TRUNCATED, httpx.RemoteProtocolError)],
)
def test_a_connection_that_breaks(http: Any, kind: FaultKind, raised: type[Exception]) -> None:
    client = http()
    client.emulator.faults.add(Fault(kind, times=1, model="res.lang", method="search"))
    assert client("res.lang", "search_count", domain=[])

    with pytest.raises(raised):
        client.post("res.lang", "search", {"domain": []})

    assert client("res.lang", "search", domain=[]), "the fault was for one request"


def test_a_late_answer_is_a_timeout(http: Any) -> None:
    client = http()
    client.emulator.faults.add(Fault(FaultKind.DELAY, seconds=0.5, times=1))

    with pytest.raises(httpx.ReadTimeout):
        client.session.post("/json/2/res.lang/search", json={"domain": []}, timeout=0.1)


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        (Fault(FaultKind.STATUS, status=429, retry_after="3"), 429, "<h1>429</h1>"),
        (Fault(FaultKind.MAINTENANCE), 200, "<!DOCTYPE html>"),
        (Fault(FaultKind.BARE_ERROR), 500, '{"message":'),
        (Fault(FaultKind.NEITHER), 200, ""),
        (Fault(FaultKind.LIST), 200, '""'),
    ],
)
def test_answers_that_make_no_sense(http: Any, fault: Fault, status: int, text: str) -> None:
    client = http()
    client.emulator.faults.add(fault)

    answer = client.post("res.lang", "search", {"domain": []})

    assert answer.status_code == status
    assert answer.text.startswith(text)
    assert bool(answer.text) is bool(text)
    assert answer.headers.get("retry-after") == fault.retry_after
