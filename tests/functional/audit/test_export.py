"""``metta audit export`` gives all rows of a period, to programs and to spreadsheets, as they were written."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from functional.audit.conftest import KEY, Log
from functional.audit.generated import generate
from functional.persistence.conftest import Server
from functional.persistence.samples import full_turn, message, new_key
from metta.messages import Turn
from metta.persistence.chain import chain_keys
from metta.persistence.erase import CONVERSATION, erase_conversation
from metta.persistence.heads import DynamoHeads
from metta.persistence.period import Period, period_turns
from metta.persistence.read import moment, read_turns, reading
from metta_local.audit.csv_tables import TABLES
from metta_local.audit.export import records

DAY = datetime(2026, 11, 22, tzinfo=UTC)
ON_THE_DAY = ("--from", "2026-11-22", "--to", "2026-11-22")


def turn_at(at: datetime, **fields: Any) -> Turn:
    return full_turn(started_at=at, finished_at=at + timedelta(seconds=2), **fields)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_day_is_exported_from_its_first_moment_to_its_last(own_log: Log) -> None:
    inside = [turn_at(DAY), turn_at(DAY + timedelta(hours=12)), turn_at(DAY + timedelta(days=1, microseconds=-1))]
    outside = [turn_at(DAY - timedelta(microseconds=1)), turn_at(DAY + timedelta(days=1))]
    skip = message(new_key(), 9_001, "hello?", created_at=DAY + timedelta(hours=1))
    late = message(new_key(), 9_002, "hello?", created_at=DAY + timedelta(days=1))
    own_log.write(*inside, *outside, (skip, "human_assigned"), (late, "human_assigned"))

    done = own_log.audit("export", *ON_THE_DAY)

    assert done.returncode == 0, done.stderr
    assert done.stderr == "metta: 3 turns, 1 unanswered message, 0 erasures\n"
    *turns, skipped = lines(done.stdout)
    assert [turn["id"] for turn in turns] == [turn.id for turn in inside]
    assert (skipped["record"], skipped["message_id"]) == ("skip", 9_001)


def test_a_period_goes_as_far_as_the_calendar(own_log: Log) -> None:
    turn = turn_at(DAY)
    own_log.write(turn)
    always = ("--from", "0001-01-01", "--to", "9999-12-31")
    assert [one["id"] for one in lines(own_log.audit("export", *always).stdout)] == [turn.id]
    assert json.loads(own_log.audit("stats", *always, "--json").stdout)["total"]["turns"] == 1


def test_a_line_has_all_that_is_read_of_a_turn(own_log: Log) -> None:
    turn = turn_at(DAY)
    own_log.write(turn)

    [line] = lines(own_log.audit("export", *ON_THE_DAY).stdout)

    conversation = line.pop("conversation")
    assert line.pop("record") == "turn"
    assert [line] == read_turns(own_log.urls.database_url, turn.key)
    assert (conversation["contact_name"], conversation["contact_blocked"]) == ("Lena Vogt", True)


def test_an_erasure_of_the_period_is_exported_and_what_it_erased_is_not(own_log: Log) -> None:
    turn = full_turn()
    own_log.write(turn)
    heads = DynamoHeads(own_log.dynamodb, own_log.table)
    with psycopg.connect(own_log.urls.erase_url, autocommit=True) as connection:
        erase_conversation(
            connection, turn.key, heads=heads, keys=chain_keys(KEY), by=CONVERSATION, asked_by="me", now=DAY
        )

    done = own_log.audit("export", *ON_THE_DAY)

    erased, erasure = lines(done.stdout)
    assert (erased["id"], erased["reply"], erased["conversation"]["contact_name"]) == (turn.id, None, None)
    assert (erasure["record"], erasure["subject"], erasure["facts"]["through"]) == ("erasure", "conversation", 1)
    assert "Lena" not in done.stdout


def test_csv_has_a_file_for_each_table_and_no_formula_in_it(own_log: Log, tmp_path: Path) -> None:
    key = new_key()
    formula = '=HYPERLINK("http://example.org","x")\n second line, "quoted"'
    own_log.write(turn_at(DAY, key=key, messages=(message(key, text=formula),)), turn_at(DAY))
    directory = tmp_path / "out"

    done = own_log.audit("export", *ON_THE_DAY, "--format", "csv", "--out", str(directory), "--json")

    told = json.loads(done.stdout)
    assert (told["turns"], told["files"]) == (2, [f"{table}.csv" for table in TABLES])
    tables = {}
    for table in TABLES:
        with (directory / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            tables[table] = list(csv.DictReader(file))
    count = Counter({table: len(rows) for table, rows in tables.items()})
    assert count == {
        "turns": 2, "conversations": 2, "incoming_messages": 3, "outgoing_messages": 4, "verdicts": 4, "findings": 6,
        "tool_calls": 4, "model_calls": 4, "timings": 6, "handoff_steps": 6, "skips": 0, "erasures": 0,
    }  # fmt: skip
    [row] = [row for row in tables["incoming_messages"] if row["text"].startswith("'")]
    assert row["text"] == f"'{formula}"
    assert tables["turns"][0]["identity_phone"] == "'+4930111"
    assert json.loads(tables["tool_calls"][0]["result"])["total"] == 129.5
    assert {row["turn_id"] for row in tables["findings"]} == {row["id"] for row in tables["turns"]}
    assert (directory.stat().st_mode & 0o777, (directory / "turns.csv").stat().st_mode & 0o777) == (0o700, 0o600)


def test_the_directory_of_an_export_is_not_written_over(own_log: Log, tmp_path: Path) -> None:
    own_log.write(turn_at(DAY))
    own = own_log.audit("export", *ON_THE_DAY, "--out", str(tmp_path / "out"))
    again = own_log.audit("export", *ON_THE_DAY, "--out", str(tmp_path / "out"))

    assert own.stdout == f"1 turn, 0 unanswered messages, 0 erasures to 1 file in {tmp_path / 'out'}\n"
    assert len(lines((tmp_path / "out" / "audit.jsonl").read_text(encoding="ascii"))) == 1
    assert (again.returncode, again.stdout) == (1, "")
    assert "audit.jsonl is there already" in again.stderr


def test_an_export_that_fails_leaves_nothing_that_looks_whole(own_log: Log, server: Server, tmp_path: Path) -> None:
    own_log.write(turn_at(DAY))
    with psycopg.connect(server.superuser_url, dbname=own_log.urls.database_url.rpartition("/")[2]) as connection:
        connection.execute("REVOKE SELECT ON metta.skips FROM metta_worker")

    done = own_log.audit("export", *ON_THE_DAY, "--format", "csv", "--out", str(tmp_path / "out"))

    assert (done.returncode, done.stdout) == (1, "")
    assert "audit database: " in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "2026-11-23", "--to", "2026-11-22"], "the last day, 2026-11-22, is before the first, 2026-11-23"),
        (["--from", "yesterday", "--to", "2026-11-22"], "'yesterday' is not a day such as 2026-11-28"),
        (["--to", "2026-11-22"], "the following arguments are required: --from"),
        ([*ON_THE_DAY, "--format", "csv"], "name a directory with --out DIR"),
        ([*ON_THE_DAY, "--out", "/dev/null/x"], "--out /dev/null/x: cannot be written to (Not a directory)"),
    ],
)
def test_what_cannot_be_exported_is_said(log: Log, arguments: list[str], said: str) -> None:
    done = log.audit("export", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_another_account_is_left_out_where_one_is_named(own_log: Log) -> None:
    own_log.write(turn_at(DAY))
    assert len(lines(own_log.audit("export", *ON_THE_DAY, "--account", "3").stdout)) == 1
    assert own_log.audit("export", *ON_THE_DAY, "--account", "4").stdout == ""


def test_all_is_read_in_one_transaction(own_log: Log) -> None:
    """Behind a transaction-mode pooler a cursor of the server lives no longer than that."""
    own_log.write(*(turn_at(DAY) for _ in range(3)), (message(new_key(), 9_001, created_at=DAY), "blocked_contact"))
    with reading(own_log.urls.database_url) as connection:
        snapshots = set()
        for _ in records(connection, Period(DAY.date(), DAY.date())):
            assert connection.info.transaction_status is TransactionStatus.INTRANS
            snapshots.add(connection.execute("SELECT pg_current_snapshot()::text, now()").fetchone())
        assert connection.info.transaction_status is TransactionStatus.IDLE
    assert len(snapshots) == 1


def test_memory_does_not_grow_with_the_period(own_log: Log, server: Server) -> None:
    generate(server, own_log.urls, turns=4_000, days=4)

    def peak(days: int) -> tuple[int, int]:
        period = Period(date(2026, 1, 1), date(2026, 1, days))
        with reading(own_log.urls.database_url) as connection, moment(connection):
            tracemalloc.start()
            try:
                count = sum(1 for _ in period_turns(connection, period))
                return count, tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    (one, at_one), (four, at_four) = peak(1), peak(4)
    assert (one, four) == (1_000, 4_000)
    assert at_four < 1.3 * at_one
