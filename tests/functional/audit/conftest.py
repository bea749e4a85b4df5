"""A log that Metta wrote, with its heads in an embedded DynamoDB, and ``metta audit`` on it as a user runs it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functional.local.processes import Done, metta
from functional.persistence.conftest import new_database as new_database
from functional.persistence.conftest import server as server
from functional.persistence.conftest import urls as urls
from metta.messages import ConversationKey, IncomingMessage, Turn
from metta.persistence.chain import chain_keys
from metta.persistence.contents import Mode
from metta.persistence.heads import DynamoHeads
from metta.persistence.store import AuditStore
from metta_local.aws import MiniStack
from metta_local.postgres import PostgresUrls

KEY = "a key of the audit chain"
_tables = itertools.count(1)


@dataclass(frozen=True)
class Log:
    """A database and a table of heads, and how they are reached."""

    urls: PostgresUrls
    variables: dict[str, str]
    dynamodb: Any
    table: str

    def write(
        self, *things: Turn | tuple[IncomingMessage, str], key: str | None = KEY, mode: Mode = Mode.PLAIN
    ) -> None:
        """Save turns and skips as the worker does."""

        async def run() -> None:
            heads = DynamoHeads(self.dynamodb, self.table)
            store = AuditStore(self.urls.database_url, heads=heads, keys=chain_keys(key), mode=mode)
            for thing in things:
                if isinstance(thing, Turn):
                    await store.save_turn(thing)
                else:
                    await store.save_skip(*thing)
            await store.close()

        asyncio.run(run())

    def audit(self, *arguments: str, without: Sequence[str] = (), **more: str) -> Done:
        """Run ``metta audit``."""
        given = {name: value for name, value in (self.variables | more).items() if name not in without}
        return metta("audit", *arguments, **given)

    def head_of(self, key: ConversationKey) -> int:
        """Number of the conversation's newest entry, as kept outside."""
        return DynamoHeads(self.dynamodb, self.table).get(key).number


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    directory: Path = tmp_path_factory.mktemp("aws")
    with MiniStack(directory) as running:
        yield running


def log_on(urls: PostgresUrls, aws: MiniStack, table: str) -> Log:
    name = aws.create_table(table)
    variables = {
        **aws.environment,
        "DATABASE_URL": urls.database_url,
        "AUDIT_KEY": KEY,
        "IDEMPOTENCY_TABLE": name,
        "CHATWOOT_ACCOUNT_ID": "3",
    }
    return Log(urls, variables, aws.client("dynamodb"), name)


@pytest.fixture(scope="session")
def log(urls: PostgresUrls, aws: MiniStack) -> Log:
    """One that tests share: each uses conversations of its own."""
    return log_on(urls, aws, "audit-shared")


@pytest.fixture
def own_log(new_database: Any, aws: MiniStack) -> Log:
    """One of the test's own."""
    return log_on(new_database(migrated=True), aws, f"audit-{next(_tables)}")
