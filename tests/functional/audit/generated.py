"""Very many turns in no time, put into the database beside the chain: for plans, counts and memory."""

from __future__ import annotations

import psycopg

from functional.persistence.conftest import Server
from metta_local.postgres import PostgresUrls

_TURNS = """
    INSERT INTO metta.turns (id, account_id, conversation_id, inbox_id, channel, contact_id, phase, outcome, reason,
        attempt, language, identity_level, history_complete, delivery_unknown, covered, reply, model, prompt_version,
        guardrail_version, model_call_count, tool_call_count, input_tokens, cached_tokens, output_tokens,
        reasoning_tokens, cost_usd, started_at, finished_at, latency_ms, waited_ms, escaped)
    SELECT 't-' || n, 3, 1 + n / 2, 11, 'Channel::WebWidget', 1 + n / 4, 'sent',
        CASE n %% 10 WHEN 0 THEN 'handed_off' WHEN 1 THEN 'dropped' ELSE 'answered' END,
        CASE n %% 10 WHEN 0 THEN 'human_request' WHEN 1 THEN 'overtaken' ELSE '' END,
        1, 'en', 'anonymous', true, false, ARRAY[n::bigint], 'reply ' || n, 'model-1', 'prompt-1', 'rules-1', 1, 1,
        900, 100, 50, 5, 0.0004, at, at + interval '2 seconds', 1000 + n %% 100, 3000 + n %% 100, false
    FROM (SELECT n, timestamptz '2026-01-01 00:00+00' + (n * (%(days)s / %(turns)s::float)) * interval '1 day' AS at
          FROM generate_series(0, %(turns)s - 1) AS n) AS numbers"""
_REST = """
    INSERT INTO metta.incoming_messages (turn_id, ordinal, message_id, content_type, text, attachments,
        contact_source_id, hmac_verified, created_at)
    SELECT id, 0, covered[1], 'text', 'where is my order?', '[]', 'source', false, started_at FROM metta.turns;
    INSERT INTO metta.outgoing_messages (turn_id, ordinal, kind, part, message_id, private, text)
    SELECT id, 0, 'reply', 0, covered[1] + 1, false, reply FROM metta.turns;
    INSERT INTO metta.conversations (turn_id, account_id, conversation_id, observed_at, inbox_id, channel, contact_id,
        contact_name, contact_blocked)
    SELECT id, account_id, conversation_id, started_at, inbox_id, channel, contact_id, 'name', false FROM metta.turns;
    INSERT INTO metta.verdicts (turn_id, ordinal, direction, action, reason, version, text)
    SELECT id, 0, 'input', 'allow', '', 'rules-1', repeat('where is my order? ', 20) FROM metta.turns;
    INSERT INTO metta.findings (turn_id, verdict_ordinal, ordinal, check_name, kind, span_start, span_end, score)
    SELECT id, 0, number, 'pii', 'EMAIL', number, 5, 0.9 FROM metta.turns, generate_series(0, 4) AS number;
    INSERT INTO metta.tool_calls (turn_id, ordinal, name, arguments, result, result_digest, ok, error, started_at,
        duration_ms)
    SELECT id, 0, 'getOrder', '{}', '{"found": true}', 'd', true, '', started_at, 80 FROM metta.turns;
    INSERT INTO metta.model_calls (turn_id, ordinal, model, input_tokens, cached_tokens, output_tokens,
        reasoning_tokens, cost_usd, error, started_at, duration_ms)
    SELECT id, 0, 'model-1', 900, 100, 50, 5, 0.0004, '', started_at, 800 FROM metta.turns;
    INSERT INTO metta.timings (turn_id, ordinal, step, started_at, duration_ms)
    SELECT id, 0, 'agent', started_at, 900 FROM metta.turns;
    INSERT INTO metta.handoff_steps (turn_id, ordinal, step) SELECT id, 0, 'note' FROM metta.turns;
    INSERT INTO metta.skips (account_id, message_id, reason, conversation_id, inbox_id, channel, contact_id,
        content_type, text, attachments, created_at, escaped)
    SELECT account_id, covered[1], 'human_assigned', conversation_id, inbox_id, channel, contact_id, 'text', 'hello',
        '[]', started_at, false FROM metta.turns;
    INSERT INTO metta.entries (account_id, conversation_id, number, kind, subject, facts, digests, salt, key_id, mac,
        written_at)
    SELECT account_id, conversation_id,
        row_number() OVER (PARTITION BY account_id, conversation_id ORDER BY started_at),
        'turn', id, '{}', '{}', '\\x00', '', '\\x00', started_at FROM metta.turns;
    ANALYZE metta.turns, metta.incoming_messages, metta.outgoing_messages, metta.conversations, metta.verdicts,
        metta.findings, metta.tool_calls, metta.model_calls, metta.timings, metta.handoff_steps, metta.skips,
        metta.entries"""


def generate(server: Server, urls: PostgresUrls, *, turns: int, days: int) -> None:
    """Fill an empty database.

    Turn ``t-n`` of ``turns``, from 2026-01-01 on for so many days, evenly; two turns in a conversation, four of a
    contact; of ten turns one is handed over and one dropped. Each has a row in every table, five
    findings, and a skip beside it.
    """
    with psycopg.connect(server.superuser_url, dbname=urls.database_url.rpartition("/")[2]) as connection:
        connection.execute("SET session_replication_role = replica")  # no foreign keys to look up
        connection.execute(_TURNS, {"turns": turns, "days": days})
        connection.execute(_REST)
