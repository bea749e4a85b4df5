"""The protocol as odoorpc meets it: login, error shapes, and broken connections (contract, section 1)."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.error
import urllib.request
from typing import Any

import odoorpc
import pytest
from odoorpc.error import InternalError, RPCError

from metta_local.odoo import Fault, FaultKind, OdooEmulator


def test_version_is_told_without_a_login(client: Any) -> None:
    assert client.odoo.version == "18.0"


def test_login_takes_two_calls_and_sets_the_users_context(client: Any) -> None:
    assert client.emulator.logins == 1
    assert [call.method for call in client.emulator.calls] == ["context_get"]
    assert client.odoo.env.context["lang"] == "en_US"


def test_environment_and_browse_work(client: Any) -> None:
    product = client.odoo.env["product.product"].browse(1011)

    assert product.name == "Aurora Desk Lamp"
    assert product.default_code == "LAMP-AUR"


def test_refused_login_has_no_info(client: Any) -> None:
    with pytest.raises(RPCError, match="Wrong login ID or password") as caught:
        client.odoo.login(client.emulator.database, client.emulator.username, "wrong")

    assert caught.value.info is False


def test_calling_before_login(client: Any) -> None:
    fresh = odoorpc.ODOO("127.0.0.1", port=client.odoo.port, version="18.0")

    with pytest.raises(InternalError, match="Login required"):
        fresh.execute_kw("res.lang", "search", [[]], {})


def test_revoked_key_is_access_denied(client: Any) -> None:
    client.emulator.revoke_key()

    assert client.error("res.lang", "search", [])["name"] == "odoo.exceptions.AccessDenied"


def test_wrong_database_shows_the_database_host(client: Any) -> None:
    with pytest.raises(RPCError) as caught:
        client.odoo.login("nope", "user", "key")

    assert caught.value.info["data"]["name"] == "psycopg2.OperationalError"
    assert "db.internal" in caught.value.info["data"]["message"]


def test_context_is_sent_by_environments_only(client: Any) -> None:
    client("product.product", "search_read", [["id", "=", 1011]], fields=["name"])

    assert "context" not in client.emulator.calls[-1].kwargs


@pytest.mark.parametrize(
    ("call", "name", "says"),
    [
        (
            ("product.product", "search_read", [], ["nonsense"]),
            "builtins.ValueError",
            "Invalid field 'nonsense' on model",
        ),
        (("product.product", "search", [["nonsense", "=", 1]]), "builtins.ValueError", "Invalid field"),
        (("product.product", "search", [["name", "~", "x"]]), "builtins.ValueError", "Invalid operator"),
        (("product.product", "search", ["&", ["id", "=", 1]]), "builtins.ValueError", "malformed"),
        (("no.model", "search", []), "odoo.exceptions.UserError", "Object no.model doesn't exist"),
        (("product.product", "search", [["id", "=", "x"]]), "psycopg2.errors.InvalidTextRepresentation", "LINE 1"),
        (("product.product", "search", [["id", "=", 2**31]]), "psycopg2.errors.NumericValueOutOfRange", "LINE 1"),
        (("product.product", "search", [["name", "=", "a\0"]]), "builtins.ValueError", "NUL"),
        (("product.product", "search", [], 0, -1), "psycopg2.errors.InvalidRowCountInLimitClause", "LIMIT"),
        (("product.product", "_get_product_price", [1011]), "odoo.exceptions.AccessError", "Private methods"),
        (("sale.order", "write", [9042], {"name": "x"}), "odoo.exceptions.AccessError", "modify"),
        (("sale.order", "create", {"name": "x"}), "odoo.exceptions.AccessError", "create"),
        (("sale.order", "action_cancel", [9042]), "builtins.AttributeError", "does not exist"),
    ],
)
def test_server_errors_by_name(client: Any, call: tuple[Any, ...], name: str, says: str) -> None:
    data = client.error(*call)

    assert data["name"] == name
    assert says in data["message"]


def test_access_error_names_groups_and_model(connect: Any) -> None:
    data = connect(denied={"sale.order"}).error("sale.order", "search_read", [])

    assert data["name"] == "odoo.exceptions.AccessError"
    assert "Sales/User" in data["message"]
    assert "sale.order" in data["message"]


def test_language_that_is_not_installed(client: Any) -> None:
    data = client.error("product.product", "search", [], context={"lang": "it_IT"})

    assert data["name"] == "odoo.exceptions.UserError"
    assert "Invalid language code" in data["message"]


def test_foreign_company_in_context(client: Any) -> None:
    data = client.error("sale.order", "search", [], context={"allowed_company_ids": [1, 2]})

    assert data["message"] == "Access to unauthorized or invalid companies."


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        (FaultKind.STATUS, urllib.error.HTTPError),
        (FaultKind.MAINTENANCE, json.JSONDecodeError),
        (FaultKind.RESET, http.client.RemoteDisconnected),
        (FaultKind.TRUNCATED, http.client.IncompleteRead),
        (FaultKind.BARE_ERROR, KeyError),
        (FaultKind.LIST, AttributeError),
    ],
)
def test_trouble_raises_what_odoorpc_raises_on_the_real_thing(
    client: Any, kind: FaultKind, raised: type[Exception]
) -> None:
    client.emulator.faults.add(Fault(kind, times=1))

    with pytest.raises(raised) as caught:
        client("res.lang", "search", [])

    if isinstance(caught.value, urllib.error.HTTPError):
        caught.value.close()
    assert client("res.lang", "search", []), "the fault was for one request"


def test_neither_result_nor_error_is_none(client: Any) -> None:
    client.emulator.faults.add(Fault(FaultKind.NEITHER, times=1))

    assert client("res.lang", "search", []) is None


def test_a_late_answer_is_a_bare_timeout(client: Any) -> None:
    client.odoo.config["timeout"] = 0.1
    client.emulator.faults.add(Fault(FaultKind.DELAY, seconds=0.5, times=1))

    with pytest.raises(TimeoutError):
        client("res.lang", "search", [])


def test_faults_can_be_for_one_model_and_one_method(client: Any) -> None:
    client.emulator.faults.add(Fault(FaultKind.STATUS, model="sale.order", method="search"))

    assert client("res.lang", "search", [])
    assert client("sale.order", "search_count", [])
    with pytest.raises(urllib.error.HTTPError) as caught:
        client("sale.order", "search", [])
    caught.value.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"params": 3}', b'{"params": {"service": "x"}}'])
def test_a_body_that_is_no_call_is_a_bad_request(client: Any, body: bytes) -> None:
    request = urllib.request.Request(f"{client.url}/jsonrpc", body, {"Content-Type": "application/json"})

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=5)

    assert caught.value.code == 400
    caught.value.close()


def test_many_threads_at_once(client: Any) -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.ids("product.product", ["name", "ilike", "lamp"])))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [[1011, 1012]] * 8


def test_unknown_versions_and_modules_are_refused() -> None:
    for wrong in ({"version": "14.0"}, {"modules": {"crm"}}, {"modules": {"sale", "sale_stock"}}):
        with pytest.raises(ValueError):
            OdooEmulator(**wrong)
