"""The rows of one transaction and the one statement that writes them.

All rows travel as one JSON parameter to one ``WITH ... INSERT`` statement: one round trip, one implicit transaction,
nothing to prepare and no state left in the session, so any pooler in between will do. The first table's insert decides:
if its row is there already, no other row is written, so a turn is stored once and as a whole however often it is saved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from psycopg import AsyncConnection

from metta.persistence.text import storable_json

COLUMNS = {
    "turns": """
        id text, account_id bigint, conversation_id bigint, inbox_id bigint, channel text, contact_id bigint,
        phase text, outcome text, reason text, attempt bigint, language text,
        identity_level text, identity_email text, identity_phone text, identity_partner_id bigint,
        history_complete boolean, delivery_unknown boolean, covered bigint[], reply text,
        model text, prompt_version text, guardrail_version text, model_call_count bigint, tool_call_count bigint,
        input_tokens bigint, cached_tokens bigint, output_tokens bigint, reasoning_tokens bigint, cost_usd numeric,
        started_at timestamptz, finished_at timestamptz, latency_ms double precision, waited_ms double precision,
        escaped boolean""",
    "skips": """
        account_id bigint, message_id bigint, reason text, conversation_id bigint, inbox_id bigint, channel text,
        contact_id bigint, content_type text, text text, attachments jsonb, created_at timestamptz, escaped boolean""",
    "conversations": """
        turn_id text, observed_at timestamptz, account_id bigint, conversation_id bigint, inbox_id bigint, channel text,
        contact_id bigint, contact_name text, contact_email text, contact_phone text, contact_identifier text,
        contact_blocked boolean""",
    "incoming_messages": """
        turn_id text, ordinal integer, message_id bigint, content_type text, text text, attachments jsonb,
        contact_source_id text, hmac_verified boolean, language_hint text, created_at timestamptz""",
    "outgoing_messages": """
        turn_id text, ordinal integer, kind text, part integer, message_id bigint, private boolean, text text""",
    "verdicts": """
        turn_id text, ordinal integer, direction text, action text, reason text, version text, text text""",
    "findings": """
        turn_id text, verdict_ordinal integer, ordinal integer, check_name text, kind text,
        span_start bigint, span_end bigint, score double precision""",
    "tool_calls": """
        turn_id text, ordinal integer, name text, arguments jsonb, result jsonb, result_digest text, ok boolean,
        error text, started_at timestamptz, duration_ms double precision""",
    "model_calls": """
        turn_id text, ordinal integer, model text, input_tokens bigint, cached_tokens bigint, output_tokens bigint,
        reasoning_tokens bigint, cost_usd numeric, error text, started_at timestamptz, duration_ms double precision""",
    "timings": "turn_id text, ordinal integer, step text, started_at timestamptz, duration_ms double precision",
    "handoff_steps": "turn_id text, ordinal integer, step text",
}
"""Table -> columns and types, as the migrations have them; columns left out here have a default."""

_CHANGED = """
    NOT EXISTS (
        SELECT FROM (
            SELECT {names} FROM metta.conversations AS earlier
            WHERE earlier.account_id = given.account_id AND earlier.conversation_id = given.conversation_id
            AND earlier.observed_at <= given.observed_at
            ORDER BY earlier.observed_at DESC LIMIT 1
        ) AS latest
        WHERE ({latest}) IS NOT DISTINCT FROM ({given})
    )"""
"""True for a conversation that looks different from how it was last seen."""


@dataclass
class Batch:
    """Rows waiting to be written together. The table of the first row is the one that decides."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Table -> rows, in the order in which they were added."""

    def add(self, table: str, **row: Any) -> None:
        """Add one row; a column that is not given becomes NULL."""
        self.rows.setdefault(table, []).append(row)

    def statement(self) -> tuple[bytes, str]:
        """The statement and its one parameter, the rows as JSON."""
        text, escaped = storable_json(self.rows)
        if escaped:
            for row in (*self.rows.get("turns", ()), *self.rows.get("skips", ())):
                row["escaped"] = True
            text, _ = storable_json(self.rows)
        return _statement(tuple(self.rows)), text

    async def write(self, connection: AsyncConnection[Any]) -> bool:
        """Write all rows in one round trip.

        Returns:
            False when the deciding row was there already and nothing was written.
        """
        statement, rows = self.statement()
        cursor = await connection.execute(statement, [rows])
        written = await cursor.fetchone()
        return written is not None and bool(written[0])


def column_names(table: str) -> list[str]:
    """The columns that the store fills, in order."""
    return [column.split()[0] for column in COLUMNS[table].split(",")]


@cache
def _statement(tables: tuple[str, ...]) -> bytes:
    """The statement for these tables; made of the constants above alone, never of data."""
    first, *others = tables
    parts = [
        "rows AS MATERIALIZED (SELECT %s::jsonb AS tables)",
        _insert(first, "true ON CONFLICT DO NOTHING RETURNING 1"),
    ]
    for table in others:
        condition = f"EXISTS (SELECT FROM written_{first})"
        if table == "conversations":
            condition += f" AND {_changed()}"
        parts.append(_insert(table, condition))
    return f"WITH {', '.join(parts)} SELECT count(*) > 0 FROM written_{first}".encode()  # noqa: S608


def _insert(table: str, condition: str) -> str:
    names = ", ".join(column_names(table))
    return (
        f"written_{table} AS (INSERT INTO metta.{table} ({names}) SELECT {names} "  # noqa: S608
        f"FROM rows, jsonb_to_recordset(rows.tables -> '{table}') AS given ({COLUMNS[table]}) WHERE {condition})"
    )


def _changed() -> str:
    names = column_names("conversations")[2:]  # who saw it and when make no version
    both = {side: ", ".join(f"{side}.{name}" for name in names) for side in ("latest", "given")}
    return _CHANGED.format(names=", ".join(names), **both)
