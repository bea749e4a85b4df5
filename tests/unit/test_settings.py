"""Variables: missing and malformed ones are named, secrets never shown, the environment wins over the secret."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from metta.bootstrap.worker import build_worker
from metta.errors import SettingsError
from metta.settings import SECRET_NAMES, Settings, load

CHATWOOT = {"CHATWOOT_BASE_URL": "https://chat.example/", "CHATWOOT_API_KEY": "token", "CHATWOOT_ACCOUNT_ID": "3"}


def test_defaults_are_those_of_the_design() -> None:
    settings = load({})
    assert (settings.worker_enabled, settings.sqs_max_messages, settings.sqs_wait_time_seconds) == (True, 10, 20)
    assert (settings.sqs_visibility_timeout, settings.shutdown_timeout_seconds) == (30, 30)
    assert (settings.metta_max_attempts, settings.sqs_max_receive_count) == (5, 30)
    assert (settings.burst_quiet_seconds, settings.burst_max_seconds) == (3, 20)
    assert (settings.chatwoot_answer_when, settings.chatwoot_send_as) == ("pending", "reply")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SQS_MAX_MESSAGES", "11"),
        ("SQS_MAX_MESSAGES", "ten"),
        ("SQS_WAIT_TIME_SECONDS", "-1"),
        ("WORKER_ENABLED", "maybe"),
        ("CHATWOOT_BASE_URL", "chat.example"),
        ("CHATWOOT_ACCOUNT_ID", "0"),
        ("CHATWOOT_INBOX_IDS", "11,twelve"),
        ("CHATWOOT_ANSWER_WHEN", "always"),
        ("LOG_LEVEL", "LOUD"),
        ("BURST_QUIET_SECONDS", "nan"),
    ],
)
def test_a_malformed_variable_is_named_and_its_value_is_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as error:
        load({name: value})
    assert name in str(error.value)
    assert f"'{value}'" not in str(error.value)


def test_of_an_address_without_its_scheme_it_is_said_what_one_looks_like() -> None:
    with pytest.raises(SettingsError, match="CHATWOOT_BASE_URL: should be a whole URL, such as https://"):
        load({"CHATWOOT_BASE_URL": "chat.shop.example"})


def test_all_malformed_variables_are_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"SQS_MAX_MESSAGES.*SQS_WAIT_TIME_SECONDS"):
        load({"SQS_MAX_MESSAGES": "0", "SQS_WAIT_TIME_SECONDS": "21"})


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load({"CHATWOOT_INBOX_IDS": "", "OPENAI_BASE_URL": ""}).openai_base_url is None


def test_a_view_names_what_is_missing() -> None:
    with pytest.raises(SettingsError, match="not set: CHATWOOT_API_KEY, CHATWOOT_ACCOUNT_ID"):
        _ = load({"CHATWOOT_BASE_URL": "https://chat.example"}).chatwoot


def test_a_worker_without_variables_names_all_of_them() -> None:
    with pytest.raises(SettingsError) as error:
        build_worker(load(CHATWOOT))
    for name in ("ODOO_URL", "ODOO_API_KEY", "OPENAI_API_KEY", "IDEMPOTENCY_TABLE", "DATABASE_URL"):
        assert name in str(error.value)
    assert "CHATWOOT" not in str(error.value)


def test_views_are_normalised() -> None:
    chatwoot = load(CHATWOOT | {"CHATWOOT_INBOX_IDS": " 11, 12 ,"}).chatwoot
    assert (chatwoot.base_url, chatwoot.inbox_ids) == ("https://chat.example", frozenset({11, 12}))


def test_no_secret_is_shown_when_settings_are_printed() -> None:
    shown = repr(load({name: f"very-secret-{name}" for name in SECRET_NAMES}))
    assert "very-secret" not in shown


def test_the_environment_wins_over_the_secret_and_the_secret_fills_the_rest() -> None:
    held = {"OPENAI_API_KEY": "from secret", "ODOO_API_KEY": "from secret", "UNKNOWN": 1}
    settings = load({"METTA_SECRET_ARN": "arn", "OPENAI_API_KEY": "from environment"}, lambda _: held)
    assert settings.openai_api_key is not None
    assert settings.odoo_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "from environment"
    assert settings.odoo_api_key.get_secret_value() == "from secret"


@pytest.mark.parametrize(
    ("content", "problem"), [("{", "not JSON"), ("[1]", "not a JSON object"), (None, "cannot be read")]
)
def test_a_secret_that_is_wrong_is_named_by_its_variable(content: str | None, problem: str) -> None:
    with mock_aws():
        client: Any = boto3.client("secretsmanager", region_name="us-east-1")
        name = f"metta-{problem.replace(' ', '-')}"
        if content is not None:
            client.create_secret(Name=name, SecretString=content)
        with pytest.raises(SettingsError, match=f"METTA_SECRET_ARN: the secret.*{problem}"):
            load({"METTA_SECRET_ARN": name})


def test_a_secret_is_read_from_secrets_manager() -> None:
    with mock_aws():
        client: Any = boto3.client("secretsmanager", region_name="us-east-1")
        client.create_secret(Name="metta-good", SecretString=json.dumps({"CHATWOOT_API_KEY": "token"}))
        settings = load({"METTA_SECRET_ARN": "metta-good"})
    assert settings.chatwoot_api_key is not None
    assert settings.chatwoot_api_key.get_secret_value() == "token"


def test_every_variable_has_a_description() -> None:
    assert all(field.description for field in Settings.model_fields.values())
