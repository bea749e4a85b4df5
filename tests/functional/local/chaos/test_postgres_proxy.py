"""The way to PostgreSQL: a real server and the real audit store, with trouble before and after a statement's effect."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from functional.local.chaos.trouble import Planned, kinds
from metta.errors import AuditDown
from metta.messages import Contact, ConversationKey, IncomingMessage, Outcome, Turn
from metta.persistence.migrate import migrate
from metta.persistence.store import AuditStore
from metta_local.chaos.injector import Fault
from metta_local.chaos.journal import Call, FaultKind, Journal, Place
from metta_local.chaos.proxies import VARIABLES, Proxies
from metta_local.chaos.steps import step
from metta_local.postgres import EmbeddedPostgres, PostgresUrls

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CONTACT = Contact(id=901, name="Lena Vogt")


def turn(number: int, text: str = "Where is my order?") -> Turn:
    key = ConversationKey(account_id=3, conversation_id=number)
    message = IncomingMessage(
        key=key, message_id=number, inbox_id=11, text=text, created_at=NOW, contact=CONTACT, channel="Channel::Api"
    )
    return Turn(
        id=f"t-{number:032x}",
        key=key,
        inbox_id=11,
        contact=CONTACT,
        messages=(message,),
        covered=(number,),
        outcome=Outcome.ANSWERED,
        reply="On its way.",
        started_at=NOW,
        finished_at=NOW,
    )


@pytest.fixture(scope="module")
def urls() -> Iterator[PostgresUrls]:
    with EmbeddedPostgres() as started:
        migrate(started.migrate_url)
        yield started


def until(true: Callable[[], Any], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    assert true()


class World:
    """One worker's proxy before the server."""

    def __init__(self, urls: PostgresUrls, closing: ExitStack) -> None:
        self.journal, self.plan, self.urls = Journal(), Planned(), urls
        environment = dict.fromkeys(VARIABLES, "http://127.0.0.1:1") | {"DATABASE_URL": urls.database_url}
        self.proxies = closing.enter_context(Proxies(environment, self.journal, self.plan))
        self.url = self.proxies.variables("worker-1")["DATABASE_URL"]

    def save(self, *turns: Turn, seconds: float = 5) -> list[str]:
        """Save turns through one store whose first connection succeeds; what each save ended with."""

        async def work() -> list[str]:
            store = AuditStore(self.url, connect_timeout_seconds=2, statement_timeout_seconds=seconds)
            results = []
            try:
                for one in turns:
                    try:
                        await store.save_turn(one)
                        results.append("saved")
                    except AuditDown as error:
                        results.append(str(error))
            finally:
                await store.close()
            return results

        self.plan.planned.insert(0, None)
        return asyncio.run(work())

    def stored(self, one: Turn) -> bool:
        with psycopg.connect(self.urls.migrate_url) as connection:
            found = connection.execute("SELECT count(*) FROM metta.turns WHERE id = %s", [one.id]).fetchone()
            return found is not None and found[0] == 1

    def calls(self, operation: str, number: int = 1) -> list[Call]:
        """The calls of an operation; they are recorded a moment after the worker was told."""
        until(lambda: sum(call.operation == operation for call in self.journal.calls) >= number)
        return [call for call in self.journal.calls if call.operation == operation]


@pytest.fixture
def world(urls: PostgresUrls) -> Iterator[World]:
    with ExitStack() as closing:
        yield World(urls, closing)


def test_an_audit_row_passes_as_it_is_and_is_observed(world: World) -> None:
    first, second = turn(101), turn(102, text="long " * 60_000)

    assert world.save(first, second) == ["saved", "saved"]

    assert world.stored(first)
    assert world.stored(second)
    (connect,) = world.calls("connect")
    one, two = world.calls("insert", 2)
    assert (one.place, one.worker, one.conversation) == (Place.POSTGRES, "worker-1", 101)
    assert (one.detail["table"], one.detail["turn_id"]) == ("turns", first.id)
    assert two.detail["turn_id"] == second.id
    assert connect.arrived_at <= one.arrived_at
    assert connect.answered_at is not None
    assert None not in (one.forwarded_at, one.effect_at, one.answered_at)


def test_a_skip_is_told_from_a_turn(world: World) -> None:
    async def work() -> None:
        store = AuditStore(world.url)
        await store.save_skip(turn(110).messages[0], "blocked_contact")
        await store.close()

    asyncio.run(work())

    (call,) = world.calls("insert")
    assert (call.conversation, dict(call.detail)) == (110, {"table": "skips", "message_id": 110})


def test_other_statements_and_their_errors_pass(world: World) -> None:
    with psycopg.connect(world.url, autocommit=True) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert connection.execute("SELECT %s::int", [2]).fetchone() == (2,)
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM nowhere")
        assert connection.execute("SELECT count(*) FROM generate_series(1, 50000)").fetchone() == (50_000,)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(world.url.replace("metta_worker:", "metta_worker:wrong"))

    assert len(world.calls("query", 4)) == 4


