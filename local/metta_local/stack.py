"""Everything Metta needs, on this machine: what no variable names is started here, what one names is used as it is.

One by one: ``AWS_SQS_QUEUE_URL``, ``DATABASE_URL``, ``CHATWOOT_BASE_URL``, ``ODOO_URL`` and ``OPENAI_API_KEY`` each put
the real thing in the place of an embedded one. Used by ``metta demo``, ``metta up`` and end-to-end tests.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from metta import settings as metta_settings
from metta.bootstrap.migrate import migrate_with
from metta.errors import SettingsError
from metta.settings import Settings
from metta_local import deployed
from metta_local.aws import MiniStack
from metta_local.chatwoot import ChatwootEmulator
from metta_local.model import ModelEmulator
from metta_local.odoo import OdooEmulator
from metta_local.postgres import EmbeddedPostgres
from metta_local.receiver import PATH, WebhookReceiver
from metta_local.serving import LoopbackServer
from metta_local.sqs import sqs_client

_AWS_PASSED_ON = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
)
_REAL_AWS_ONLY = ("AWS_SESSION_TOKEN", "AWS_PROFILE", "METTA_SECRET_ARN")
_MODEL_EXTRAS = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
"""Variables of the model's own library that belong to a real account."""
ACCOUNT_ID = 3
ODOO_VERSION = "18.0"


