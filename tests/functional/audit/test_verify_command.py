"""``metta audit verify`` names what is not as Metta wrote it, in any conversation, and what is gone as a whole."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from functional.audit.conftest import KEY, Log
from functional.local.processes import variables
from functional.persistence.conftest import Server
from functional.persistence.samples import full_turn, message, new_key
from metta.errors import AuditDown
from metta.messages import ConversationKey
from metta.persistence import sweep as sweeping
from metta.persistence.chain import Head
from metta.persistence.columns import COLUMNS
from metta.persistence.heads import DynamoHeads, all_heads, heads_of
from metta.persistence.read import reading
from metta.persistence.sweep import HeadsBook, sweep


def database(log: Log) -> str:
    return log.urls.database_url.rpartition("/")[2]


def change(server: Server, log: Log, statement: str, values: list[Any]) -> None:
    """Somebody who may do everything does something."""
    with psycopg.connect(server.superuser_url, dbname=database(log)) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement.encode(), values)


def remove(server: Server, log: Log, key: ConversationKey) -> None:
    """All rows of a conversation, the chain's included."""
    of_turns = "turn_id IN (SELECT id FROM metta.turns WHERE conversation_id = %s)"
    parts = [table for table in COLUMNS if table not in ("turns", "skips", "entries", "conversations")]
    for table in (*parts, "conversations", "skips", "entries", "turns"):
        where = of_turns if table in parts else "conversation_id = %s"
        change(server, log, f"DELETE FROM metta.{table} WHERE {where}", [key.conversation_id])


def test_all_conversations_are_checked_and_what_is_wrong_is_named_first(own_log: Log, server: Server) -> None:
    turns = [full_turn() for _ in range(4)]
    own_log.write(*turns, (message(turns[0].key, 9_001), "human_assigned"))

    sound = own_log.audit("verify")
    change(
        server, own_log, "UPDATE metta.tool_calls SET duration_ms = 1 WHERE turn_id = %s AND ordinal = 1", [turns[2].id]
    )
    remove(server, own_log, turns[1].key)
    broken = own_log.audit("verify")
    document = json.loads(own_log.audit("verify", "--json").stdout)

    assert (sound.returncode, sound.stderr) == (0, "")
    assert sound.stdout == "sound: 4 conversations, 5 entries, 85 rows, each as Metta wrote it\n"
    altered = f"{turns[2].key}: entry 1 ({turns[2].id}), tool_calls row 1: altered"
    removed = f"{turns[1].key}: removed: nothing is left of its 1 entries but where they ended"
    assert broken.returncode == 1
    *named, summary = broken.stdout.splitlines()
    assert named == [altered, removed]
    assert summary == (
        "NOT SOUND: 2 problems in 2 conversations, 1 of them removed as a whole; "
        "checked 4 conversations, 4 entries, 63 rows"
    )
    assert document["sound"] is False
    assert [f"{one['conversation']}: {one['problem']}" for one in document["problems"]] == [altered, removed]
    assert (document["conversations"], document["broken"], document["removed"]) == (4, 2, 1)


def test_one_conversation_is_checked_alone(own_log: Log, server: Server) -> None:
    good, bad = full_turn(), full_turn()
    own_log.write(good, bad)
    change(server, own_log, "UPDATE metta.turns SET reason = 'requested' WHERE id = %s", [bad.id])

    assert own_log.audit("verify", str(good.key)).returncode == 0
    done = own_log.audit("verify", str(bad.key.conversation_id))
    assert done.returncode == 1
    assert done.stdout.startswith(f"{bad.key}: entry 1 ({bad.id}), turns row 0: altered\n")


def test_another_account_is_left_out_where_one_is_named(own_log: Log) -> None:
    ours, theirs = full_turn(), full_turn(ConversationKey(account_id=4, conversation_id=84))
    own_log.write(ours, theirs)
    DynamoHeads(own_log.dynamodb, own_log.table).advance(
        ConversationKey(account_id=4, conversation_id=9), Head(2, b"m" * 32)
    )

    assert json.loads(own_log.audit("verify", "--account", "3", "--json").stdout)["conversations"] == 1
    theirs_alone = json.loads(own_log.audit("verify", "--account", "4", "--json").stdout)
    assert (theirs_alone["conversations"], theirs_alone["removed"]) == (2, 1)
    assert json.loads(own_log.audit("verify", "--json").stdout)["conversations"] == 3


