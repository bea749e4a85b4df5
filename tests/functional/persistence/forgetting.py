"""For tests that forget: turns with words that stand nowhere else, a look for them, and a hand that kills."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from functional.persistence.samples import full_turn, message
from metta.messages import Contact, ConversationKey, IncomingMessage, Turn
from metta.persistence.chain import ChainKey, chain_keys
from metta.persistence.columns import COLUMNS
from metta.persistence.heads import Heads, MemoryHeads
from metta.persistence.store import AuditStore
from metta.persistence.verify import Verified, verify_conversation
from metta_local.postgres import PostgresUrls

KEYS = chain_keys("a key of the audit chain")
WORDS = (
    "Quendolin",
    "quendolin@privat.example",
    "+4915799887766",
    "kundennummer-qx77",
    "zebrafarbenes",
    "Sofakissenbezug",
)
_numbers = itertools.count(300_000)


class Killed(Exception):
    """The process ends here."""


class KilledAt:
    """A connection whose process is killed at its statement of some number."""

    def __init__(self, connection: psycopg.Connection[Any], statements: int) -> None:
        self._connection = connection
        self._left = statements

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, *arguments: Any, **named: Any) -> Any:
        if self._left == 0:
            self._connection.close()
            raise Killed
        self._left -= 1
        return self._connection.execute(*arguments, **named)


class KilledBeforeHead(MemoryHeads):
    """Heads that a process does not come to moving on."""

    def __init__(self, of: MemoryHeads) -> None:
        super().__init__()
        self.heads, self.wrapped, self.erased = of.heads, of.wrapped, of.erased

    def advance(self, key: ConversationKey, head: Any) -> None:
        raise Killed


def told_turn(key: ConversationKey, contact_id: int = 7, **fields: Any) -> Turn:
    """A turn that has the words in every column of contents that takes text."""
    said = " ".join(WORDS)
    contact = Contact(id=contact_id, name=WORDS[0], email=WORDS[1], phone=WORDS[2], identifier=WORDS[3])
    turn = full_turn(key)
    attachments = tuple(
        one.model_copy(update={"name": said, "transcript": said}) for one in turn.messages[0].attachments
    )
    words = {"text": said, "contact": contact, "contact_source_id": said, "attachments": attachments}
    calls = [
        one.model_copy(update={"arguments": {"q": said}, "result": {said: [said]}}) for one in turn.work.tool_calls
    ]
    return turn.model_copy(
        update={
            "contact": contact,
            "identity": turn.identity.model_copy(update={"email": WORDS[1], "phone": WORDS[2]}),
            "messages": tuple(one.model_copy(update=words) for one in turn.messages),
            "input_verdict": turn.input_verdict and turn.input_verdict.model_copy(update={"text": said}),
            "output_verdict": turn.output_verdict and turn.output_verdict.model_copy(update={"text": said}),
            "work": turn.work.model_copy(update={"tool_calls": calls}),
            "reply": said,
            "sent": tuple(one.model_copy(update={"text": said}) for one in turn.sent),
            **fields,
        }
    )


def told_message(key: ConversationKey, contact_id: int = 7, **fields: Any) -> IncomingMessage:
    """A message that is skipped, with the words."""
    contact = Contact(id=contact_id, name=WORDS[0], email=WORDS[1])
    words = {"text": " ".join(WORDS), "contact": contact, "created_at": full_turn().started_at}
    return message(key, next(_numbers), **(words | fields))


def write(
    urls: PostgresUrls,
    heads: Heads,
    *work: Callable[[AuditStore], Awaitable[object]],
    keys: tuple[ChainKey, ...] = KEYS,
    **options: Any,
) -> None:
    """Have the worker's store do one thing after the other."""

    async def run() -> None:
        store = AuditStore(urls.database_url, heads=heads, keys=keys, **options)
        try:
            for one in work:
                await one(store)
        finally:
            await store.close()

    asyncio.run(run())


def verified(urls: PostgresUrls, key: ConversationKey, heads: Heads, now: datetime | None = None) -> Verified:
    with psycopg.connect(urls.database_url) as connection:
        return verify_conversation(connection, key, KEYS, heads.get(key), now)


def found_in_database(urls: PostgresUrls, words: tuple[str, ...] = WORDS) -> list[str]:
    """Tables whose rows have one of the words in any column."""
    found = []
    with psycopg.connect(urls.migrate_url) as connection:
        for table in (*COLUMNS, "migrations"):
            rows = connection.execute(
                sql.SQL("SELECT count(*) FROM {} AS one WHERE one::text LIKE ANY(%s)").format(
                    sql.Identifier("metta", table)
                ),
                [[f"%{word}%" for word in words]],
            ).fetchone()
            if rows and rows[0]:
                found.append(table)
    return found
