"""At a size where reading a table from end to end would be easy to choose, the main questions go by indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import sql

from functional.audit.generated import generate
from functional.persistence.conftest import Server
from metta.messages import ConversationKey
from metta.persistence.chain import chain_keys
from metta.persistence.erase import conversations_of
from metta.persistence.period import Period, period_erasures, period_skips, period_turns
from metta.persistence.read import moment, read_conversation, reading
from metta.persistence.statistics import statistics
from metta.persistence.sweep import known_of, sweep
from metta.persistence.verify import verify_conversation
from metta_local.postgres import PostgresUrls

TURNS, DAYS = 20_000, 200
KEY = ConversationKey(account_id=3, conversation_id=5_000)
DAY = Period(date(2026, 3, 1), date(2026, 3, 1))
Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def urls_of_many(new_database: Callable[..., PostgresUrls], server: Server) -> PostgresUrls:
    urls = new_database(migrated=True)
    generate(server, urls, turns=TURNS, days=DAYS)
    return urls


class Plans:
    """The plans of all statements that a connection runs."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, dict[str, Any]]] = []

    def note(self, connection: Connection, query: Any, params: Any) -> None:
        text = query.as_bytes(connection) if isinstance(query, sql.Composable) else query
        text = text if isinstance(text, bytes) else text.encode()
        if text.strip()[:6].upper() == b"SELECT" and b"metta." in text.replace(b'"', b""):
            [row] = psycopg.Cursor(connection).execute(b"EXPLAIN (FORMAT JSON) " + text, params).fetchall()
            self.statements.append((text.decode(), row[0][0]["Plan"]))

    def read_from_end_to_end(self) -> list[str]:
        """Tables of which a statement reads all rows, and the statement."""
        return [
            f"{node['Relation Name']}: {text}"
            for text, plan in self.statements
            for node in nodes(plan)
            if node["Node Type"] == "Seq Scan"
        ]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@contextmanager
def explained(connection: Connection) -> Iterator[Plans]:
    """What is run on the connection meanwhile is explained first."""
    plans = Plans()

    class Explaining(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            plans.note(self.connection, query, params)
            return super().execute(query, params, **options)

    class ExplainingServer(psycopg.ServerCursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            plans.note(self.connection, query, params)
            return super().execute(query, params, **options)

    connection.cursor_factory, connection.server_cursor_factory = Explaining, ExplainingServer
    yield plans


def first_page(connection: Connection) -> None:
    going = sweep(connection, None)
    assert len([next(going) for _ in range(150)]) == 150


def what_is_gone(connection: Connection) -> None:
    keys = [ConversationKey(account_id=3, conversation_id=number) for number in (*range(1, 100), 999_999)]
    assert set(keys) - known_of(connection, keys) == {keys[-1]}


QUESTIONS: dict[str, Callable[[Connection], Any]] = {
    "show": lambda connection: len(read_conversation(connection, KEY)["turns"]) == 2,
    "verify": lambda connection: verify_conversation(connection, KEY, chain_keys(None), None).entries == 2,
    "export turns": lambda connection: len(list(period_turns(connection, DAY))) == 100,
    "export skips": lambda connection: len(list(period_skips(connection, DAY))) == 100,
    "export erasures": lambda connection: list(period_erasures(connection, DAY)) == [],
    "stats": lambda connection: statistics(connection, DAY)["total"]["turns"] == 100,
    "erase by contact": lambda connection: len(conversations_of(connection, 3, 1_000)) == 2,
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_goes_by_indexes(urls_of_many: PostgresUrls, question: str) -> None:
    with reading(urls_of_many.database_url) as connection, explained(connection) as plans, moment(connection):
        assert QUESTIONS[question](connection)
    assert plans.statements
    assert plans.read_from_end_to_end() == []


@pytest.mark.parametrize("part", [first_page, what_is_gone])
def test_the_sweep_over_all_conversations_goes_by_indexes(
    urls_of_many: PostgresUrls, part: Callable[[Connection], None]
) -> None:
    with reading(urls_of_many.database_url) as connection, explained(connection) as plans:
        part(connection)
    assert plans.statements
    assert plans.read_from_end_to_end() == []


@pytest.mark.parametrize(
    ("indexes", "question"),
    [
        ("turns_by_conversation", "show"),
        ("turns_by_conversation", "verify"),
        ("turns_by_time turns_by_outcome turns_by_contact turns_by_conversation", "export turns"),
        ("skips_by_time skips_by_reason skips_by_contact skips_by_conversation", "export skips"),
        ("entries_of_forgetting entries_by_time", "export erasures"),
        ("turns_by_time turns_by_outcome turns_by_contact turns_by_conversation", "stats"),
        ("turns_by_contact", "erase by contact"),
    ],
)
def test_without_its_index_a_question_reads_the_whole_table(
    urls_of_many: PostgresUrls, server: Server, indexes: str, question: str
) -> None:
    """So the tests above can fail."""
    database = urls_of_many.database_url.rpartition("/")[2]
    with psycopg.connect(server.superuser_url, dbname=database) as connection, explained(connection) as plans:
        for index in indexes.split():  # PostgreSQL 18 makes use of a column that is not the index's first
            connection.execute(f"DROP INDEX metta.{index}".encode())
        QUESTIONS[question](connection)
        connection.rollback()
    assert plans.read_from_end_to_end() != []
