"""``metta bench audit``: what a turn's audit costs Metta, and the database beside the same rows written plainly.

The writer runs in a process of its own on one core, PostgreSQL on another where there are two. CPU holds on a busy
machine; turns per second do so only as the ratio of two ways that take turns.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

import psutil
import psycopg

from metta.messages import JsonObject
from metta_local.bench.process import MeasuredProcess
from metta_local.bench.round_trips import RoundTrips
from metta_local.stack import LocalStack

SAVES = 200
"""Turns whose CPU is taken, per way."""
ROUNDS = 5
RUSHED = 200
"""Turns of one way in a round."""
WARM_UP = 40
MOST_MILLISECONDS = 5.0
MOST_ROUND_TRIPS = 2
TURNS_A_SECOND = 1000
SAVED = ("saved", "chain", "rows")
RUSHES = ("chain", "executemany", "copy")
SAYS = {
    "saved": "as the worker saves it: cleaned, sealed, head in DynamoDB",
    "chain": "sealed, head in memory",
    "rows": "rows alone, without the chain",
    "executemany": "plain executemany, a transaction per turn",
    "copy": "plain COPY, 100 turns per transaction",
}
"""The ways, in words."""
_CHILD = "metta_local.bench.audit_child"
_PASSED_ON = ("DATABASE_URL", "AUDIT_KEY", "IDEMPOTENCY_TABLE")


class Child(Protocol):
    """The measured process."""

    def ask(self, command: JsonObject) -> JsonObject:
        """One command to the child, and its answer."""
        ...


class Database:
    """The server's own side of it."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._server = psutil.Process(self._connection.info.backend_pid).parent()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def pin(self) -> int | None:
        """Keep all of it to the first core, where there are several."""
        if self._server is None or not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
            return None
        core = min(os.sched_getaffinity(0))
        for process in (self._server, *self._server.children()):
            process.cpu_affinity([core])  # sessions that come later inherit it
        return core

    def cpu(self) -> float:
        """Seconds of CPU of all sessions that are there."""
        assert self._server is not None
        return sum(sum(process.cpu_times()[:2]) for process in self._server.children())

    def bytes(self) -> int:
        """All tables with their indexes."""
        query = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
        query += " WHERE relnamespace = 'metta'::regnamespace AND relkind = 'r'"
        [(size,)] = self._connection.execute(query.encode()).fetchall()
        return int(size)


def audit(log: Any) -> list[JsonObject]:
    """Round trips, CPU, and inserts beside plain ones; ``log`` takes what the measured processes write."""
    with LocalStack({}) as stack:
        environment = stack.environment()
        given = {name: value for name, value in environment.items() if name in _PASSED_ON or name.startswith("AWS_")}
        with counted(given, log) as (child, trips):
            found = [round_trips(child, trips)]
        with closing(Database(environment["DATABASE_MIGRATE_URL"])) as database:
            database.pin()
            with MeasuredProcess(_CHILD, given, log) as child:
                for way in SAVED:
                    child.ask({"save": way, "times": WARM_UP})
                for way in RUSHES:
                    child.ask({"rush": way, "times": WARM_UP})
                return [*found, cpu(child), inserts(child, database)]


@contextmanager
def counted(given: Mapping[str, str], log: Any) -> Iterator[tuple[MeasuredProcess, RoundTrips]]:
    """A writer, and what counts its round trips to the database."""
    url = given["DATABASE_URL"]
    port = urlsplit(url).port
    assert port is not None
    with RoundTrips(port) as trips:
        through = {**given, "DATABASE_URL": url.replace(f":{port}/", f":{trips.port}/")}
        with MeasuredProcess(_CHILD, through, log) as child:
            yield child, trips


def round_trips(child: Child, trips: RoundTrips, *, times: int = 20) -> JsonObject:
    """Round trips of a saved turn, once its connection stands."""
    child.ask({"save": "saved", "times": 1})
    before = trips.number
    answer = child.ask({"save": "saved", "times": times})
    database, dynamodb = (trips.number - before) / times, answer["asked_of_dynamodb"] / times
    return {
        "name": "audit-round-trips",
        "what": "round trips of a saved turn to the database",
        "round_trips": {"database": database, "DynamoDB, for the chain's head": dynamodb},
        "value": database,
        "ratio": round(database / MOST_ROUND_TRIPS, 3),
        "target": 1.0,
        "wanted": f"at most {MOST_ROUND_TRIPS}",
    }


