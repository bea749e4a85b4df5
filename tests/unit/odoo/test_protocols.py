"""Which protocol is spoken with which Odoo, and what happens when the server changes while the process lives."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr

from metta.errors import OdooDown
from metta.integrations.odoo import OdooClient
from metta.integrations.odoo.port import KeyRefused
from metta.messages import Identity
from metta.settings import OdooSettings
from metta_local.odoo import Fault, FaultKind, errors
from metta_local.odoo.json2 import Json2


def spoken(bench: Any) -> set[str]:
    """The protocols of all ORM calls so far."""
    return {call.protocol for call in bench.emulator.calls}


def connection(bench: Any) -> tuple[str, str]:
    version, protocol = asyncio.run(bench.rpc.connection())
    return version.name, protocol


@pytest.mark.parametrize(
    ("version", "protocol"),
    [
        ("15.0", "jsonrpc"),
        ("16.0", "jsonrpc"),
        ("17.0", "jsonrpc"),
        ("18.0", "jsonrpc"),
        ("saas~18.2", "jsonrpc"),
        ("19.0", "json2"),
        ("19.0+e", "json2"),
        ("saas~19.1", "json2"),
    ],
)
def test_json2_from_19_on_and_rpc_before(serve: Any, lena: Identity, version: str, protocol: str) -> None:
    bench = serve(version)

    assert bench.order("S00042", lena)["total"] == "93.89 EUR"
    assert spoken(bench) == {protocol}
    assert connection(bench) == (version, protocol)


@pytest.mark.parametrize("version", ["18.0", "19.0"])
def test_the_version_is_asked_once_per_process(serve: Any, lena: Identity, version: str) -> None:
    bench = serve(version)
    bench.order("S00042", lena)

    for _ in range(3):
        bench.order("S00042", lena)

    assert [path for _, path in bench.switch.requests].count("/web/webclient/version_info") == 1


def test_an_odoo_without_rpc_is_read_by_json2(serve: Any, lena: Identity) -> None:
    assert serve("19.0", rpc=False).order("S00042", lena)["found"] is True


def test_a_password_in_place_of_a_key_still_works_where_rpc_does(
    serve: Any, lena: Identity, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def keys_only(*_: Any) -> None:
        raise errors.http_error("Unauthorized", "Invalid apikey")

    monkeypatch.setattr(Json2, "_check_key", keys_only)
    bench = serve("19.0")

    assert bench.order("S00042", lena)["found"] is True
    assert spoken(bench) == {"jsonrpc"}
    assert "JSON-2" in caplog.text


def test_without_json2_behind_a_proxy_rpc_is_spoken(serve: Any, lena: Identity) -> None:
    bench = serve("19.0")
    hide(bench, "/json/2")

    assert bench.order("S00042", lena)["found"] is True
    assert spoken(bench) == {"jsonrpc"}


def test_a_server_that_hides_its_version_is_spoken_to_by_rpc(serve: Any, lena: Identity) -> None:
    bench = serve("19.0")
    hide(bench, "/web/")

    assert bench.order("S00042", lena)["found"] is True
    assert connection(bench) == ("unknown", "jsonrpc")


def test_the_other_version_endpoint_helps_when_one_is_gone(serve: Any, lena: Identity) -> None:
    bench = serve("19.0", rpc=False)
    hide(bench, "/web/webclient")

    assert bench.order("S00042", lena)["found"] is True
    assert connection(bench) == ("19.0", "json2")


def test_nothing_of_odoos_behind_the_address_names_both_variables(serve: Any) -> None:
    bench = serve("19.0")
    hide(bench, "/")

    with pytest.raises(OdooDown, match=r"ODOO_URL.*ODOO_DB"):
        connection(bench)


@pytest.mark.parametrize("rpc", [True, False])
def test_a_revoked_key_is_named_whatever_is_spoken(serve: Any, rpc: bool) -> None:
    bench = serve("19.0", rpc=rpc)
    connection(bench)
    bench.emulator.revoke_key()

    with pytest.raises(KeyRefused, match="ODOO_API_KEY"):
        asyncio.run(bench.rpc.search_read("res.lang", [], ["code"], limit=1, order="id"))


def test_a_wrong_database_is_named_whatever_is_spoken(serve: Any) -> None:
    for rpc in (True, False):
        with pytest.raises(OdooDown, match="ODOO_DB"):
            connection(serve("19.0", database="nope", rpc=rpc))


@pytest.mark.parametrize("key", ["emulated-odoo-key\n", "schlüssel-ß", "snow-\u2603"])
def test_a_key_that_no_header_can_carry_is_a_refused_key(serve: Any, key: str) -> None:
    bench = serve("19.0", rpc=False)
    settings = bench.rpc._settings
    client = OdooClient(OdooSettings(settings.url, settings.database, settings.username, SecretStr(key)))

    with pytest.raises(KeyRefused, match="ODOO_API_KEY"):
        asyncio.run(client.connection())

    client.close()


def test_what_prints_connections_for_everybody_does_not_print_the_key(
    serve: Any, lena: Identity, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 1)
    for version in ("18.0", "19.0"):
        serve(version).order("S00042", lena)

    assert "emulated-odoo-key" not in "".join(capsys.readouterr())


def test_an_upgrade_while_the_process_lives_changes_the_protocol(serve: Any, lena: Identity) -> None:
    bench = serve("18.0")
    bench.order("S00042", lena)
    newer = serve("19.0", rpc=False).emulator  # answers at the same address from now on

    assert bench.order("S00042", lena)["found"] is True
    assert {call.protocol for call in newer.calls} == {"json2"}


def test_trouble_while_the_version_is_asked_does_not_settle_the_protocol(serve: Any, lena: Identity) -> None:
    bench = serve("19.0")
    hide(bench, "/", status=503)
    with pytest.raises(OdooDown):
        connection(bench)

    show(bench)

    assert connection(bench) == ("19.0", "json2")


class TestConnections:
    @pytest.mark.parametrize("version", ["15.0", "18.0", "19.0"])
    def test_are_kept_from_call_to_call(self, serve: Any, lena: Identity, version: str) -> None:
        bench = serve(version)

        for _ in range(6):
            bench.order("S00042", lena)

        assert len(bench.emulator.calls) > 24
        assert bench.emulator.connections <= 3, "as many as are asked together"

    def test_of_a_rush_all_are_kept_for_the_next(self, serve: Any, lena: Identity) -> None:
        bench = serve("19.0")
        bench.order("S00042", lena)
        bench.emulator.faults.add(Fault(FaultKind.DELAY, seconds=0.3))

        async def rush() -> None:
            await asyncio.gather(*(bench.shop.get_order("S00042", identity=lena) for _ in range(20)))

        for _ in range(3):
            asyncio.run(rush())

        assert bench.emulator.connections <= 60, "twenty times the three questions that are asked together"

    def test_those_that_nobody_needs_any_more_are_closed(self, serve: Any, lena: Identity) -> None:
        bench = serve("19.0")
        bench.order("S00042", lena)
        for idle in bench.rpc._wire._idle[:-1]:
            idle.since -= 3600

        asyncio.run(bench.rpc.search_count("sale.order", []))

        assert len(bench.rpc._wire._idle) == 1

    @pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.TRUNCATED])
    def test_a_broken_one_is_not_kept(self, serve: Any, lena: Identity, kind: FaultKind) -> None:
        bench = serve("19.0")
        bench.order("S00042", lena)
        bench.emulator.faults.add(Fault(kind, times=1))

        assert bench.order("S00042", lena)["found"] is True

    def test_one_that_the_server_closed_meanwhile_costs_no_retry(
        self, serve: Any, lena: Identity, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench = serve("19.0")
        bench.order("S00042", lena)
        for idle in bench.rpc._wire._idle:
            idle.connection.sock.shutdown(2)  # as seen from here when the server has gone away

        assert bench.order("S00042", lena)["found"] is True
        assert "Odoo call failed" not in caplog.text

    def test_an_answer_without_end_is_given_up(
        self, serve: Any, lena: Identity, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench = serve("19.0")
        bench.order("S00042", lena)
        monkeypatch.setattr("metta.integrations.odoo.transport.MAX_ANSWER_BYTES", 500)

        with pytest.raises(OdooDown, match="makes no sense"):
            bench.order("S00042", lena)

        monkeypatch.undo()
        assert bench.order("S00042", lena)["found"] is True, "what was left unread is not taken for the next answer"

    @pytest.mark.parametrize("version", ["18.0", "19.0"])
    def test_an_answer_cut_short_is_not_taken_for_a_whole_one(self, serve: Any, version: str) -> None:
        # "12" of "123": JSON in itself, so only its length says that something is missing.
        bench = serve(version)
        connection(bench)
        inner, cut = bench.emulator.app, []

        async def cutting(scope: Any, receive: Any, send: Any) -> None:
            async def shorter(message: Any) -> None:
                if message["type"] == "http.response.start":
                    headers = [(name, value) for name, value in message["headers"] if name != b"content-length"]
                    await send({**message, "headers": [*headers, (b"content-length", b"100")]})
                    return
                cut.append(message["body"])
                await send({**message, "body": b"12", "more_body": True})
                scope["metta.transport"].close()

            await inner(scope, receive, shorter)

        bench.switch.app = cutting
        with pytest.raises(OdooDown):
            asyncio.run(bench.rpc.search_count("sale.order", []))

        assert len(cut) == 2, "tried once more"

    def test_an_old_one_is_not_trusted(self, serve: Any, lena: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
        bench = serve("19.0")
        bench.order("S00042", lena)
        opened = bench.emulator.connections
        monkeypatch.setattr("metta.integrations.odoo.transport.KEPT_SECONDS", -1.0)

        bench.order("S00042", lena)

        assert bench.emulator.connections > opened


class TestPace:
    def test_calls_go_one_by_one_and_apart(self, serve: Any, lena: Identity) -> None:
        bench = serve(calls_per_second=20)
        bench.order("S00042", lena)
        bench.emulator.busiest = 0
        bench.switch.requests.clear()

        async def several() -> None:
            await asyncio.gather(*(bench.shop.get_order("S00042", identity=lena) for _ in range(3)))

        asyncio.run(several())

        assert bench.emulator.busiest == 1
        times = [began for began, _ in bench.switch.requests]
        assert len(times) == 12
        assert times[-1] - times[0] > 10 * 0.05, "eleven steps, one of which a busy machine may swallow"

    def test_waiting_does_not_count_against_the_deadline(self, serve: Any, lena: Identity) -> None:
        bench = serve(calls_per_second=4, timeout_seconds=1)

        async def several() -> list[Any]:
            return await asyncio.gather(*(bench.shop.get_order("S00042", identity=lena) for _ in range(3)))

        assert all(order.found for order in asyncio.run(several())), "eighteen calls need more than four seconds"

    def test_who_waits_for_the_login_waits_for_its_pace(self, serve: Any, lena: Identity) -> None:
        bench = serve("19.0", calls_per_second=1, timeout_seconds=0.9)

        async def several() -> list[Any]:
            return await asyncio.gather(*(bench.rpc.search_count("sale.order", []) for _ in range(3)))

        assert len(set(asyncio.run(several()))) == 1

    def test_a_crowd_is_sent_away_and_told_when_to_come_back(self, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        bench = serve(calls_per_second=2)
        connection(bench)
        monkeypatch.setattr("metta.integrations.odoo.pace.LONGEST_WAIT_SECONDS", 1.0)

        async def crowd() -> list[Any]:
            ask = bench.rpc.search_count
            return await asyncio.gather(*(ask("sale.order", []) for _ in range(6)), return_exceptions=True)

        told = asyncio.run(crowd())

        refused = [error for error in told if isinstance(error, OdooDown)]
        assert 0 < len(refused) < 6
        assert all(error.after_seconds and error.after_seconds > 1 for error in refused)

    def test_who_goes_away_leaves_the_queue(self, serve: Any) -> None:
        bench = serve(calls_per_second=2)
        connection(bench)

        async def impatient() -> int:
            ask = bench.rpc.search_count
            waiting = [asyncio.create_task(ask("sale.order", [])) for _ in range(20)]
            await asyncio.sleep(0.05)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            return int(await ask("sale.order", []))

        assert asyncio.run(impatient()) > 0
        assert len([call for call in bench.emulator.calls if call.method == "search_count"]) < 5


def hide(bench: Any, prefix: str, status: int = 404) -> None:
    """Let a proxy stand before the emulator that does not pass on paths of this beginning."""
    inner = bench.emulator.app

    async def proxy(scope: Any, receive: Any, send: Any) -> None:
        if not scope["path"].startswith(prefix):
            await inner(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    bench.switch.app = proxy


def show(bench: Any) -> None:
    """Take the proxy away."""
    bench.switch.app = bench.emulator.app
