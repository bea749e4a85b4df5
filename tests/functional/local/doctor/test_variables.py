"""Variables: each that is missing or malformed is named, and no value is shown."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from metta.errors import SettingsError
from metta_local.doctor import Status, variables

from .conftest import Doctor

NEEDED = {
    "AWS_SQS_QUEUE_URL": "http://localhost/q",
    "IDEMPOTENCY_TABLE": "t",
    "CHATWOOT_BASE_URL": "https://chat.example",
    "CHATWOOT_API_KEY": "k1",
    "CHATWOOT_ACCOUNT_ID": "3",
    "ODOO_URL": "https://odoo.example",
    "ODOO_DB": "acme",
    "ODOO_USERNAME": "bot",
    "ODOO_API_KEY": "k2",
    "OPENAI_API_KEY": "k3",
    "DATABASE_URL": "postgresql://x",
}
WHOLE = NEEDED | {"AUDIT_KEY": "a" * 32}


def told(environ: Mapping[str, str], area: str, **kwargs: Any) -> tuple[str, str]:
    """Status and finding of the area's last check."""
    found = variables.check(variables.take(environ, **kwargs), area)[-1]
    return found.status.value, found.found


@pytest.mark.parametrize("area", variables.AREAS)
def test_all_is_set(area: str) -> None:
    assert told(WHOLE, area)[0] == "ok"


@pytest.mark.parametrize("missing", NEEDED)
def test_a_missing_one_is_named_and_only_its_area_fails(missing: str) -> None:
    environ = {name: value for name, value in WHOLE.items() if name != missing}

    results = {area: told(environ, area) for area in variables.AREAS}

    assert [area for area, (status, _) in results.items() if status == "fail"] == [variables.area_of(missing)]
    assert missing in results[variables.area_of(missing)][1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ODOO_URL", "odoo dot example"),
        ("CHATWOOT_ACCOUNT_ID", "three-hundred"),
        ("SQS_MAX_MESSAGES", "999"),
        ("LOG_LEVEL", "LOUD-4711"),
    ],
)
def test_a_malformed_one_is_named_without_its_value_and_the_others_are_still_read(name: str, value: str) -> None:
    environ = WHOLE | {name: value}

    status, found = told(environ, variables.area_of(name))

    assert status == "fail"
    assert name in found
    assert value not in found
    other = "model" if variables.area_of(name) != "model" else "odoo"
    assert told(environ, other)[0] == "ok"


@pytest.mark.parametrize(
    ("given", "lost"),
    [
        ({}, "nobody can prove it"),
        ({"AUDIT_KEY": ","}, "nobody can prove it"),
        ({"AUDIT_KEY": f"{'a' * 32},old"}, "guessed"),
    ],
)
def test_an_audit_log_that_proves_nothing_is_a_warning_that_says_what_is_lost(given: dict[str, str], lost: str) -> None:
    status, found = told(NEEDED | given, "database")

    assert (status, lost in found) == ("warn", True), found


def test_a_blank_that_a_paste_left_behind() -> None:
    status, found = told(WHOLE | {"ODOO_API_KEY": "k2\n"}, "odoo")

    assert (status, "ODOO_API_KEY" in found) == ("warn", True)


def test_a_variable_that_is_set_to_nothing_is_missing() -> None:
    assert told(WHOLE | {"ODOO_DB": ""}, "odoo") == ("fail", "not set: ODOO_DB")


class TestSecret:
    def test_values_come_from_it(self) -> None:
        environ = {name: value for name, value in WHOLE.items() if name != "ODOO_API_KEY"} | {"METTA_SECRET_ARN": "a"}

        assert told(environ, "odoo", secret=lambda _arn: {"ODOO_API_KEY": "k"})[0] == "ok"

    def test_one_that_cannot_be_read_fails_by_its_name(self) -> None:
        def denied(_arn: str) -> Mapping[str, Any]:
            raise SettingsError("METTA_SECRET_ARN: the secret cannot be read (GetParameterError)")

        checks = variables.check(variables.take({"METTA_SECRET_ARN": "a"}, denied), "settings")

        assert checks[0].name == "settings.secret"
        assert checks[0].status is Status.FAIL

    def test_one_that_takes_for_ever_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(variables, "SECRET_SECONDS", 0.05)
        ends = threading.Event()

        def slow(_arn: str) -> Mapping[str, Any]:
            ends.wait(20)
            return {}

        taken = variables.take({"METTA_SECRET_ARN": "a"}, slow)
        ends.set()

        assert "no answer" in taken.secret_problem


def test_odoo_is_not_asked_with_variables_that_cannot_do(doctor: Doctor) -> None:
    report = doctor(ODOO_API_KEY=None)

    assert report.code == 1
    assert report.found["odoo.variables"] == "not set: ODOO_API_KEY"
    assert report.statuses["odoo.connection"] == "skip"


def test_a_malformed_policy_is_told_and_the_rest_goes_on(doctor: Doctor, tmp_path: Any) -> None:
    policy = tmp_path / "broken.yaml"
    policy.write_text("limits: {odoo_seconds: soon}\n", encoding="utf-8")

    report = doctor(only="settings", METTA_POLICY=str(policy))

    assert report.code == 1
    assert "odoo_seconds" in report.found["settings.policy"]