class LocalStack:
    """The stack, started as far as needed and stopped as a whole; a context manager.

    Args:
        environ: the variables the caller has (``os.environ`` unless given); those of real services are kept.
        directory: where data and logs live; kept afterwards, the database's content with it. None keeps nothing.
        deploy: put the real template onto the embedded AWS, whose event source then runs the function; otherwise
            there are only queue, table and secret, and somebody has to work.
        parameters: of the template, besides those that variables make.
        ports: ports wished for by service (aws, chatwoot, odoo, model); another one where it is taken or not named.
        odoo_version: which release the embedded Odoo is; from 19.0 on it is spoken to by JSON-2.

    Example::

        with LocalStack() as stack:
            settings = load(stack.environment())
    """

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        directory: Path | None = None,
        *,
        deploy: bool = False,
        parameters: Mapping[str, str] | None = None,
        ports: Mapping[str, int] | None = None,
        odoo_version: str = ODOO_VERSION,
    ) -> None:
        given = dict(os.environ if environ is None else environ)
        known = {name.upper() for name in Settings.model_fields} | set(_AWS_PASSED_ON)
        self._given = {name: value for name, value in given.items() if value and name in known}
        self._directory = directory
        self._deploy = deploy
        self._parameters = dict(parameters or {})
        self._ports = dict(ports or {})
        self._odoo_version = odoo_version
        self._closing = ExitStack()
        self._own: dict[str, str] = {}
        self._services: dict[str, dict[str, Any]] = {}
        self.aws: MiniStack | None = None
        """The embedded AWS; None when ``AWS_SQS_QUEUE_URL`` names a real queue."""
        self.chatwoot: ChatwootEmulator | None = None
        """The embedded Chatwoot; None when ``CHATWOOT_BASE_URL`` names a real one."""
        self.odoo: OdooEmulator | None = None
        self.model: ModelEmulator | None = None
        self.embedded_database_url: str | None = None
        """How the worker reaches the embedded PostgreSQL; None when ``DATABASE_URL`` names a real one."""
        self.receiver_url: str | None = None
        """Where Chatwoot's webhooks are to be sent; None when nobody knows their secret."""

    def start(self) -> LocalStack:
        """Start what is not given, wire it together and bring the database to the newest schema.

        Raises:
            SettingsError: a real service is named without the variables that go with it.
            RuntimeError: an embedded service did not start. Nothing is left running then.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop whatever was started, newest first; safe to call twice."""
        self._closing.close()

    def __enter__(self) -> LocalStack:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """All variables that point at this stack: those given for real services and those of embedded ones."""
        return {**self._given, **self._own}

    def settings(self) -> Settings:
        """The same, typed."""
        return metta_settings.load(self.environment())

    def describe(self) -> dict[str, dict[str, Any]]:
        """Per service whether it is emulated, and what stands there; for people and for ``--json``."""
        return {name: dict(facts) for name, facts in self._services.items()}

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Make this process see the stack's variables and no others of the kind; for running the handler in it."""
        before = dict(os.environ)
        dropped = {name.upper() for name in Settings.model_fields} | set(_AWS_PASSED_ON) | set(_MODEL_EXTRAS)
        try:
            for name in dropped:
                os.environ.pop(name, None)
            os.environ.update(self.environment())
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _start(self) -> None:
        home = self._directory
        if home is not None:
            home.mkdir(parents=True, exist_ok=True)
        postgres = None if "DATABASE_URL" in self._given else EmbeddedPostgres(home and home / "postgres")
        if "AWS_SQS_QUEUE_URL" not in self._given:
            self.aws = MiniStack(home and home / "aws", self._port("aws"))
            for name in _REAL_AWS_ONLY:
                self._given.pop(name, None)
        elif "IDEMPOTENCY_TABLE" not in self._given:
            raise SettingsError("not set: IDEMPOTENCY_TABLE (AWS_SQS_QUEUE_URL names a real queue)")
        self._start_together([service for service in (self.aws, postgres) if service is not None])
        self._settle_database(postgres, home)
        self._settle_model()
        self._settle_odoo()
        self._settle_chatwoot()
        self._settle_aws()
        self._settle_receiver()

    def _start_together(self, services: list[Any]) -> None:
        """Start side by side; whatever happens, each is stopped with the stack."""
        for service in services:
            self._closing.callback(service.stop)
        with ThreadPoolExecutor(max_workers=2) as pool:
            for begun in [pool.submit(service.start) for service in services]:
                begun.result()

    def _port(self, service: str) -> int:
        """The port wished for, or 0 for any, when there is no wish or somebody else has it."""
        wished = self._ports.get(service, 0)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wished))
            except OSError:
                return 0
        return wished

    def _serve(self, app: Any, service: str = "") -> str:
        server = LoopbackServer(app, self._port(service))
        self._closing.callback(server.stop)
        return server.start().url

    def _note(self, service: str, emulated: bool, what: str) -> None:
        self._services[service] = {"emulated": emulated, "what": what}

    def _settle_aws(self) -> None:
        if self.aws is None:
            self._note("aws", False, f"the queue {self._given['AWS_SQS_QUEUE_URL']}")
            return
        self._own |= self.aws.environment
        self._own["SQS_WAIT_TIME_SECONDS"] = self._given.get("SQS_WAIT_TIME_SECONDS", "1")
        if self._deploy:
            self._own |= deployed.deploy_onto(self.aws, self.environment(), self._parameters)
        else:
            queue_url, dlq_url = self.aws.create_queues()
            table = self.aws.create_table()
            self.aws.create_secret(deployed.worker_secret(self.environment()))
            self._own |= {"AWS_SQS_QUEUE_URL": queue_url, "AWS_SQS_DLQ_URL": dlq_url, "IDEMPOTENCY_TABLE": table}
        runs = "the deployed template, its function behind its event source" if self._deploy else "queues and table"
        self._note("aws", True, f"MiniStack at {self.aws.url}: {runs}")

    def _settle_database(self, postgres: EmbeddedPostgres | None, home: Path | None) -> None:
        if postgres is not None:
            urls = postgres.start()
            self.embedded_database_url = urls.database_url
            self._own |= {
                "DATABASE_URL": urls.database_url,
                "DATABASE_MIGRATE_URL": urls.migrate_url,
                "DATABASE_ERASE_URL": urls.erase_url,
                "AUDIT_KEY": self._given.get("AUDIT_KEY") or _audit_key(home),
            }
            self._note("database", False, "an embedded PostgreSQL, a real server that ends with this command")
        else:
            self._note("database", False, "PostgreSQL named by DATABASE_URL")
        settings = self.settings()
        if settings.database_migrate_url is not None:
            migrate_with(settings)

    def _settle_model(self) -> None:
        if "OPENAI_API_KEY" in self._given:
            where = self._given.get("OPENAI_BASE_URL", "OpenAI")
            self._note("model", False, f"{where}; it is paid for")
            return
        self.model = ModelEmulator()
        url = self._serve(self.model.app, "model")
        self._own |= {"OPENAI_API_KEY": self.model.api_key, "OPENAI_BASE_URL": f"{url}/v1"}
        self._note("model", True, f"a rule-based offline model behind the Responses API at {url}/v1")

    def _settle_odoo(self) -> None:
        if "ODOO_URL" in self._given:
            self._note("odoo", False, self._given["ODOO_URL"])
            return
        self.odoo = OdooEmulator(self._odoo_version)
        url = self._serve(self.odoo.app, "odoo")
        self._own |= {
            "ODOO_URL": url,
            "ODOO_DB": self.odoo.database,
            "ODOO_USERNAME": self.odoo.username,
            "ODOO_API_KEY": self.odoo.api_key,
        }
        self._note("odoo", True, f"an emulator of Odoo {self._odoo_version} with a small shop at {url}")

    def _settle_chatwoot(self) -> None:
        if "CHATWOOT_BASE_URL" in self._given:
            self._note("chatwoot", False, self._given["CHATWOOT_BASE_URL"])
        else:
            self.chatwoot = ChatwootEmulator()
            if self._directory is not None or {"AWS_SQS_QUEUE_URL", "DATABASE_URL"} & set(self._given):
                # What outlives this stack remembers conversations by id: a second run must not look like the first.
                world = self.chatwoot.world
                world.next_conversation_id = world.next_message_id = int(time.time() * 1000)
            url = self._serve(self.chatwoot.app, "chatwoot")
            self._own |= {
                "CHATWOOT_BASE_URL": url,
                "CHATWOOT_API_KEY": self.chatwoot.bot_token,
                "CHATWOOT_HISTORY_API_KEY": self.chatwoot.agent_token,
                "CHATWOOT_ADMIN_API_KEY": self.chatwoot.user_token,
                "CHATWOOT_ACCOUNT_ID": str(ACCOUNT_ID),
                "CHATWOOT_WEBHOOK_SECRET": self.chatwoot.webhook_secret,
            }
            self._note("chatwoot", True, f"an emulator of Chatwoot's API and webhooks at {url}")

    def _settle_receiver(self) -> None:
        settings = self.settings()
        webhook_secrets = [secret.get_secret_value() for secret in settings.webhook_secrets]
        if not webhook_secrets:
            return
        sqs = self.aws.client("sqs") if self.aws is not None else sqs_client(settings)
        self.receiver_url = self._serve(WebhookReceiver(sqs, settings.queue.queue_url, webhook_secrets).app) + PATH
        if self.chatwoot is not None:
            self.chatwoot.webhook_url = self.receiver_url
            self._closing.callback(self.chatwoot.stop)


def _audit_key(home: Path | None) -> str:
    """The key of the embedded database's audit chain; kept with it, or the chain could not be verified later."""
    key = secrets.token_urlsafe(32)
    if home is None:
        return key
    path = home / "audit.key"
    if not path.exists():
        unfinished = path.with_suffix(".new")  # a start that is killed here must not leave an empty key
        unfinished.touch(mode=0o600)
        unfinished.write_text(key, encoding="ascii")
        unfinished.rename(path)
    return path.read_text(encoding="ascii")
