"""Schema, code and nouns say the same; the schema explains itself and answers people's questions by index."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import psycopg
import pytest

from functional.persistence.conftest import columns
from metta.messages import Action, Direction, HandOffStep, IdentityLevel, Outcome, OutgoingKind, Phase
from metta.persistence.columns import COLUMNS
from metta.persistence.grants import CONTENTS
from metta_local.postgres import PostgresUrls

TYPES = {"timestamp with time zone": "timestamptz"}
MANY_ROWS = b"""
    INSERT INTO metta.turns SELECT
        'turn-' || n, 3, n % 400, 11, '', n % 300, 'sent', (ARRAY['answered', 'handed_off'])[1 + (n % 40 = 0)::int],
        (ARRAY['', 'requested'])[1 + (n % 80 = 0)::int], 1, 'en', 'anonymous', NULL, NULL, NULL, true, false, '{}',
        NULL, NULL, '', '', 0, 0, 0, 0, 0, 0, 0, now() - n * interval '1 hour', NULL, NULL, NULL, false
        FROM generate_series(1, 8000) AS n;
    INSERT INTO metta.incoming_messages SELECT 'turn-' || n, 0, n, 'text', '', NULL, '', false, NULL, now()
        FROM generate_series(1, 8000) AS n;
    INSERT INTO metta.outgoing_messages SELECT 'turn-' || n, 0, 'reply', 0, n, false, ''
        FROM generate_series(1, 8000) AS n;
    INSERT INTO metta.conversations SELECT
        'turn-' || n, 3, n % 400, now() - n * interval '1 hour', 11, '', n % 300, '', NULL, NULL, NULL, false
        FROM generate_series(1, 8000) AS n;
    INSERT INTO metta.skips SELECT
        3, n, 'reason' || n % 50, n % 400, 11, '', n % 300, 'text', '', NULL, now() - n * interval '1 hour', false
        FROM generate_series(1, 8000) AS n;
    ANALYZE
"""


@pytest.fixture(scope="module")
def filled(new_database: Callable[..., PostgresUrls]) -> PostgresUrls:
    """A database with some weeks of turns in it, so that the planner has a choice."""
    urls = new_database(migrated=True)
    with psycopg.connect(urls.migrate_url) as owner:
        owner.execute(MANY_ROWS)
    return urls


def test_every_table_and_column_explains_itself(urls: PostgresUrls) -> None:
    with psycopg.connect(urls.migrate_url) as connection:
        silent = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'metta'::regnamespace AND relkind = 'r'"
            " AND obj_description(oid) IS NULL"
        ).fetchall()

    assert silent == []
    assert [
        f"{table}.{column}"
        for table, ones in columns(urls).items()
        for column, (_, comment) in ones.items()
        if not comment
    ] == []


def test_the_columns_called_contents_are_those_that_erasure_may_empty(urls: PostgresUrls) -> None:
    called = {
        table: tuple(column for column, (_, comment) in ones.items() if "Contents" in (comment or ""))
        for table, ones in columns(urls).items()
    }

    assert {table: set(ones) for table, ones in called.items() if ones} == {
        table: set(ones) for table, ones in CONTENTS.items()
    }


def test_the_store_fills_every_column_with_the_type_it_has(urls: PostgresUrls) -> None:
    for table, ones in columns(urls).items():
        if table != "migrations":
            stored = {
                f"{column} {'timestamptz' if kind.startswith('timestamp') else kind}"
                for column, (kind, _) in ones.items()
            }
            filled = {" ".join(column.split()) for column in COLUMNS[table].split(",")}
            assert stored - filled <= {"saved_at timestamptz"}
            assert filled <= stored


@pytest.mark.parametrize(
    ("table", "column", "noun"),
    [
        ("turns", "phase", Phase),
        ("turns", "outcome", Outcome),
        ("turns", "identity_level", IdentityLevel),
        ("outgoing_messages", "kind", OutgoingKind),
        ("verdicts", "direction", Direction),
        ("verdicts", "action", Action),
        ("handoff_steps", "step", HandOffStep),
    ],
)
def test_a_word_added_to_a_noun_needs_a_migration(
    urls: PostgresUrls, table: str, column: str, noun: type[StrEnum]
) -> None:
    with psycopg.connect(urls.migrate_url) as connection:
        [definition] = [
            text
            for (text,) in connection.execute(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'",
                [f"metta.{table}"],
            )
            if f"({column} = " in text
        ]

    allowed = set(definition.split("'")[1::2])
    assert allowed == {str(word) for word in noun}


@pytest.mark.parametrize(
    ("index", "table", "condition"),
    [
        ("turns_by_conversation", "turns", "account_id = 3 AND conversation_id = 7"),
        ("turns_by_contact", "turns", "account_id = 3 AND contact_id = 201"),
        ("turns_by_time", "turns", "started_at >= now() - interval '2 days'"),
        ("turns_by_outcome", "turns", "outcome = 'handed_off' AND reason = 'requested'"),
        ("incoming_messages_by_message", "incoming_messages", "message_id = 5001"),
        ("outgoing_messages_by_message", "outgoing_messages", "message_id = 7001"),
        ("conversations_by_conversation", "conversations", "account_id = 3 AND conversation_id = 7"),
        ("conversations_by_contact", "conversations", "account_id = 3 AND contact_id = 201"),
        ("skips_by_conversation", "skips", "account_id = 3 AND conversation_id = 7"),
        ("skips_by_contact", "skips", "account_id = 3 AND contact_id = 201"),
        ("skips_by_time", "skips", "created_at >= now() - interval '2 days'"),
        ("skips_by_reason", "skips", "reason = 'reason7' AND created_at >= now() - interval '90 days'"),
        ("incoming_messages_pkey", "incoming_messages", "turn_id = 'turn-7'"),
    ],
)
def test_the_questions_people_ask_have_an_index(filled: PostgresUrls, index: str, table: str, condition: str) -> None:
    with psycopg.connect(filled.database_url) as connection:
        plan = connection.execute(f"EXPLAIN SELECT * FROM metta.{table} WHERE {condition}".encode())
        lines = "\n".join(line for (line,) in plan)

    assert index in lines
    assert "Seq Scan" not in lines
    assert "Filter" not in lines