def test_statements_at_the_same_time_do_not_mix(world: World) -> None:
    results: dict[int, bool] = {}

    def ask(number: int) -> None:
        with psycopg.connect(world.url, autocommit=True) as connection:
            rows = [connection.execute("SELECT %s::int", [number * 100 + i]).fetchone() for i in range(20)]
            results[number] = rows == [(number * 100 + i,) for i in range(20)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == dict.fromkeys(range(8), True)


@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER])
def test_a_cut_before_the_statement_leaves_nothing_and_after_it_everything(world: World, kind: FaultKind) -> None:
    after = kind is FaultKind.RESET_AFTER
    one = turn(120 + after)
    cut = Fault(kind, after_effect=after)
    refuse = Fault(FaultKind.RESET_BEFORE)
    world.plan.planned = [cut, refuse]

    (result,) = world.save(one)

    assert result.startswith("audit database: ")
    assert world.stored(one) is after
    (call,) = world.calls("insert")
    assert (call.fault, call.answered_at) == (kind, None)
    assert (call.effect_at is not None) is after
    assert kinds(world.calls("connect", 2)) == [None, FaultKind.RESET_BEFORE]


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER])
def test_an_answer_that_does_not_come_is_given_up(world: World, kind: FaultKind) -> None:
    after = kind is FaultKind.TIMEOUT_AFTER
    one = turn(130 + after)
    world.plan.planned = [Fault(kind, seconds=30, after_effect=after)]

    assert world.save(one, seconds=0.4) == ["audit database: no answer within 0.4 s"]

    assert world.stored(one) is after
    assert kinds(world.calls("insert")) == [kind]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(FaultKind.SERVER_ERROR, variant=0), "40001"),
        (Fault(FaultKind.SERVER_ERROR, variant=2), "53200"),
        (Fault(FaultKind.SERVER_ERROR, variant=1), "57P01"),
        (Fault(FaultKind.SERVER_ERROR, variant=3), "57P02"),
        (Fault(FaultKind.TOO_MANY), "53300"),
    ],
)
def test_a_statement_meets_an_error_of_the_server_without_effect(world: World, fault: Fault, said: str) -> None:
    world.plan.planned = [None, fault]

    with pytest.raises(psycopg.OperationalError) as met, psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute("SELECT 1")

    assert met.value.sqlstate == said
    (call,) = world.calls("query")
    assert (call.forwarded_at, call.fault) == (None, fault.kind)


def test_after_an_error_that_ends_only_the_statement_the_connection_works_on(world: World) -> None:
    world.plan.planned = [None, Fault(FaultKind.SERVER_ERROR, variant=0)]
    with psycopg.connect(world.url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.SerializationFailure):
            connection.execute("SELECT 1")
        assert connection.execute("SELECT 2").fetchone() == (2,)


def test_the_server_may_end_the_session_after_it_committed(world: World) -> None:
    one = turn(140)
    world.plan.planned = [Fault(FaultKind.SERVER_ERROR, after_effect=True, variant=0), Fault(FaultKind.TOO_MANY)]

    (result,) = world.save(one)

    assert world.stored(one)
    assert "connections" in result


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(FaultKind.TOO_MANY), "too many clients"),
        (Fault(FaultKind.SERVER_ERROR, variant=0), "starting up"),
        (Fault(FaultKind.RESET_BEFORE), "closed the connection unexpectedly|reset by peer"),
        (Fault(FaultKind.MALFORMED), "expected authentication request"),
    ],
)
def test_connecting_meets_its_own_trouble(world: World, fault: Fault, said: str) -> None:
    world.plan.planned = [fault]

    with pytest.raises(psycopg.OperationalError, match=said):
        psycopg.connect(world.url)

    assert kinds(world.calls("connect")) == [fault.kind]
    assert psycopg.connect(world.url).close() is None


def test_the_server_s_last_words_end_a_connection_in_order_and_a_reset_does_not(world: World) -> None:
    start_up = struct.pack("!ii", 8 + 14, 196608) + b"user\0metta\0\0\0\0"
    address = psycopg.conninfo.conninfo_to_dict(world.url)

    def ends() -> bytes:
        with socket.create_connection((str(address["host"]), int(str(address["port"]))), timeout=5) as client:
            client.sendall(start_up)
            return b"".join(iter(lambda: client.recv(4096), b""))

    world.plan.planned = [Fault(FaultKind.TOO_MANY)]
    assert b"53300" in ends()
    world.plan.planned = [Fault(FaultKind.RESET_BEFORE)]
    with pytest.raises(ConnectionResetError):
        ends()


def test_nonsense_in_place_of_an_answer_is_trouble_with_the_row_in_place(world: World) -> None:
    one = turn(150)
    world.plan.planned = [Fault(FaultKind.MALFORMED, after_effect=True)]

    (result,) = world.save(one)

    assert result.startswith("audit database: ")
    assert world.stored(one)
    assert kinds(world.calls("insert")) == [FaultKind.MALFORMED]


def test_latency_delays_and_does_no_harm(world: World) -> None:
    one = turn(160)
    world.plan.planned = [Fault(FaultKind.LATENCY, seconds=0.2)]

    assert world.save(one) == ["saved"]

    (call,) = world.calls("insert")
    assert call.forwarded_at is not None
    assert call.forwarded_at - call.arrived_at >= 0.2


def test_a_kill_after_the_audit_row_leaves_the_row_and_no_answer(world: World) -> None:
    one, killed = turn(170), []
    ambush = world.proxies.harness.ambush
    ambush.kill = lambda worker, at: killed.append((worker, at.name))
    ambush.arm(step("after audit insert"))
    world.plan.planned = [None, Fault(FaultKind.RESET_BEFORE)]

    world.save(one)

    assert killed == [("worker-1", "after audit insert")]
    assert world.stored(one)
    (call,) = world.calls("insert")
    assert (call.detail["killed"], call.answered_at) == ("after audit insert", None)


def test_in_an_outage_the_database_refuses_connections_until_it_is_over(world: World) -> None:
    with psycopg.connect(world.url, autocommit=True) as connection:
        world.proxies.down(Place.POSTGRES)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(world.url)

    world.proxies.up(Place.POSTGRES)
    with psycopg.connect(world.url, autocommit=True) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