def test_without_heads_what_is_gone_is_not_seen_and_that_is_said(own_log: Log, server: Server) -> None:
    turns = [full_turn() for _ in range(2)]
    own_log.write(*turns)
    remove(server, own_log, turns[1].key)

    done = own_log.audit("verify", "--without-heads", without=["IDEMPOTENCY_TABLE"])

    assert (done.returncode, done.stdout.partition(":")[0]) == (0, "sound")
    assert "conversations that were removed as a whole, would not be seen" in done.stderr
    assert own_log.audit("verify").returncode == 1


def test_what_is_missing_is_named_and_nothing_is_called_sound(log: Log) -> None:
    for without, more, said in (
        (["AUDIT_KEY"], {}, "not set: AUDIT_KEY"),
        (["IDEMPOTENCY_TABLE"], {}, "not set: IDEMPOTENCY_TABLE. Where chains end is kept"),
        (
            [],
            {"IDEMPOTENCY_TABLE": "no-such-table"},
            "the audit chain's head cannot be read (ResourceNotFoundException)",
        ),
        ([], {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "--without-heads checks all the rest"),
    ):
        done = log.audit("verify", without=without, **more)
        assert (done.returncode, done.stdout) == (1, ""), said
        assert said in done.stderr
    assert "knows nothing of conversation 3:424242" in log.audit("verify", "424242").stderr


def test_another_key_is_said_to_be_another(own_log: Log) -> None:
    own_log.write(full_turn())
    assert "sealed with a key that is not at hand" in own_log.audit("verify", AUDIT_KEY="another").stdout
    assert own_log.audit("verify", AUDIT_KEY=f"new,{KEY}").returncode == 0


def test_entries_from_before_there_was_a_key_are_counted(own_log: Log) -> None:
    first = full_turn()
    own_log.write(first, (message(first.key, 9_001), "blocked_contact"), key=None)
    own_log.write(full_turn(first.key), full_turn())

    done = own_log.audit("verify")

    assert done.returncode == 0, done.stdout
    assert "2 entries were sealed without a key (AUDIT_KEY); that proves nothing against people" in done.stdout


def test_entries_without_a_key_that_no_head_vouches_for_are_not_taken(own_log: Log) -> None:
    """Anybody who can write to the database can make those."""
    forged, real = full_turn(), full_turn()
    own_log.write(real)
    own_log.write(forged, full_turn(real.key), key=None)
    for key in (forged.key, real.key):
        item = {"id": {"S": f"audit#{key}"}}
        own_log.dynamodb.delete_item(TableName=own_log.table, Key=item)

    done = own_log.audit("verify")

    assert done.returncode == 1
    assert f"{forged.key}: entry 1: sealed with a key that is not at hand (none)" in done.stdout
    assert f"{real.key}: entry 2: sealed with a key that is not at hand (none)" in done.stdout


def test_rows_that_no_conversation_could_be_checked_with_are_found(own_log: Log, server: Server) -> None:
    """Somebody took the constraints away and put rows in that no turn and no conversation has."""
    own_log.write(full_turn())
    change(server, own_log, "ALTER TABLE metta.skips DROP CONSTRAINT skips_pkey", [])
    change(server, own_log, "ALTER TABLE metta.skips ALTER COLUMN account_id DROP NOT NULL", [])
    change(
        server, own_log,
        "INSERT INTO metta.skips SELECT NULL, 1, 'human_wrote', conversation_id, 1, '', 901, 'text', 'added', NULL,"
        " started_at, false, started_at FROM metta.turns",
        [],
    )  # fmt: skip
    added = "INSERT INTO metta.handoff_steps VALUES ('t-nobody', 0, 'note'), ('t-nobody', 1, 'word')"
    change(server, own_log, added, [])

    done = own_log.audit("verify")

    assert done.returncode == 1
    assert done.stdout.splitlines()[:2] == [
        "skips: 1 rows that belong to no conversation",
        "handoff_steps: 2 rows that belong to no turn",
    ]
    assert json.loads(own_log.audit("verify", "--json").stdout)["problem_count"] == 2


def test_more_conversations_than_fit_a_page_are_all_found_once(own_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "PAGE", 3)
    turns = [full_turn(ConversationKey(account_id=3, conversation_id=number)) for number in range(1, 9)]
    own_log.write(*turns)
    heads = DynamoHeads(own_log.dynamodb, own_log.table)
    gone = [new_key() for _ in range(5)]
    for number, key in enumerate(gone, 1):
        heads.advance(key, Head(number, bytes([number]) * 32))

    with reading(own_log.urls.database_url) as connection:
        found = list(sweep(connection, HeadsBook(own_log.dynamodb, own_log.table)))

    known, left = found[:8], found[8:]
    assert [key for key, _ in known] == sorted((turn.key for turn in turns), key=lambda key: key.conversation_id)
    assert all(head is not None and head.number == 1 for _, head in known)
    assert {key: head.number for key, head in left if head} == {key: number for number, key in enumerate(gone, 1)}


class Endless:
    """A table with very many heads, a page at a time."""

    def __init__(self, count: int) -> None:
        self.count = count

    def get_paginator(self, name: str) -> Endless:
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        for start in range(0, self.count, 1000):
            items = [
                {"id": {"S": f"audit#77:{number}"}, "number": {"N": "1"}, "mac": {"B": b"m" * 32}}
                for number in range(start, start + 1000)
            ]
            yield {"Items": items}

    def batch_get_item(self, **_: Any) -> dict[str, Any]:
        return {"Responses": {}}


def test_a_hundred_thousand_conversations_do_not_fill_the_memory(log: Log) -> None:
    with reading(log.urls.database_url) as connection:
        tracemalloc.start()
        try:
            count = sum(1 for _ in sweep(connection, HeadsBook(Endless(100_000), "table"), 77))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert count == 100_000
    assert peak < 10_000_000


class Throttled:
    """A table that answers a part at a time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def batch_get_item(self, RequestItems: Any) -> dict[str, Any]:
        keys = RequestItems["table"]["Keys"]
        self.asked.append(len(keys))
        item = {**keys[0], "number": {"N": "7"}, "mac": {"B": b"m" * 32}}
        left = {"table": {"Keys": keys[1:]}} if keys[1:] else {}
        return {"Responses": {"table": [item]}, "UnprocessedKeys": left}


def test_what_a_throttled_table_leaves_out_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metta.persistence.heads._BATCH_PAUSE_SECONDS", 0)
    table = Throttled()
    keys = [ConversationKey(account_id=3, conversation_id=number) for number in range(4)]
    assert {head.number for head in heads_of(table, "table", keys).values()} == {7}
    assert table.asked == [4, 3, 2, 1]
    many = [ConversationKey(account_id=3, conversation_id=number) for number in range(20)]
    with pytest.raises(AuditDown, match="a part of them only"):
        heads_of(table, "table", many)


def test_heads_one_by_one_together_and_all_are_the_same(own_log: Log) -> None:
    turns = [full_turn() for _ in range(3)]
    own_log.write(*turns)
    keys = [turn.key for turn in turns]
    heads = DynamoHeads(own_log.dynamodb, own_log.table)

    unknown = new_key()
    together = heads_of(own_log.dynamodb, own_log.table, [*keys, unknown])

    assert together == {key: heads.get(key) for key in keys} | {unknown: Head()}
    assert dict(all_heads(own_log.dynamodb, own_log.table)) == {key: together[key] for key in keys}


def test_a_bar_shows_on_a_terminal_how_far_it_is(own_log: Log) -> None:
    own_log.write(*(full_turn() for _ in range(3)))
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "metta_local.cli", "audit", "verify"],
        env=variables(**own_log.variables), stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=False,
    )  # fmt: skip
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 0
    assert re.search(r"verifying conversations .*3/3", shown)
    assert shown.endswith("\x1b[1A\x1b[2K"), "the bar is wiped"
