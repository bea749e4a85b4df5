"""The tables of the audit log with their columns and types, for whoever writes, reads or digests rows."""

from __future__ import annotations

from functools import cache

COLUMNS = {
    "turns": """
        id text, account_id bigint, conversation_id bigint, inbox_id bigint, channel text, contact_id bigint,
        phase text, outcome text, reason text, attempt bigint, language text,
        identity_level text, identity_email text, identity_phone text, identity_partner_id bigint,
        history_complete boolean, delivery_unknown boolean, covered bigint[], reply text,
        model text, prompt_version text, guardrail_version text, model_call_count bigint, tool_call_count bigint,
        input_tokens bigint, cached_tokens bigint, output_tokens bigint, reasoning_tokens bigint, cost_usd numeric,
        started_at timestamptz, finished_at timestamptz, latency_ms double precision, waited_ms double precision,
        escaped boolean, saved_at timestamptz""",
    "skips": """
        account_id bigint, message_id bigint, reason text, conversation_id bigint, inbox_id bigint, channel text,
        contact_id bigint, content_type text, text text, attachments jsonb, created_at timestamptz, escaped boolean,
        saved_at timestamptz""",
    "conversations": """
        turn_id text, observed_at timestamptz, saved_at timestamptz, account_id bigint, conversation_id bigint,
        inbox_id bigint, channel text,
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
    "entries": """
        account_id bigint, conversation_id bigint, number bigint, kind text, subject text, facts jsonb, digests jsonb,
        salt bytea, key_id text, mac bytea, written_at timestamptz""",
}
"""Table -> columns and types, as the migrations have them."""


@cache
def columns(table: str) -> dict[str, str]:
    """Column -> type, in the order in which the store fills them."""
    pairs = (column.split(maxsplit=1) for column in COLUMNS[table].split(","))
    return {name: kind.strip() for name, kind in pairs}
