"""From the address to the login: what is wrong is said in one line, and nothing of the server's words with it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, RedirectResponse

from metta_local import cli
from metta_local.odoo import Fault, FaultKind, OdooEmulator

from .conftest import VERSIONS, Doctor

LEAKS = ("Traceback", "db.internal", "10.0.3.17", "psycopg2", "SELECT", "/opt/odoo", "odoo.exceptions", "groups:")


def page(status: int) -> Any:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await HTMLResponse("<html><body>Welcome to our shop</body></html>", status)(scope, receive, send)

    return answer


@pytest.mark.parametrize(("version", "protocol"), [*((v, "JSON-RPC") for v in VERSIONS[:4]), ("19.0", "JSON-2")])
def test_a_sound_odoo_is_told_with_its_version_and_protocol(doctor: Doctor, version: str, protocol: str) -> None:
    report = doctor(OdooEmulator(version))

    assert report.code == 0
    assert report.found["odoo.connection"] == f"Odoo {version}, {protocol}"
    assert report.statuses["odoo.login"] == "ok"
    assert "fail" not in report.statuses.values()


def test_nothing_is_changed_and_nothing_is_asked_beside_the_list(doctor: Doctor) -> None:
    emulator = OdooEmulator()

    doctor(emulator)

    assert {call.method for call in emulator.calls} <= {
        "search_read",
        "search_count",
        "fields_get",
        "has_access",
        "context_get",
    }
    assert not any("standard_price" in str(call) for call in emulator.calls if call.method != "fields_get")


@pytest.mark.parametrize("version", ["15.0", "18.0", "19.0"])
class TestLogin:
    def test_a_wrong_key_fails_and_is_not_shown(self, doctor: Doctor, version: str) -> None:
        report = doctor(OdooEmulator(version), ODOO_API_KEY="sk-mistyped-4711")

        assert report.code == 1
        assert report.statuses["odoo.login"] == "fail"
        assert "ODOO_API_KEY" in report.found["odoo.login"]
        assert "expired" in report.fixes["odoo.login"]
        assert "4711" not in report.text

    def test_a_revoked_key_fails(self, doctor: Doctor, version: str) -> None:
        emulator = OdooEmulator(version)
        key = emulator.api_key
        emulator.revoke_key()

        assert doctor(emulator, ODOO_API_KEY=key).statuses["odoo.login"] == "fail"

    def test_a_wrong_user_fails_whatever_is_spoken(self, doctor: Doctor, version: str) -> None:
        # JSON-2 lets in whoever has the key and never looks at the name.
        report = doctor(OdooEmulator(version), ODOO_USERNAME="nobody@acme.example")

        assert report.code == 1
        assert report.statuses["odoo.login"] == "fail"
        assert "ODOO_USERNAME" in report.found["odoo.login"]

    def test_a_wrong_database_names_the_variable(self, doctor: Doctor, version: str) -> None:
        report = doctor(OdooEmulator(version), ODOO_DB="acme-old")

        assert report.code == 1
        assert "ODOO_DB" in report.found["odoo.connection"]
        assert "acme-old" not in report.text
        assert not any(leak in report.text for leak in LEAKS)


class TestAddress:
    @pytest.mark.parametrize("status", [200, 404, 403])
    def test_a_page_that_is_no_odoo(self, doctor: Doctor, served: Callable[[Any], str], status: int) -> None:
        report = doctor(ODOO_URL=served(page(status)))

        assert report.code == 1
        assert report.bad() == {"odoo.connection"}
        assert "Welcome" not in report.text

    def test_a_redirect_is_not_followed(self, doctor: Doctor, served: Callable[[Any], str]) -> None:
        app = Starlette()

        async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
            await RedirectResponse("http://evil.example/")(scope, receive, send)

        app.mount("/", elsewhere)

        assert doctor(ODOO_URL=served(app)).statuses["odoo.connection"] == "fail"

    def test_nobody_there(self, doctor: Doctor) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]

        report = doctor(ODOO_URL=f"http://127.0.0.1:{port}")

        assert report.code == 1
        assert report.bad() == {"odoo.connection"}
        assert report.fixes["odoo.connection"]

    def test_more_than_an_address(self, doctor: Doctor) -> None:
        report = doctor(ODOO_URL="https://odoo.example/odoo")

        assert report.code == 1
        assert "ODOO_URL" in report.found["odoo.address"]

    def test_a_key_that_would_travel_in_clear(self, doctor: Doctor) -> None:
        report = doctor(ODOO_URL="http://127.0.0.2:9")  # not this machine's usual name, so it counts as another's

        assert report.statuses["odoo.tls"] == "warn"
        assert "https" in report.fixes["odoo.tls"]


class TestTrouble:
    @pytest.mark.parametrize("version", ["18.0", "19.0"])
    @pytest.mark.parametrize("kind", list(FaultKind))
    def test_a_server_in_trouble_is_one_clear_line(self, doctor: Doctor, version: str, kind: FaultKind) -> None:
        emulator = OdooEmulator(version)
        emulator.faults.add(Fault(kind, seconds=30, status=503))

        report = doctor(emulator)

        assert report.code == 1
        if (version, kind) != ("19.0", FaultKind.LIST):  # over JSON-2 a list is an answer like any other
            assert report.bad() == {"odoo.connection"}
        assert not any("\n" in found for found in report.found.values())
        assert not any(leak in report.text for leak in LEAKS)

    def test_a_server_that_goes_away_half_way(self, doctor: Doctor) -> None:
        emulator = OdooEmulator()
        emulator.faults.add(Fault(FaultKind.RESET, model="sale.order"))
        emulator.faults.add(Fault(FaultKind.RESET, model="stock.picking"))
        emulator.faults.add(Fault(FaultKind.RESET, model="sale.order.line"))

        report = doctor(emulator)

        assert report.code == 1
        assert report.statuses["odoo.products"] == "ok"
        assert report.statuses["odoo.orders"] == "fail"
        assert report.statuses["odoo.key"] == "skip", "after three failures no more is asked"

    def test_a_failure_of_one_model_does_not_hide_the_rest(self, doctor: Doctor) -> None:
        emulator = OdooEmulator()
        emulator.faults.add(Fault(FaultKind.STATUS, model="sale.order.line"))

        report = doctor(emulator)

        assert report.statuses["odoo.order_lines"] == "fail"
        assert report.statuses["odoo.administrator"] == "ok"

    def test_a_server_that_says_nothing_is_not_waited_for_as_long_as_a_turn_would(
        self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr("metta_local.doctor.odoo_checks.SILENT_SECONDS", 0.5)
        patient = tmp_path / "patient.yaml"
        patient.write_text("limits: {odoo_seconds: 5}\n", encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"

            report = doctor(ODOO_URL=url, METTA_POLICY=str(patient))

        assert report.found["odoo.connection"] == "no answer within 0.5 s"
        assert report.bad() == {"odoo.connection"}

    def test_all_questions_together_have_an_end(self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("metta_local.doctor.odoo_checks.TOTAL_SECONDS", 0.5)
        emulator = OdooEmulator()
        emulator.faults.add(Fault(FaultKind.DELAY, seconds=0.3))

        report = doctor(emulator)

        assert report.statuses["odoo.time"] == "fail"


class TestRelease:
    def test_one_that_metta_is_not_built_for(self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("metta_local.doctor.odoo_checks.TESTED", range(15, 18))

        assert doctor().statuses["odoo.connection"] == "warn"

    def test_json_2_that_is_hidden_is_warned_of(self, doctor: Doctor) -> None:
        emulator = OdooEmulator("19.0")
        emulator.app.router.routes[:] = [
            route for route in emulator.app.routes if not getattr(route, "path", "").startswith("/json/2")
        ]

        report = doctor(emulator)

        assert report.code == 0
        assert report.statuses["odoo.connection"] == "warn"
        assert "JSON-2" in report.found["odoo.connection"]


def test_the_pace_of_odoo_online_is_kept(doctor: Doctor, tmp_path: Path) -> None:
    emulator = OdooEmulator()
    emulator.faults.add(Fault(FaultKind.DELAY, seconds=0.05, method="has_access"))
    policy = tmp_path / "paced.yaml"
    policy.write_text("odoo: {calls_per_second: 100}\n", encoding="utf-8")

    report = doctor(emulator, METTA_POLICY=str(policy))

    assert report.code == 0
    assert emulator.busiest == 1


def test_the_table_tells_people_what_to_do(
    served: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator = OdooEmulator()
    for name, value in {
        "ODOO_URL": served(emulator.app),
        "ODOO_DB": emulator.database,
        "ODOO_USERNAME": emulator.username,
        "ODOO_API_KEY": "wrong-key",
    }.items():
        monkeypatch.setenv(name, value)

    code = cli.main(["doctor", "--only", "odoo"])

    shown = capsys.readouterr().out
    assert code == 1
    assert "\nodoo\n" in f"\n{shown}"
    assert "fail  login" in shown
    assert "-> check ODOO_USERNAME and ODOO_API_KEY" in shown
    assert shown.endswith(" ok, 0 warnings, 1 failure\n")
    assert "wrong-key" not in shown


def test_an_area_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--only", "kitchen"]) == 1
    assert "odoo" in capsys.readouterr().err
