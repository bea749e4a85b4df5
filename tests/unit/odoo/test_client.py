"""The client against every way in which a server can fail, over a real connection."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from metta.errors import OdooDown, SettingsError
from metta.integrations.odoo import OdooClient
from metta.integrations.odoo.port import FieldMissing, KeyRefused, NoAccess, Refused
from metta.integrations.odoo.transport import Address
from metta.settings import OdooSettings
from metta_local.odoo import Fault, FaultKind

KEY = "emulated-odoo-key"
LEAKS = ("Traceback", "psycopg2", "LINE 1", "db.internal", "10.0.3.17", "Inventory", "Sales/User", "id=7", KEY)


@pytest.fixture(params=["18.0", "19.0"], ids=["jsonrpc", "json2"])
def version(request: pytest.FixtureRequest) -> str:
    """A release of each protocol."""
    return str(request.param)


@pytest.fixture
def bench(serve: Any, version: str) -> Any:
    """An Odoo of each protocol with every module."""
    return serve(version)


def lamps(rpc: OdooClient, **kwargs: Any) -> Any:
    options: dict[str, Any] = {"limit": 5, "order": "id"} | kwargs
    return rpc.search_read("product.product", [("name", "ilike", "lamp")], ["id"], **options)


def ask(bench: Any, **kwargs: Any) -> Any:
    return asyncio.run(lamps(bench.rpc, **kwargs))


def failure(bench: Any, work: Any = None) -> OdooDown:
    """The error of a call, checked for words of the server's, in itself and in everything it carries along."""
    with pytest.raises(OdooDown) as caught:
        asyncio.run(work if work is not None else lamps(bench.rpc))
    told = "".join(traceback.format_exception(caught.value, chain=True)) + repr(caught.value.__context__)
    shown = [line for line in told.splitlines() if not line.lstrip().startswith(("File ", "Traceback", "~", "^"))]
    for leak in LEAKS:
        assert leak not in str(caught.value)
        assert leak == "Traceback" or leak not in "\n".join(shown), leak
    return caught.value


def test_answers_come_through_the_real_client(bench: Any) -> None:
    assert [row["id"] for row in ask(bench)] == [1011, 1012]
    sold = [row for row in bench.emulator.data.rows["product.product"].values() if row["active"] and row["sale_ok"]]
    assert asyncio.run(bench.rpc.search_count("product.product", [("sale_ok", "=", True)])) == len(sold)
    found = asyncio.run(bench.rpc.fields_get("sale.order", ["name", "delivery_status"]))
    assert found == {"name", "delivery_status"}


def test_missing_fields_are_left_out_of_fields_get(serve: Any) -> None:
    found = asyncio.run(serve("15.0").rpc.fields_get("sale.order", ["name", "delivery_status"]))

    assert found == {"name"}


def openings(bench: Any) -> int:
    """How often a session was opened: each protocol then asks once for the user's context."""
    return len([call for call in bench.emulator.calls if call.method == "context_get"])


