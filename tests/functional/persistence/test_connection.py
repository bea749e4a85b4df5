"""A connection string from Neon's console works as it is, and verifies the server where it says so."""

from __future__ import annotations

from pathlib import Path

import certifi
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from metta.errors import SettingsError
from metta.persistence.connection import audit_conninfo, audit_down, role_of

NEON = "postgresql://worker:p%40ss@ep-x-pooler.eu-central-1.aws.neon.tech/metta"


def settings_of(url: str, **bounds: float) -> dict[str, object]:
    return dict(conninfo_to_dict(audit_conninfo(url, **bounds)))  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
def test_a_verified_connection_gets_a_ca_file_that_exists(mode: str) -> None:
    settings = settings_of(f"{NEON}?sslmode={mode}&channel_binding=require")

    assert settings["sslrootcert"] == certifi.where()
    assert Path(certifi.where()).is_file()
    assert (settings["sslmode"], settings["channel_binding"]) == (mode, "require")


def test_the_system_ca_store_which_psycopgs_wheel_cannot_find_is_replaced() -> None:
    settings = settings_of(f"{NEON}?sslrootcert=system")

    assert (settings["sslmode"], settings["sslrootcert"]) == ("verify-full", certifi.where())


def test_an_operators_own_ca_and_timeout_stay() -> None:
    settings = settings_of(f"{NEON}?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=9")

    assert (settings["sslrootcert"], settings["connect_timeout"]) == ("/ca.pem", "9")


def test_an_unverified_connection_is_left_as_it_is() -> None:
    settings = settings_of(f"{NEON}?sslmode=require", connect_timeout_seconds=7)

    assert "sslrootcert" not in settings
    assert settings["connect_timeout"] == "7"
    assert settings["password"] == "p@ss"


def test_nothing_is_sent_at_start_up_that_a_transaction_pooler_refuses() -> None:
    assert "options" not in settings_of(NEON)


def test_the_role_of_a_url_is_known_for_grants() -> None:
    assert role_of(NEON) == "worker"
    assert role_of("host=localhost dbname=metta") is None
    with pytest.raises(SettingsError, match="DATABASE_ERASE_URL"):
        role_of("postgresq://worker:topsecret@host/db", variable="DATABASE_ERASE_URL")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (psycopg.errors.DiskFull(), "run out of disk"),
        (psycopg.errors.QueryCanceled(), "broke off"),
        (psycopg.OperationalError("FATAL: certificate verify failed for topsecret"), "certificate was not accepted"),
        (psycopg.OperationalError('could not translate host name "topsecret"'), "host name is unknown"),
        (psycopg.OperationalError("consuming input failed: topsecret"), "connection was lost"),
        (OSError(104, "topsecret"), "connection was lost"),
    ],
)
def test_the_cause_is_said_in_words_without_the_servers_text(error: psycopg.Error | OSError, said: str) -> None:
    text = str(audit_down(error))

    assert said in text
    assert "topsecret" not in text
