"""Every environment variable, typed and checked at start; nothing else in Metta reads the environment.

``load()`` reads all of them (and the Secrets Manager secret, where one is named). What a command or function cannot
do without it asks for through the views ``queue``, ``chatwoot``, ``odoo``, ``model``, ``state`` and ``database``:
they raise ``SettingsError`` naming every variable that is missing. Values never appear in messages.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from metta.errors import SettingsError

SECRET_NAMES = (
    "OPENAI_API_KEY",
    "CHATWOOT_API_KEY",
    "CHATWOOT_HISTORY_API_KEY",
    "CHATWOOT_ADMIN_API_KEY",
    "CHATWOOT_WEBHOOK_SECRET",
    "CHATWOOT_WEBHOOK_SECRET_PREVIOUS",
    "ODOO_API_KEY",
    "DATABASE_URL",
    "DATABASE_MIGRATE_URL",
    "DATABASE_ERASE_URL",
    "AUDIT_KEY",
)
"""The variables that are secrets: masked wherever settings are shown, and the ones a secret usually holds."""


@dataclass(frozen=True)
class QueueSettings:
    """Where messages come from."""

    queue_url: str
    dlq_url: str | None


@dataclass(frozen=True)
class StateSettings:
    """The DynamoDB table of idempotency and turn state."""

    table: str


@dataclass(frozen=True)
class ChatwootSettings:
    """Access to Chatwoot and what is answered there."""

    base_url: str
    api_key: SecretStr
    history_api_key: SecretStr | None
    account_id: int
    inbox_ids: frozenset[int]
    """Empty means all inboxes of the account."""
    answer_when: Literal["pending", "unassigned"]
    send_as: Literal["reply", "note"]
    handoff_team_id: int | None


@dataclass(frozen=True)
class OdooSettings:
    """Access to Odoo."""

    url: str
    database: str
    username: str
    api_key: SecretStr


@dataclass(frozen=True)
class ModelSettings:
    """Access to the model."""

    api_key: SecretStr
    base_url: str | None
    model: str


class Settings(BaseSettings):
    """All variables under their public names in lower case. An empty string counts as not set."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    metta_secret_arn: str | None = Field(None, description="Secrets Manager secret: JSON with the same names")

    worker_enabled: bool = Field(True, description="Event source on/off; `metta worker` refuses to start when false")
    aws_sqs_queue_url: str | None = Field(None, description="Queue that Chatwoot's webhooks arrive on")
    aws_sqs_dlq_url: str | None = Field(None, description="Dead-letter queue")
    aws_endpoint_url: str | None = Field(None, description="Endpoint override for local AWS")
    sqs_max_messages: int = Field(10, ge=1, le=10, description="Messages per poll of `metta worker`")
    sqs_wait_time_seconds: int = Field(20, ge=0, le=20, description="Long-poll wait of `metta worker`, seconds")
    sqs_visibility_timeout: int = Field(
        30, ge=1, le=43200, description="Visibility that `metta worker` asks for and extends, seconds"
    )
    shutdown_timeout_seconds: int = Field(30, ge=1, description="Graceful stop of `metta worker`, seconds")
    metta_max_attempts: int = Field(5, ge=1, le=100, description="Real tries of a turn before a person takes over")
    sqs_max_receive_count: int = Field(30, ge=1, le=1000, description="Receives before the dead-letter queue")
    burst_quiet_seconds: float = Field(3, ge=0, le=60, description="Quiet window that lets a burst come together")
    burst_max_seconds: float = Field(20, ge=0, le=600, description="Cap of the quiet window; starvation bound")
    idempotency_table: str | None = Field(None, description="DynamoDB table for idempotency and turn state")

    openai_api_key: SecretStr | None = Field(None, description="Key of the model's API")
    openai_base_url: AnyHttpUrl | None = Field(None, description="Other endpoint that speaks the Responses API")
    openai_model: str = Field("gpt-5.6-luna", description="Model that answers")

    chatwoot_base_url: AnyHttpUrl | None = Field(None, description="Chatwoot installation")
    chatwoot_api_key: SecretStr | None = Field(None, description="Token that sends (AgentBot recommended, or user)")
    chatwoot_history_api_key: SecretStr | None = Field(None, description="Optional user token that may list messages")
    chatwoot_admin_api_key: SecretStr | None = Field(
        None, description="Administrator's token, for `metta doctor` alone"
    )
    chatwoot_account_id: int | None = Field(None, ge=1, description="Account that Metta answers for")
    chatwoot_inbox_ids: Annotated[frozenset[int], NoDecode] = Field(
        frozenset(), description="Inboxes that Metta answers for, comma-separated (all of the account)"
    )
    chatwoot_webhook_secret: SecretStr | None = Field(None, description="Secret of the webhook signature")
    chatwoot_webhook_secret_previous: SecretStr | None = Field(None, description="Earlier secret, while it is rotated")
    chatwoot_answer_when: Literal["pending", "unassigned"] = Field(
        "pending", description="`unassigned` also answers open conversations with no human and no takeover"
    )
    chatwoot_send_as: Literal["reply", "note"] = Field("reply", description="`note`: shadow mode, drafts as notes")
    chatwoot_handoff_team_id: int | None = Field(None, ge=1, description="Team that hand-offs go to")

    odoo_url: AnyHttpUrl | None = Field(None, description="Odoo server")
    odoo_db: str | None = Field(None, description="Odoo database")
    odoo_username: str | None = Field(None, description="Odoo user of the bot")
    odoo_api_key: SecretStr | None = Field(None, description="API key of that user")

    database_url: SecretStr | None = Field(None, description="PostgreSQL, the worker's role (insert, select)")
    database_migrate_url: SecretStr | None = Field(None, description="PostgreSQL, the schema's owner")
    database_erase_url: SecretStr | None = Field(None, description="PostgreSQL, the role that erases")
    audit_key: SecretStr | None = Field(None, description="Key of the audit chain")

    metta_policy: str | None = Field(None, description="Path of the policy file (packaged default)")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field("INFO", description="Log level")
    metta_tracing: Literal["xray", "otel", "off"] | None = Field(
        None, description="Traces: `xray`, `otel` or `off` (xray in Lambda, off elsewhere)"
    )
    powertools_service_name: str = Field("metta", description="Service name on logs, metrics and traces")
    powertools_metrics_namespace: str = Field("Metta", description="CloudWatch namespace of the metrics")

    @field_validator("chatwoot_inbox_ids", mode="before")
    @classmethod
    def _split_ids(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from ``load()`` alone, which has merged environment and secret."""
        return (init_settings,)

    def _need(self, **fields: object) -> None:
        missing = [name.upper() for name, value in fields.items() if value is None]
        if missing:
            raise SettingsError(f"not set: {', '.join(missing)}")

    @property
    def queue(self) -> QueueSettings:
        """The queue; raises ``SettingsError`` when unnamed."""
        self._need(aws_sqs_queue_url=self.aws_sqs_queue_url)
        return QueueSettings(str(self.aws_sqs_queue_url), self.aws_sqs_dlq_url)

    @property
    def state(self) -> StateSettings:
        """The table; raises ``SettingsError`` when unnamed."""
        self._need(idempotency_table=self.idempotency_table)
        return StateSettings(str(self.idempotency_table))

    @property
    def chatwoot(self) -> ChatwootSettings:
        """Chatwoot; raises ``SettingsError`` naming what is missing."""
        base_url, api_key, account_id = self.chatwoot_base_url, self.chatwoot_api_key, self.chatwoot_account_id
        self._need(chatwoot_base_url=base_url, chatwoot_api_key=api_key, chatwoot_account_id=account_id)
        assert api_key is not None  # noqa: S101 - for the type checker
        assert account_id is not None  # noqa: S101 - for the type checker
        return ChatwootSettings(
            base_url=str(base_url).rstrip("/"),
            api_key=api_key,
            history_api_key=self.chatwoot_history_api_key,
            account_id=account_id,
            inbox_ids=self.chatwoot_inbox_ids,
            answer_when=self.chatwoot_answer_when,
            send_as=self.chatwoot_send_as,
            handoff_team_id=self.chatwoot_handoff_team_id,
        )

    @property
    def odoo(self) -> OdooSettings:
        """Odoo; raises ``SettingsError`` naming what is missing."""
        url, database, username, api_key = self.odoo_url, self.odoo_db, self.odoo_username, self.odoo_api_key
        self._need(odoo_url=url, odoo_db=database, odoo_username=username, odoo_api_key=api_key)
        assert api_key is not None  # noqa: S101 - for the type checker
        return OdooSettings(str(url).rstrip("/"), str(database), str(username), api_key)

    @property
    def model(self) -> ModelSettings:
        """The model; raises ``SettingsError`` when its key is missing."""
        self._need(openai_api_key=self.openai_api_key)
        assert self.openai_api_key is not None  # noqa: S101 - for the type checker
        base_url = str(self.openai_base_url).rstrip("/") if self.openai_base_url else None
        return ModelSettings(self.openai_api_key, base_url, self.openai_model)

    @property
    def database(self) -> SecretStr:
        """Connection string of the worker's role; raises ``SettingsError`` when missing."""
        self._need(database_url=self.database_url)
        assert self.database_url is not None  # noqa: S101 - for the type checker
        return self.database_url

    @property
    def webhook_secrets(self) -> tuple[SecretStr, ...]:
        """Secrets a webhook signature may be made with, current one first; empty when none is set."""
        both = (self.chatwoot_webhook_secret, self.chatwoot_webhook_secret_previous)
        return tuple(secret for secret in both if secret is not None)

    @property
    def receiver(self) -> tuple[SecretStr, ...]:
        """``webhook_secrets`` of a receiver, which takes nothing unsigned; raises ``SettingsError`` without one."""
        self._need(chatwoot_webhook_secret=self.chatwoot_webhook_secret)
        return self.webhook_secrets


def fetch_secret(arn: str, *, max_age: int = 300, get: Callable[..., Any] | None = None) -> Mapping[str, Any]:
    """The JSON object that the Secrets Manager secret holds, through Powertools' cached parameters.

    Args:
        arn: of the secret.
        max_age: seconds for which it is then kept; with 0 it is not, and this call and the next read it again.
        get: reads it, as Powertools' ``get_secret`` does, which it is unless given.

    Raises:
        SettingsError: the secret cannot be read or is not a JSON object.
    """
    from aws_lambda_powertools.utilities import parameters  # costs a boto3 client; only where used

    try:
        value = (get or parameters.get_secret)(arn, max_age=max_age, force_fetch=not max_age)
        secret = json.loads(value)
    except ValueError as error:
        raise SettingsError("METTA_SECRET_ARN: the secret is not JSON") from error
    except Exception as error:
        raise SettingsError(f"METTA_SECRET_ARN: the secret cannot be read ({type(error).__name__})") from error
    if not isinstance(secret, dict):
        raise SettingsError("METTA_SECRET_ARN: the secret is not a JSON object")
    return secret


def _said(error: ErrorDetails) -> str:
    """What is wrong with a variable; of an address also what one looks like."""
    if error["type"] == "url_parsing":
        return "should be a whole URL, such as https://chat.example.com"
    return error["msg"]


def load(
    environ: Mapping[str, str] | None = None, secret: Callable[[str], Mapping[str, Any]] = fetch_secret
) -> Settings:
    """Read and check all variables; the environment wins over the secret.

    Args:
        environ: ``os.environ`` unless a test gives another.
        secret: reads the secret behind ``METTA_SECRET_ARN``.

    Raises:
        SettingsError: a variable is malformed; the text names each one and what it should be.
    """
    given = {name.lower(): value for name, value in (os.environ if environ is None else environ).items() if value}
    values: dict[str, Any] = {}
    if arn := given.get("metta_secret_arn"):
        values.update({name.lower(): value for name, value in secret(arn).items() if value not in (None, "")})
    values.update(given)
    known = {name: value for name, value in values.items() if name in Settings.model_fields}
    try:
        return Settings(**known)
    except ValidationError as error:
        problems = (f"{'.'.join(str(p) for p in e['loc'][:1]).upper()}: {_said(e)}" for e in error.errors())
        raise SettingsError("; ".join(sorted(set(problems)))) from None