class TestLogin:
    def test_once_per_process_however_many_ask_at_first(self, bench: Any) -> None:
        async def many() -> list[Any]:
            return await asyncio.gather(*(lamps(bench.rpc) for _ in range(12)))

        assert all(rows == [{"id": 1011}, {"id": 1012}] for rows in asyncio.run(many()))
        assert ask(bench)
        assert openings(bench) == 1

    def test_making_a_client_asks_nothing(self, bench: Any) -> None:
        OdooClient(OdooSettings("http://127.0.0.1:9", "db", "user", SecretStr("key"))).close()

    def test_again_once_when_the_server_no_longer_accepts_it(self, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        bench = serve("18.0")
        ask(bench)
        monkeypatch.setattr("metta_local.odoo.database.BOT_USER_ID", 70)

        assert ask(bench)
        assert bench.emulator.logins == 2

    def test_revoked_key_is_named_and_nothing_else(self, bench: Any) -> None:
        ask(bench)
        bench.emulator.revoke_key()

        error = failure(bench)

        assert isinstance(error, KeyRefused)
        assert "ODOO_API_KEY" in str(error)
        assert openings(bench) == 1

    def test_wrong_key_from_the_start(self, bench: Any) -> None:
        bench.emulator.revoke_key()

        assert isinstance(failure(bench), KeyRefused)

    def test_wrong_database_is_named_without_its_host(self, serve: Any, version: str) -> None:
        assert "ODOO_DB" in str(failure(serve(version, database="nope")))

    def test_comes_back_when_the_key_does(self, bench: Any) -> None:
        bench.emulator.revoke_key()
        failure(bench)
        bench.emulator.api_key = KEY

        assert ask(bench)


class TestServerErrors:
    def test_rights_that_lack(self, serve: Any, version: str) -> None:
        assert isinstance(failure(serve(version, denied={"product.product"})), NoAccess)

    def test_field_that_lacks(self, serve: Any, version: str) -> None:
        bench = serve(version, modules={"sale", "stock"})

        error = failure(bench, bench.rpc.search_read("sale.order", [], ["delivery_status"], limit=1, order="id"))

        assert isinstance(error, FieldMissing)

    def test_model_that_lacks(self, serve: Any, version: str) -> None:
        bench = serve(version, modules=())

        assert isinstance(failure(bench, bench.rpc.fields_get("sale.order", ["name"])), Refused)

    def test_language_that_lacks(self, bench: Any) -> None:
        assert isinstance(failure(bench, lamps(bench.rpc, context={"lang": "it_IT"})), Refused)

    def test_company_that_is_foreign(self, bench: Any) -> None:
        assert isinstance(failure(bench, lamps(bench.rpc, context={"allowed_company_ids": [9]})), NoAccess)

    @pytest.mark.parametrize("value", ["abc", 2**40])
    def test_value_that_postgresql_refuses(self, bench: Any, value: Any) -> None:
        work = bench.rpc.search_read("product.product", [("id", "=", value)], ["id"], limit=1, order="id")

        assert type(failure(bench, work)) is OdooDown

    def test_nul(self, bench: Any) -> None:
        work = bench.rpc.search_read("product.product", [("name", "ilike", "a\0")], ["id"], limit=1, order="id")

        assert type(failure(bench, work)) is OdooDown


class TestConnection:
    @pytest.mark.parametrize(
        "kind",
        [
            FaultKind.STATUS,
            FaultKind.MAINTENANCE,
            FaultKind.RESET,
            FaultKind.TRUNCATED,
            FaultKind.BARE_ERROR,
            FaultKind.LIST,
        ],
    )
    def test_a_passing_failure_is_tried_once_more(self, bench: Any, kind: FaultKind) -> None:
        ask(bench)
        bench.emulator.faults.add(Fault(kind, times=1))

        assert [row["id"] for row in ask(bench)] == [1011, 1012]

    @pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind not in (FaultKind.DELAY, FaultKind.DRIP)])
    def test_a_lasting_failure_is_odoo_down(self, bench: Any, kind: FaultKind) -> None:
        ask(bench)
        bench.emulator.faults.add(Fault(kind))

        assert type(failure(bench)) is OdooDown

    @pytest.mark.parametrize("kind", list(FaultKind))
    def test_a_failure_at_login_is_odoo_down_and_passes(self, serve: Any, kind: FaultKind, version: str) -> None:
        bench = serve(version, timeout_seconds=1)
        bench.emulator.faults.add(Fault(kind, seconds=30, method="login" if version == "18.0" else "context_get"))
        assert isinstance(failure(bench), OdooDown)

        bench.emulator.faults.clear()

        assert ask(bench)

    def test_too_many_calls_says_when_to_come_back_and_is_not_repeated(self, bench: Any) -> None:
        ask(bench)
        bench.emulator.faults.add(Fault(FaultKind.STATUS, times=1, status=429, retry_after="17"))

        assert failure(bench).after_seconds == 17

    @pytest.mark.parametrize("status", [301, 302, 307, 403, 404])
    def test_a_wrong_address_is_said_to_be_one(self, bench: Any, status: int) -> None:
        bench.emulator.faults.add(Fault(FaultKind.STATUS, status=status))

        assert "ODOO_URL" in str(failure(bench))

    def test_nobody_there(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        rpc = OdooClient(OdooSettings(f"http://127.0.0.1:{port}", "db", "user", SecretStr(KEY)))

        with pytest.raises(OdooDown):
            asyncio.run(lamps(rpc))

        rpc.close()


def odoo_threads() -> set[threading.Thread]:
    """The threads of all clients that there are."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("odoo")}


class TestDeadline:
    @pytest.mark.parametrize("kind", [FaultKind.DELAY, FaultKind.DRIP])
    def test_holds_also_where_every_single_read_is_in_time(self, serve: Any, kind: FaultKind, version: str) -> None:
        bench = serve(version, timeout_seconds=1)
        ask(bench)
        bench.emulator.faults.add(Fault(kind, seconds=30))
        start = time.monotonic()

        failure(bench)

        assert time.monotonic() - start < 5

    def test_threads_come_back_from_a_server_that_drips(self, serve: Any, version: str) -> None:
        bench = serve(version, timeout_seconds=1)
        ask(bench)
        bench.emulator.faults.add(Fault(FaultKind.DRIP, seconds=30))

        async def many() -> None:
            await asyncio.gather(*(lamps(bench.rpc) for _ in range(60)), return_exceptions=True)

        asyncio.run(many())
        bench.emulator.faults.clear()

        assert ask(bench), "a new call finds a free thread"

    def test_a_caller_that_goes_away_frees_its_thread(self, serve: Any, version: str) -> None:
        others = set(threading.enumerate())
        bench = serve(version, timeout_seconds=20)
        ask(bench)
        bench.emulator.faults.add(Fault(FaultKind.DELAY, seconds=30))

        async def give_up() -> None:
            await asyncio.wait_for(lamps(bench.rpc), 0.2)

        with pytest.raises(TimeoutError):
            asyncio.run(give_up())

        bench.rpc.close()
        ends = time.monotonic() + 5
        while (left := odoo_threads() - others) and time.monotonic() < ends:
            time.sleep(0.01)
        assert not left

    def test_many_conversations_at_a_time_do_not_wait_for_each_other(self, bench: Any, lena: Any) -> None:
        bench.order("S00042", lena)
        bench.emulator.faults.add(Fault(FaultKind.DELAY, seconds=0.4))

        async def twenty() -> None:
            await asyncio.gather(*(bench.shop.get_order("S00042", identity=lena) for _ in range(20)))

        asyncio.run(twenty())

        assert bench.emulator.busiest >= 20


@pytest.fixture
def debug_everywhere() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, "odoorpc", "odoorpc.rpc", "odoorpc.rpc.jsonrpclib")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def test_the_key_never_reaches_a_log(
    bench: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], debug_everywhere: None
) -> None:
    # As a logging set-up would that turns everything on after the adapter was made.
    for name in (None, "odoorpc", "odoorpc.rpc", "odoorpc.rpc.jsonrpclib"):
        logging.getLogger(name).setLevel(logging.DEBUG)

    ask(bench)
    bench.emulator.revoke_key()
    failure(bench)

    told = caplog.text + "".join(str(record.__dict__) for record in caplog.records) + "".join(capfd.readouterr())
    assert "Odoo call failed" in told
    assert KEY not in told


class TestAddress:
    @pytest.mark.parametrize(
        "url",
        [
            "https://odoo.example/odoo",
            "https://u:p@odoo.example",
            "ftp://odoo.example",
            "odoo.example",
            "https://odoo.example:99999",
            "https://x?db=1",
        ],
    )
    def test_what_odoorpc_cannot_use_stops_the_start(self, url: str) -> None:
        with pytest.raises(SettingsError, match="ODOO_URL"):
            OdooClient(OdooSettings(url, "db", "user", SecretStr(KEY)))

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://odoo.example", Address("odoo.example", 443, tls=True)),
            ("http://localhost:8069/", Address("localhost", 8069, tls=False)),
            ("http://127.0.0.1", Address("127.0.0.1", 80, tls=False)),
            ("https://[::1]:8443", Address("::1", 8443, tls=True)),
        ],
    )
    def test_scheme_and_port_are_taken_from_it(self, url: str, expected: Address) -> None:
        assert Address.of(url) == expected

    def test_a_key_that_travels_in_clear_is_warned_of(self, caplog: pytest.LogCaptureFixture) -> None:
        OdooClient(OdooSettings("http://odoo.internal:8069", "db", "user", SecretStr(KEY))).close()

        assert "not https" in caplog.text


class TestAllowList:
    @pytest.mark.parametrize(
        ("model", "domain", "fields", "limit", "order"),
        [
            ("res.partner.bank", [], ["id"], 1, "id"),
            ("res.users", [], ["id"], 1, "id"),
            ("product.product", [], ["standard_price"], 1, "id"),
            ("product.product", [], [], 1, "id"),
            ("res.partner", [], ["email"], 1, "id"),
            ("sale.order", [], ["note"], 1, "id"),
            ("sale.order", [("partner_id.email", "=", "x")], ["id"], 1, "id"),
            ("sale.order", [("partner_id", "child_of", 1)], ["id"], 1, "id"),
            ("sale.order", [("name", "=ilike", "S%")], ["id"], 1, "id"),
            ("sale.order", ["x"], ["id"], 1, "id"),
            ("sale.order", [], ["id"], 0, "id"),
            ("sale.order", [], ["id"], 100_000, "id"),
            ("sale.order", [], ["id"], 1, "name"),
            ("sale.order", [], ["id"], 1, "id; drop table"),
        ],
    )
    def test_whatever_is_not_listed_is_not_asked(
        self, bench: Any, model: str, domain: Any, fields: Any, limit: int, order: str
    ) -> None:
        with pytest.raises(ValueError):
            asyncio.run(bench.rpc.search_read(model, domain, fields, limit=limit, order=order))

        assert bench.emulator.logins == 0

    def test_there_is_no_way_to_call_another_method(self, bench: Any) -> None:
        assert {name for name in dir(bench.rpc) if not name.startswith("_")} == {
            "search_read",
            "search_count",
            "fields_get",
            "timezone",
            "may",
            "connection",
            "close",
        }
