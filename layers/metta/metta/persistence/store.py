"""The audit log's writing side: when ``save_turn`` returns, the turn is in PostgreSQL, as a whole, once and sealed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from functools import partial

from metta.errors import AuditDown
from metta.messages import ConversationKey, IncomingMessage, Turn
from metta.persistence.batch import Batch, Written
from metta.persistence.chain import NO_KEY, ChainKey, seal
from metta.persistence.connection import audit_conninfo
from metta.persistence.heads import Heads, MemoryHeads
from metta.persistence.pool import Connections
from metta.persistence.rows import save_skip_row, save_turn_rows
from metta.persistence.tail import read_tail

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
        connect_timeout_seconds: bound of one connection attempt; at least 2 seconds take effect.
        statement_timeout_seconds: bound of one statement, on our clock.
        max_connections: open at the same time, per process.

    Raises:
        SettingsError: ``url`` is not a connection string.
    """

    def __init__(
        self,
        url: str,
        *,
        heads: Heads | None = None,
        keys: Sequence[ChainKey] = (NO_KEY,),
        connect_timeout_seconds: float = 5,
        statement_timeout_seconds: float = 10,
        max_connections: int = 4,
    ) -> None:
        conninfo = audit_conninfo(url, connect_timeout_seconds=connect_timeout_seconds)
        self._connections = Connections(conninfo, limit=max_connections, seconds=statement_timeout_seconds)
        self._heads = heads or MemoryHeads()
        self._keys = tuple(keys)

    async def save_turn(self, turn: Turn) -> None:
        """Write everything about the turn in one transaction; of a turn already written, nothing changes.

        Raises:
            AuditDown: PostgreSQL or the heads' table cannot be reached or refuses; saving the same turn later is safe.
            ValueError: the turn has no outcome yet.
        """
        batch = Batch()
        save_turn_rows(batch, turn)
        await self._save(turn.key, "turn", turn.id, batch)

    async def save_skip(self, message: IncomingMessage, reason: str) -> None:
        """Record that a customer message was not answered, and why; once per message and reason.

        Raises:
            AuditDown: as ``save_turn``; saving it again later is safe.
        """
        batch = Batch()
        save_skip_row(batch, message, reason)
        await self._save(message.key, "skip", f"{message.message_id} {reason}", batch)

    async def close(self) -> None:
        """Close the connections; a later save opens new ones."""
        await self._connections.close()

    async def _save(self, key: ConversationKey, kind: str, subject: str, batch: Batch) -> None:
        """Write the rows as the next entry of the conversation's chain.

        The head outside is behind by an entry when its writer was killed in between, or when someone else writes to the
        conversation meanwhile. Then the number is taken or the rows are there already; the database says where the
        chain ends, and the entries up to there are checked before another one is sealed to them.
        """
        head = await asyncio.to_thread(self._heads.get, key)
        rows = batch.storable()
        for tried in range(1, _TRIES + 1):
            entry = seal(key, kind, subject, after=head, with_key=self._keys[0], rows=rows, now=batch.saved_at)
            written = await self._connections.run(partial(batch.write, entry=entry))
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
