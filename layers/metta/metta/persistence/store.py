"""The audit log's writing side: when ``save_turn`` returns, the turn is in PostgreSQL, as a whole and once."""

from __future__ import annotations

from metta.messages import IncomingMessage, Turn
from metta.persistence.batch import Batch
from metta.persistence.connection import audit_conninfo
from metta.persistence.pool import Connections
from metta.persistence.rows import save_skip_row, save_turn_rows


class AuditStore:
    """``metta.ports.Audit`` on PostgreSQL through psycopg.

    One statement and one round trip per turn (a new connection costs its handshake besides). Works through a
    transaction-mode pooler. Used from one event loop; opens nothing before the first save.

    Args:
        url: connection string of the worker's role (``DATABASE_URL``).
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
        connect_timeout_seconds: float = 5,
        statement_timeout_seconds: float = 10,
        max_connections: int = 4,
    ) -> None:
        conninfo = audit_conninfo(url, connect_timeout_seconds=connect_timeout_seconds)
        self._connections = Connections(conninfo, limit=max_connections, seconds=statement_timeout_seconds)

    async def save_turn(self, turn: Turn) -> None:
        """Write everything about the turn in one transaction; of a turn already written, nothing changes.

        Raises:
            AuditDown: PostgreSQL cannot be reached or refuses; saving the same turn later is safe.
            ValueError: the turn has no outcome yet.
        """
        batch = Batch()
        save_turn_rows(batch, turn)
        await self._connections.run(batch.write)

    async def save_skip(self, message: IncomingMessage, reason: str) -> None:
        """Record that a customer message was not answered, and why; once per message and reason.

        Raises:
            AuditDown: PostgreSQL cannot be reached or refuses; saving it again later is safe.
        """
        batch = Batch()
        save_skip_row(batch, message, reason)
        await self._connections.run(batch.write)

    async def close(self) -> None:
        """Close the connections; a later save opens new ones."""
        await self._connections.close()