def cpu(child: Child, *, times: int = SAVES, rounds: int = ROUNDS) -> JsonObject:
    """CPU of a saved turn, in the ways of saving it."""
    spent: dict[str, list[float]] = {way: [] for way in SAVED}
    for _ in range(rounds):
        for way in SAVED:
            spent[way] += child.ask({"save": way, "times": times // rounds})["cpu_ms"]
    rows = {
        way: {"median": round(statistics.median(ms), 2), "p95": round(statistics.quantiles(ms, n=20)[-1], 2)}
        for way, ms in spent.items()
    }
    return {
        "name": "audit-cpu",
        "what": "CPU milliseconds of a saved turn, all of Metta's side, median",
        "milliseconds": rows,
        "value": rows["saved"]["median"],
        "ratio": round(rows["saved"]["median"] / MOST_MILLISECONDS, 3),
        "target": 1.0,
        "wanted": f"at most {MOST_MILLISECONDS:g} ms",
    }


def inserts(child: Child, database: Database, *, times: int = RUSHED, rounds: int = ROUNDS) -> JsonObject:
    """Turns a second, Metta's beside the same rows inserted plainly; and whether Metta's side would hold them up."""
    runs: dict[str, list[JsonObject]] = {way: [] for way in RUSHES}
    size: list[float] = []
    for _ in range(rounds):
        for way in RUSHES:
            server, before = database.cpu(), database.bytes()
            run = child.ask({"rush": way, "times": times})
            runs[way].append(run | {"server": database.cpu() - server})
            if way == "chain":
                size.append((database.bytes() - before) / times)
    rows = [
        {
            "way": way,
            "turns_a_second": round(times / statistics.median(run["wall"] for run in runs[way])),
            "client_ms": round(statistics.median(run["cpu"] for run in runs[way]) / times * 1000, 2),
            "server_ms": round(statistics.median(run["server"] for run in runs[way]) / times * 1000, 2),
        }
        for way in RUSHES
    ]
    mine = rows[0]["client_ms"] / 1000
    return {
        "name": "audit-inserts",
        "what": "turns that Metta's side could write per second of one core, heads in memory",
        "rows": rows,
        "beside": {
            way: round(
                statistics.median(a["wall"] / b["wall"] for a, b in zip(runs["chain"], runs[way], strict=True)), 2
            )
            for way in RUSHES[1:]
        },
        "bytes_a_turn": round(statistics.median(size)),
        "value": round(1 / mine),
        "ratio": round(TURNS_A_SECOND * mine, 3),
        "target": 1.0,
        "wanted": f"at least {TURNS_A_SECOND}",
    }


def describe(result: JsonObject) -> str:
    """A result for people: the figure, then its table."""
    verdict = "met" if result["ratio"] <= result["target"] else "NOT MET"
    lines = [f"{result['name']}: {result['value']} ({result['wanted']}: {verdict}) - {result['what']}"]
    return "\n".join([*lines, *(f"  {line}" for line in table(result))])


def table(result: JsonObject) -> list[str]:
    """The rows of a result as Markdown, as in docs/measurements.md."""
    if "round_trips" in result:
        return [f"{name}: {number:g}" for name, number in result["round_trips"].items()]
    if "milliseconds" in result:
        return [
            "| a turn's CPU, ms | median | p95 |",
            "|---|--:|--:|",
            *(f"| {SAYS[way]} | {ms['median']} | {ms['p95']} |" for way, ms in result["milliseconds"].items()),
        ]
    return [
        "| inserts | turns a second | client, ms a turn | server, ms a turn |",
        "|---|--:|--:|--:|",
        *(
            f"| {SAYS[row['way']]} | {row['turns_a_second']} | {row['client_ms']} | {row['server_ms']} |"
            for row in result["rows"]
        ),
        "",
        "wall clock beside " + ", ".join(f"{way} {ratio}" for way, ratio in result["beside"].items()),
        f"{result['bytes_a_turn']} bytes a turn, indexes included",
    ]
