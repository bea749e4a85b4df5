"""Counts and measures of a period, by day and in total, computed where the rows are.

Erasure leaves all of them as they were. A day's and the total's percentiles and conversations are counted each for
itself: medians cannot be added up, and a conversation may go on for days.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from metta.messages import JsonObject
from metta.persistence.period import Period

PERSON_REASONS = ("human", "human_assigned", "human_reply", "human_took_over", "handed_off")
"""Why turns are dropped or skipped since a person has the conversation."""
_DAY: LiteralString = "(started_at AT TIME ZONE 'UTC')::date"
_TURNS: LiteralString = """
    SELECT {day} AS day,
        count(*) AS turns,
        count(*) FILTER (WHERE outcome = 'answered') AS answered,
        count(*) FILTER (WHERE outcome = 'handed_off') AS handed_off,
        count(*) FILTER (WHERE outcome = 'dropped') AS dropped,
        count(*) FILTER (WHERE outcome = 'skipped') AS skipped,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE {ended}) AS latency_p50_ms,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE {ended}) AS latency_p95_ms,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY waited_ms) FILTER (WHERE {ended}) AS waited_p50_ms,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY waited_ms) FILTER (WHERE {ended}) AS waited_p95_ms,
        coalesce(sum(model_call_count), 0) AS model_calls,
        coalesce(sum(tool_call_count), 0) AS tool_calls,
        coalesce(sum(input_tokens), 0) AS input_tokens,
        coalesce(sum(cached_tokens), 0) AS cached_tokens,
        coalesce(sum(output_tokens), 0) AS output_tokens,
        coalesce(sum(reasoning_tokens), 0) AS reasoning_tokens,
        coalesce(sum(cost_usd), 0) AS cost_usd
    FROM metta.turns WHERE {period} GROUP BY GROUPING SETS ((1), ())"""
_CONVERSATIONS: LiteralString = """
    SELECT day, count(*) AS conversations,
        count(*) FILTER (WHERE answered OR person) AS served,
        count(*) FILTER (WHERE answered AND NOT person) AS contained
    FROM (
        SELECT {day} AS day, account_id, conversation_id,
            bool_or(outcome = 'answered') AS answered,
            bool_or(outcome = 'handed_off' OR (outcome IN ('dropped', 'skipped') AND reason = ANY({person}))) AS person
        FROM metta.turns WHERE {period}
        GROUP BY GROUPING SETS ((1, account_id, conversation_id), (account_id, conversation_id))
    ) AS by_conversation
    GROUP BY day"""
_REASONS: LiteralString = """
    SELECT {day} AS day, outcome, reason, count(*) AS turns
    FROM metta.turns WHERE {period} AND reason <> ''
    GROUP BY GROUPING SETS ((1, outcome, reason), (outcome, reason)) ORDER BY turns DESC, outcome, reason"""
_FINDINGS: LiteralString = """
    SELECT {day} AS day, verdicts.direction, check_name AS "check", findings.kind,
        count(*) AS findings, count(DISTINCT turns.id) AS turns
    FROM metta.turns
        JOIN metta.findings ON findings.turn_id = turns.id
        JOIN metta.verdicts ON verdicts.turn_id = turns.id AND verdicts.ordinal = findings.verdict_ordinal
    WHERE {period}
    GROUP BY GROUPING SETS ((1, direction, check_name, findings.kind), (direction, check_name, findings.kind))
    ORDER BY turns DESC, direction, check_name, findings.kind"""
_SKIPS: LiteralString = """
    SELECT {day} AS day, reason, count(*) AS messages
    FROM metta.skips WHERE {period}
    GROUP BY GROUPING SETS ((1, reason), (reason)) ORDER BY messages DESC, reason"""
_LISTS = {"reasons": _REASONS, "findings": _FINDINGS}


def statistics(connection: psycopg.Connection[Any], period: Period) -> JsonObject:
    """What happened in a period.

    Args:
        connection: of a role that may read, in a transaction that sees one moment.
        period: days and account.

    Returns:
        ``{"from", "to", "account_id", "days": [{"day", ...}], "total": {...}}``; each day that has something, and the
        total, with ``turns`` and their outcomes, ``conversations``, ``served`` (answered or given to a person),
        ``contained`` (answered, and no person needed) and ``containment`` (their share), ``latency_p50_ms`` ...,
        tokens, ``cost_usd``, ``cost_per_reply_usd`` (all costs by turns answered) and the lists ``reasons``,
        ``findings`` and ``skips``. What cannot be said is None.
    """
    days: dict[date | None, JsonObject] = {}
    for row in _rows(connection, _TURNS, period):
        days[row.pop("day")] = row
    for row in _rows(connection, _CONVERSATIONS, period):
        days[row.pop("day")] |= row
    skips = _rows(connection, _SKIPS, period, "created_at")
    total = days.setdefault(None, {})
    for day in {row["day"] for row in skips} - set(days):
        days[day] = {name: 0 if isinstance(value, int) else None for name, value in total.items()}
    for day, row in days.items():
        row.setdefault("conversations", 0)
        row.setdefault("served", 0)
        row.setdefault("contained", 0)
        row["cost_usd"] = row["cost_usd"] or 0.0
        row["containment"] = row["contained"] / row["served"] if row["served"] else None
        row["cost_per_reply_usd"] = row["cost_usd"] / row["answered"] if row["answered"] else None
        row["skips"] = [_without_day(one) for one in skips if one["day"] == day]
    for name, query in _LISTS.items():
        found = _rows(connection, query, period)
        for day, row in days.items():
            row[name] = [_without_day(one) for one in found if one["day"] == day]
    total = days.pop(None)
    return {
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "account_id": period.account_id,
        "days": [{"day": day.isoformat(), **days[day]} for day in sorted(day for day in days if day is not None)],
        "total": total,
    }


def _rows(
    connection: psycopg.Connection[Any], query: LiteralString, period: Period, column: LiteralString = "started_at"
) -> list[JsonObject]:
    statement = sql.SQL(query).format(
        day=sql.SQL(_DAY if column == "started_at" else "(created_at AT TIME ZONE 'UTC')::date"),
        period=period.where(column),
        ended=sql.SQL("outcome IN ('answered', 'handed_off')"),
        person=sql.Literal(list(PERSON_REASONS)),
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        return [{name: _number(value) for name, value in row.items()} for row in cursor.execute(statement)]


def _number(value: Any) -> Any:
    """PostgreSQL sums whole numbers to ``numeric``."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    return value


def _without_day(row: JsonObject) -> JsonObject:
    return {name: value for name, value in row.items() if name != "day"}
