"""``metta audit erase`` as a user runs it: of an erased person no word is left in database, turn state or log."""

from __future__ import annotations

import base64
import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from functional.audit.conftest import KEY, Log
from functional.persistence.forgetting import WORDS, found_in_database, told_message, told_turn
from functional.persistence.samples import full_turn, new_key
from metta.bootstrap.worker import build_worker
from metta.counters import DynamoCounters
from metta.messages import ConversationKey, Phase, Turn
from metta.queue.state import TurnStates
from metta.settings import load
from metta_local.chatwoot import ChatwootEmulator
from metta_local.lambda_context import LocalContext
from metta_local.model import ModelEmulator, Say
from metta_local.serving import LoopbackServer
from tests_support import payload, record


def erase(log: Log, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = log.audit("erase", *arguments, "--json", DATABASE_ERASE_URL=log.urls.erase_url,
                     DATABASE_MIGRATE_URL=log.urls.migrate_url)  # fmt: skip
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def in_the_table(log: Log, words: tuple[str, ...] = WORDS) -> list[str]:
    """Items of the table that hold one of the words, unpacked."""
    found = []
    for page in log.dynamodb.get_paginator("scan").paginate(TableName=log.table):
        for item in page["Items"]:
            text = json.dumps(item, default=readable, ensure_ascii=False)
            if any(word in text for word in words):
                found.append(item["id"]["S"])
    return found


def readable(value: Any) -> str:
    data = bytes(value)
    try:
        return gzip.decompress(data).decode()
    except OSError:
        return data.decode(errors="replace") + base64.b64encode(data).decode()


def states(log: Log) -> TurnStates:
    return TurnStates(log.dynamodb, log.table)


def left_in_state(log: Log, key: ConversationKey, *, hand: Turn | None = None, outbox: tuple[Turn, ...] = ()) -> None:
    """A worker left the conversation so, and gave its lease back."""
    with states(log).held(key) as state:
        state.hand, state.outbox = hand, list(outbox)
        state.recent = [(datetime.now(UTC).timestamp(), "0123456789abcdef")]


def item_of(log: Log, key: ConversationKey) -> dict[str, Any]:
    item: dict[str, Any] = log.dynamodb.get_item(TableName=log.table, Key={"id": {"S": f"turn#{key}"}})["Item"]
    return item


@pytest.mark.parametrize("contents", ["plain", "encrypted"])
def test_of_an_erased_person_no_word_is_left_in_database_turn_state_or_log(
    own_log: Log, tmp_path: Path, contents: str
) -> None:
    asked = f"Hello, I am {WORDS[0]}, {WORDS[1]} or {WORDS[2]}, no {WORDS[3]}. Is the {WORDS[4]} {WORDS[5]} in stock?"
    (tmp_path / "policy.yaml").write_text(f"audit: {{contents: {contents}}}\n")
    chatwoot, model, lines = ChatwootEmulator(), ModelEmulator(), io.StringIO()
    chatwoot.customer_writes(901, asked)
    model.script([Say(f"Dear {WORDS[0]}, I will look for a {WORDS[5]}.")])
    with LoopbackServer(chatwoot.app) as desk, LoopbackServer(model.app) as mind:
        settings = load(
            own_log.variables
            | {
                "CHATWOOT_BASE_URL": desk.url,
                "CHATWOOT_API_KEY": "metta-bot-token",
                "ODOO_URL": "http://127.0.0.1:1",
                "ODOO_DB": "acme",
                "ODOO_USERNAME": "bot",
                "ODOO_API_KEY": "key",
                "OPENAI_API_KEY": "sk-emulated-0000",
                "OPENAI_BASE_URL": f"{mind.url}/v1",
                "METTA_POLICY": str(tmp_path / "policy.yaml"),
                "LOG_LEVEL": "DEBUG",
            }
        )
        worker = build_worker(settings, log_stream=lines, client=lambda _service: own_log.dynamodb)
        try:
            body = payload("01_incoming_text_webwidget.json", content=asked)
            worker.handle({"Records": [record(body)]}, LocalContext())
        finally:
            worker.close()
    [key] = [ConversationKey(account_id=3, conversation_id=body["conversation"]["id"])]
    contact = body["conversation"]["meta"]["sender"]["id"]
    assert (found_in_database(own_log.urls) != []) is (contents == "plain")
    assert '"recent"' in json.dumps(item_of(own_log, key), default=str)

    done = erase(own_log, "--contact", str(contact), "--by", "Ada", "--yes")

    assert [one["fate"] for one in done["conversations"]] == ["erased"]
    assert found_in_database(own_log.urls) == []
    assert in_the_table(own_log) == []
    assert "recent" not in item_of(own_log, key)
    assert [word for word in WORDS if word in lines.getvalue()] == []
    checked = own_log.audit("verify")
    assert (checked.returncode, "sound" in checked.stdout) == (0, True), checked.stdout + checked.stderr
    assert "Ada" in own_log.audit("show", str(key)).stdout


def test_what_names_the_contact_is_erased_in_every_conversation_and_elsewhere_it_stays(own_log: Log) -> None:
    first, second, third, other = new_key(), new_key(), new_key(), new_key()
    own_log.write(told_turn(first), (told_message(second), "human_wrote"), full_turn(other))
    left_in_state(own_log, third, outbox=(told_turn(third),))
    kept = erase(own_log, "--contact", "7", "--dry-run")
    assert {one["fate"] for one in kept["conversations"]} == {"to_erase"}
    assert found_in_database(own_log.urls)

    done = erase(own_log, "--contact", "7")

    assert {one["conversation"] for one in done["conversations"]} == {str(first), str(second), str(third)}
    assert kept["rows"] == done["rows"]
    assert found_in_database(own_log.urls) == []
    assert in_the_table(own_log) == []
    with psycopg.connect(own_log.urls.database_url) as connection:
        assert connection.execute("SELECT count(reply) FROM metta.turns").fetchone() == (1,)
    again = erase(own_log, "--contact", "7")
    assert (again["rows"], own_log.audit("verify").returncode) == (0, 0)


def test_a_turn_that_waits_for_its_audit_row_is_written_later_without_what_was_said(own_log: Log) -> None:
    key = new_key()
    turn = told_turn(key)
    left_in_state(own_log, key, outbox=(turn,))

    erase(own_log, "--conversation", str(key))

    with states(own_log).held(key) as state:
        [left] = state.outbox
        own_log.write(left)
        state.outbox = []
    assert found_in_database(own_log.urls, (*WORDS, "[erased]")) == []
    assert in_the_table(own_log, (*WORDS, "[erased]")) == []
    assert own_log.audit("verify").returncode == 0
    with psycopg.connect(own_log.urls.database_url) as connection:
        rows = connection.execute("SELECT id, outcome, cost_usd > 0, identity_level FROM metta.turns").fetchall()
    assert rows == [(turn.id, "handed_off", True, "verified")]


def test_a_conversation_with_a_turn_under_way_is_left_and_the_user_told_to_come_back(log: Log) -> None:
    key, held = new_key(), new_key()
    log.write(told_turn(key), told_turn(held))
    left_in_state(log, key, hand=told_turn(key, phase=Phase.SENDING, outcome=None))
    before = item_of(log, key)
    taken = states(log).acquire(held)

    for one in (key, held):
        assert erase(log, "--conversation", str(one), "--dry-run", code=1)["busy"] == 1
        done = erase(log, "--conversation", str(one), code=1)
        assert [found["fate"] for found in done["conversations"]] == ["busy"]

    kept = item_of(log, key)
    assert {name: kept[name] for name in ("turns", "tries", "recent")} == {
        name: before[name] for name in ("turns", "tries", "recent")
    }
    states(log).release(taken)
    assert erase(log, "--conversation", str(held))["conversations"][0]["fate"] == "erased"


def test_counts_that_hold_digests_of_the_persons_address_are_removed(log: Log) -> None:
    key, contact = new_key(), 70_077
    log.write(told_turn(key, contact))
    counters, now = DynamoCounters(log.dynamodb, log.table), datetime.now(UTC)
    subjects = (f"conversation#{key}", f"contact#3:{contact}:{now:%Y-%m-%d}", f"contact#3:70078:{now:%Y-%m-%d}")
    for subject in subjects:
        counters.take_try(subject, "0" * 32, limit=9, kept_until=now + timedelta(days=1))

    erase(log, "--contact", str(contact))

    left = [
        subject
        for subject in subjects
        if "Item" in log.dynamodb.get_item(TableName=log.table, Key={"id": {"S": f"misses#{subject}"}})
    ]
    assert left == [subjects[2]]


def test_what_nobody_knows_is_said_so(log: Log) -> None:
    done = log.audit("erase", "--conversation", "3:999999", DATABASE_ERASE_URL=log.urls.erase_url)
    assert (done.returncode, "nothing is known of conversation 3:999999" in done.stderr) == (1, True)
    assert erase(log, "--contact", "999999")["conversations"] == []
    item = log.dynamodb.get_item(TableName=log.table, Key={"id": {"S": "audit#3:999999"}})
    assert "Item" not in item


@pytest.mark.parametrize("missing", ["DATABASE_ERASE_URL", "AUDIT_KEY", "IDEMPOTENCY_TABLE"])
def test_a_missing_variable_is_named_and_nothing_is_erased(log: Log, missing: str) -> None:
    key = new_key()
    log.write(told_turn(key))
    done = log.audit("erase", "--conversation", str(key), without=(missing,), DATABASE_ERASE_URL=log.urls.erase_url)
    assert (done.returncode, missing in done.stderr) == (1, True)
    assert log.head_of(key) == 1


@pytest.mark.parametrize("what", [("--conversation", "3:{}"), ("--older-than", "30")])
def test_a_role_without_the_right_is_named_before_anything_is_done(log: Log, what: tuple[str, str]) -> None:
    key = new_key()
    log.write(told_turn(key))
    worker = {"DATABASE_ERASE_URL": log.urls.database_url, "DATABASE_MIGRATE_URL": log.urls.erase_url}
    done = log.audit("erase", what[0], what[1].format(key.conversation_id), **worker)
    assert done.returncode == 1
    assert "has not the right" in done.stderr
    assert log.head_of(key) == 1
    item = log.dynamodb.get_item(TableName=log.table, Key={"id": {"S": f"audit#{key}"}})["Item"]
    assert "erased_at" not in item


def test_what_is_old_is_removed_by_age_and_a_dry_run_says_what(own_log: Log, tmp_path: Path) -> None:
    key = new_key()
    own_log.write(told_turn(key), told_turn(key))
    with psycopg.connect(own_log.urls.database_url) as connection:
        month = connection.execute("SELECT to_char(written_at, 'YYYY-MM') FROM metta.entries").fetchone()
    nothing = erase(own_log, "--older-than", "5", "--dry-run")
    assert nothing["months"] == {}
    made_old(own_log, key, days=40)

    looked = erase(own_log, "--older-than", "30", "--dry-run")
    assert month is not None
    assert [tables["turns"] for tables in looked["months"].values()] == [2]
    (tmp_path / "policy.yaml").write_text("audit: {keep_days: 30}\n")
    done = own_log.audit(
        "erase", "--older-than", "--json", METTA_POLICY=str(tmp_path / "policy.yaml"),
        DATABASE_MIGRATE_URL=own_log.urls.migrate_url,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["entries"], told["conversations"]) == (2, 1)
    assert told["rows"] == sum(
        rows for table, rows in next(iter(looked["months"].values())).items() if table != "entries"
    )
    assert found_in_database(own_log.urls) == []
    assert own_log.audit("verify").returncode == 0
    undecided = own_log.audit("erase", "--older-than", DATABASE_MIGRATE_URL=own_log.urls.migrate_url)
    assert (undecided.returncode, "audit.keep_days" in undecided.stderr) == (1, True)


def made_old(log: Log, key: ConversationKey, *, days: int) -> None:
    """As if the entries had been written so long ago: sealed anew with the key, as only Metta can."""
    from metta.persistence.chain import Head, chain_keys
    from metta.persistence.entering import read_entries
    from metta.persistence.heads import DynamoHeads

    [secret] = chain_keys(KEY)
    with psycopg.connect(log.urls.migrate_url, autocommit=True) as owner:
        head = Head()
        for entry in read_entries(owner, key):
            old = type(entry)(**{**vars(entry), "written_at": entry.written_at - timedelta(days=days)})
            mac = old.sealed(head.mac, secret.secret)
            owner.execute(
                "UPDATE metta.entries SET written_at = %s, mac = %s WHERE conversation_id = %s AND number = %s",
                [old.written_at, mac, key.conversation_id, old.number],
            )
            head = Head(old.number, mac)
    log.dynamodb.delete_item(TableName=log.table, Key={"id": {"S": f"audit#{key}"}})
    DynamoHeads(log.dynamodb, log.table).advance(key, head)


def test_another_key_than_the_conversation_was_sealed_with_erases_nothing(own_log: Log) -> None:
    """An entry under a mistyped key would break the proof for good."""
    turn = full_turn()
    own_log.write(turn)
    for more in ([], ["--dry-run"]):
        done = own_log.audit("erase", "--contact", "901", *more, AUDIT_KEY="mistyped",
                             DATABASE_ERASE_URL=own_log.urls.erase_url)  # fmt: skip
        assert (done.returncode, done.stdout) == (1, "")
        assert f"AUDIT_KEY is not the key that conversation {turn.key} was sealed with" in done.stderr
    assert own_log.head_of(turn.key) == 1
    assert own_log.audit("verify").returncode == 0
    assert erase(own_log, "--contact", "901", "--dry-run")["rows"] > 0
    more_keys = own_log.audit("erase", "--contact", "901", AUDIT_KEY=f"a new one, {KEY}",
                              DATABASE_ERASE_URL=own_log.urls.erase_url)  # fmt: skip
    assert more_keys.returncode == 0
    assert own_log.audit("verify", AUDIT_KEY=f"a new one, {KEY}").returncode == 0


def test_nothing_is_older_than_the_calendar(own_log: Log) -> None:
    own_log.write(full_turn())
    assert erase(own_log, "--older-than", "99999999999", "--dry-run")["months"] == {}
    assert erase(own_log, "--older-than", "99999999999")["entries"] == 0
