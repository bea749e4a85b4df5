"""The audit log's writing side: when ``save_turn`` returns, the turn is in PostgreSQL, as a whole, once and sealed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from metta.errors import AuditDown
from metta.messages import ConversationKey, IncomingMessage, Turn
from metta.persistence.batch import Batch, Written, write
from metta.persistence.chain import NO_KEY, ChainKey, Head, in_utc, seal
from metta.persistence.connection import audit_conninfo
from metta.persistence.contents import Mask, Mode, Rows, cleaned, emptied, encrypted, marked, masked
from metta.persistence.heads import Heads, MemoryHeads
from metta.persistence.pool import Connections
from metta.persistence.rows import save_skip_row, save_turn_rows
from metta.persistence.tail import read_tail
from metta.persistence.vault import Vault, encrypting

_TRIES = 10
"""Others may write to the same conversation meanwhile (a skip needs no lease), each a moment."""
_PAUSE_SECONDS = 0.01
"""Before another try, times its number and a random share, so that those who write at once do not meet again."""

log = logging.getLogger(__name__)


class AuditStore:
    """``metta.ports.Audit`` on PostgreSQL through psycopg.

    One statement and one round trip per turn (a new connection costs its handshake besides), beside one read and one
    write of the chain's head. Works through a transaction-mode pooler. Used from one event loop; opens nothing before
    the first save.

    Args:
        url: connection string of the worker's role (``DATABASE_URL``).
        heads: where chains end; in memory when None, which proves nothing after the process has ended.
        keys: of the chain (``AUDIT_KEY``); the first one seals.
        mode: how contents are stored.
        clean: gives a text without card and social security numbers.
        mask: masks personal data in a text, for the masked mode.
        connect_timeout_seconds: bound of one connection attempt; at least 2 seconds take effect.
        statement_timeout_seconds: bound of one statement, on our clock.
        max_connections: open at the same time, per process.

    Raises:
        SettingsError: ``url`` is not a connection string, or contents are to be encrypted without a key.
    """

    def __init__(
        self,
        url: str,
        *,
        heads: Heads | None = None,
        keys: Sequence[ChainKey] = (NO_KEY,),
        mode: Mode = Mode.PLAIN,
        clean: Callable[[str], str] | None = None,
        mask: Mask | None = None,
        connect_timeout_seconds: float = 5,
        statement_timeout_seconds: float = 10,
        max_connections: int = 4,
    ) -> None:
        conninfo = audit_conninfo(url, connect_timeout_seconds=connect_timeout_seconds)
        self._connections = Connections(conninfo, limit=max_connections, seconds=statement_timeout_seconds)
        self._heads = heads or MemoryHeads()
        self._keys = tuple(keys)
        self._clean = clean
        self._mask = mask if mode is Mode.MASKED else None
        self._vault = Vault(self._heads, self._keys) if mode is Mode.ENCRYPTED else None

    async def save_turn(self, turn: Turn) -> None:
        """Write everything about the turn in one transaction; of a turn already written, nothing changes.

        What it holds of a conversation that was erased since it began is not written.

        Raises:
            AuditDown: PostgreSQL or the heads' table cannot be reached or refuses; saving the same turn later is safe.
            ValueError: the turn has no outcome yet.
        """
        batch = Batch()
        save_turn_rows(batch, turn)
        began = min(in_utc(at) for at in (turn.started_at, *(message.created_at for message in turn.messages)))
        names = (turn.contact.name, turn.contact.email or "", turn.contact.phone or "")
        await self._save(turn.key, "turn", turn.id, self._kept(batch, names), began)

    async def save_skip(self, message: IncomingMessage, reason: str) -> None:
        """Record that a customer message was not answered, and why; once per message and reason.

        Raises:
            AuditDown: as ``save_turn``; saving it again later is safe.
        """
        batch = Batch()
        save_skip_row(batch, message, reason)
        names = (message.contact.name, message.contact.email or "", message.contact.phone or "")
        began = in_utc(message.created_at)
        await self._save(message.key, "skip", f"{message.message_id} {reason}", self._kept(batch, names), began)

    def rehearse(self, turn: Turn) -> None:
        """Do everything of saving a turn but the saving: for a process that is to be quick from its first turn on."""
        batch = Batch()
        save_turn_rows(batch, turn)
        rows = marked(self._kept(batch, ()).rows)
        seal(turn.key, "turn", turn.id, after=Head(), with_key=self._keys[0], rows=rows, now=batch.saved_at)

    async def close(self) -> None:
        """Close the connections; a later save opens new ones."""
        await self._connections.close()

    def _kept(self, batch: Batch, names: Sequence[str]) -> Batch:
        """The batch as it may be stored, but for what only the conversation's own item tells."""
        rows = batch.storable()
        if self._clean is not None:
            rows = cleaned(rows, self._clean)
        if self._mask is not None:
            rows = masked(rows, self._mask, names)
        return replace(batch, rows=rows)

    def _looked(self, key: ConversationKey, rows: Rows, began: datetime) -> tuple[Head, Rows]:
        """Where the chain ends, and the rows as the conversation's item wants them now.

        That is without what was erased meanwhile, or encrypted.
        """
        known = self._heads.look(key)
        if known.erased_at is not None and began <= known.erased_at:
            return known.head, emptied(rows)
        if self._vault is None:
            return known.head, marked(rows)
        return known.head, encrypted(rows, encrypting(self._vault.key_of(key, known)))

    async def _save(self, key: ConversationKey, kind: str, subject: str, batch: Batch, began: datetime) -> None:
        """Write the rows as the next entry of the conversation's chain.

        The head outside is behind by an entry when its writer was killed in between, or when someone else writes to the
        conversation meanwhile. Then the number is taken or the rows are there already; the database says where the
        chain ends, and the entries up to there are checked before another one is sealed to them.

        Whoever erases tells the head's item first and takes a number then. So an item that is read before the number
        is tried, and again after each number that was taken, never lets something be written that is erased already.
        """
        head: Head | None = None
        for tried in range(1, _TRIES + 1):
            known_head, rows = await asyncio.to_thread(self._looked, key, batch.rows, began)
            head = head or known_head
            entry = seal(key, kind, subject, after=head, with_key=self._keys[0], rows=rows, now=batch.saved_at)
            written = await self._connections.run(partial(write, rows=rows, entry=entry))
            if written is Written.NEW:
                await asyncio.to_thread(self._heads.advance, key, entry.head)
                return
            found = await self._connections.run(partial(read_tail, key=key, after=head, keys=self._keys))
            if not found.sound:
                # `metta audit verify` names the entry; the record of what happened now is worth more than a stop
                log.error("the audit chain of a conversation is broken", extra={"number": found.broken_at})
            head = found.head
            if written is Written.THERE:
                await asyncio.to_thread(self._heads.advance, key, head)
                return
            await asyncio.sleep(_PAUSE_SECONDS * tried * random.random())  # noqa: S311 - no secret
        raise AuditDown("audit database: others write to the same conversation all the time")
