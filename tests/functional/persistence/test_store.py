"""What a turn hands to the audit log is there afterwards: all of it, once, as it was (I10)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from functional.persistence.conftest import Server
from functional.persistence.samples import LENA, full_turn, later, message, new_key, turn_from_rows
from metta.messages import AgentWork, ToolCall, Turn
from metta.persistence.read import read_conversation, read_turns
from metta.persistence.store import AuditStore
from metta.persistence.text import as_json, digest, storable
from metta_local.postgres import PostgresUrls
from tests_support.pgbouncer import PgBouncer

Save = Callable[[AuditStore], Awaitable[object]]


@pytest.fixture(scope="module", params=["direct", "pooled"])
def urls(request: pytest.FixtureRequest, server: Server) -> PostgresUrls:
    """The server itself, and through a pooler in transaction mode."""
    if request.param == "direct":
        return server.urls
    pooler: PgBouncer = request.getfixturevalue("pooler")
    return pooler.urls


def with_store(urls: PostgresUrls, save: Save) -> None:
    async def run() -> None:
        store = AuditStore(urls.database_url)
        try:
            await save(store)
        finally:
            await store.close()

    asyncio.run(run())


def test_every_field_of_a_turn_can_be_read_back(urls: PostgresUrls) -> None:
    turn = full_turn()
    with_store(urls, lambda store: store.save_turn(turn))

    log = read_conversation(urls.database_url, turn.key)

    [row] = log["turns"]
    [metadata] = log["metadata"]
    assert turn_from_rows(row, metadata) == turn
    assert json.loads(json.dumps(log)) == log


def test_sums_and_latencies_stand_in_the_turns_own_row(urls: PostgresUrls) -> None:
    turn = full_turn()
    with_store(urls, lambda store: store.save_turn(turn))

    [row] = read_turns(urls.database_url, turn.key)

    assert (row["input_tokens"], row["cached_tokens"], row["output_tokens"], row["reasoning_tokens"]) == (
        1803,
        203,
        103,
        13,
    )
    assert row["cost_usd"] == pytest.approx(0.000975)
    assert (row["model_call_count"], row["tool_call_count"]) == (2, 2)
    assert (row["model"], row["prompt_version"], row["guardrail_version"]) == ("model-2", "prompt-9", "rules-4")
    assert (row["latency_ms"], row["waited_ms"]) == (2500.0, 11500.0)
    assert [call["result_digest"] for call in row["tool_calls"]] == [digest(c.result) for c in turn.work.tool_calls]


def test_a_turn_that_did_next_to_nothing_is_stored_too(urls: PostgresUrls) -> None:
    key = new_key()
    turn = Turn(id=f"bare-{key}", key=key, inbox_id=11, contact=LENA, outcome="skipped", started_at=later(0))
    with_store(urls, lambda store: store.save_turn(turn))

    log = read_conversation(urls.database_url, key)

    assert turn_from_rows(log["turns"][0], log["metadata"][0]) == turn


def test_a_turn_replayed_from_turn_state_is_written_once(urls: PostgresUrls) -> None:
    turn = full_turn()
    replayed = Turn.model_validate(json.loads(json.dumps(turn.model_dump(mode="json"))))

    async def save_both(store: AuditStore) -> None:
        await store.save_turn(turn)
        await store.save_turn(replayed)

    with_store(urls, save_both)

    log = read_conversation(urls.database_url, turn.key)
    assert [turn_from_rows(row, log["metadata"][0]) for row in log["turns"]] == [turn]
    assert len(log["metadata"]) == 1


def test_a_turn_saved_by_many_at_once_is_written_once(urls: PostgresUrls) -> None:
    turn = full_turn()

    async def save_eight_times(store: AuditStore) -> None:
        stores = [AuditStore(urls.database_url) for _ in range(4)]
        await asyncio.gather(*(one.save_turn(turn) for one in (*stores, *stores)))
        for one in stores:
            await one.close()

    with_store(urls, save_eight_times)

    log = read_conversation(urls.database_url, turn.key)
    assert [turn_from_rows(row, log["metadata"][0]) for row in log["turns"]] == [turn]


def test_what_was_written_first_is_never_mixed_with_a_later_telling(urls: PostgresUrls) -> None:
    first = full_turn(timings=[], handoff_done=())
    second = full_turn(first.key, id=first.id, outcome="answered", reply="another")

    async def save_both(store: AuditStore) -> None:
        await store.save_turn(first)
        await store.save_turn(second)

    with_store(urls, save_both)

    log = read_conversation(urls.database_url, first.key)
    assert [turn_from_rows(row, log["metadata"][0]) for row in log["turns"]] == [first]


def test_many_turns_at_once_share_few_connections(urls: PostgresUrls) -> None:
    turns = [full_turn() for _ in range(30)]

    async def save_all() -> None:
        store = AuditStore(make_conninfo(urls.database_url, application_name="few"))
        await asyncio.gather(*(store.save_turn(turn) for turn in turns))
        with psycopg.connect(urls.database_url) as connection:
            sessions = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'few'"
            ).fetchone()
        assert sessions is not None
        assert 1 <= sessions[0] <= 4
        await store.close()

    asyncio.run(save_all())

    assert all(len(read_turns(urls.database_url, turn.key)) == 1 for turn in turns)


def test_conversation_metadata_gets_a_new_version_only_when_it_changed(urls: PostgresUrls) -> None:
    key = new_key()
    renamed = LENA.model_copy(update={"name": "Lena Marie Vogt", "email": None})
    contacts = [LENA, LENA, renamed, renamed, LENA]
    turns = [full_turn(key, contact=contact, started_at=later(n)) for n, contact in enumerate(contacts)]

    async def save_all(store: AuditStore) -> None:
        for turn in turns:
            await store.save_turn(turn)

    with_store(urls, save_all)

    log = read_conversation(urls.database_url, key)
    assert len(log["turns"]) == 5
    assert [version["contact_name"] for version in log["metadata"]] == ["Lena Vogt", "Lena Marie Vogt", "Lena Vogt"]
    assert [version["turn_id"] for version in log["metadata"]] == [turns[n].id for n in (0, 2, 4)]


def test_a_turn_without_an_outcome_is_refused_because_it_could_never_be_completed(urls: PostgresUrls) -> None:
    turn = full_turn(outcome=None)

    with pytest.raises(ValueError, match="no outcome yet"):
        with_store(urls, lambda store: store.save_turn(turn))

    assert read_turns(urls.database_url, turn.key) == []


def test_a_skipped_message_is_recorded_once_per_reason(urls: PostgresUrls) -> None:
    key = new_key()
    skipped = message(key, message_id=key.conversation_id)

    async def save_all(store: AuditStore) -> None:
        for reason in ("human_assigned", "human_assigned", "blocked"):
            await store.save_skip(skipped, reason)

    with_store(urls, save_all)

    skips = read_conversation(urls.database_url, key)["skips"]
    assert [(skip["message_id"], skip["reason"]) for skip in skips] == [
        (skipped.message_id, "blocked"),
        (skipped.message_id, "human_assigned"),
    ]
    assert (skips[0]["text"], skips[0]["contact_id"]) == (skipped.text, 901)
    assert skips[0]["attachments"] == [one.model_dump() for one in skipped.attachments]


@pytest.mark.parametrize(
    "text",
    [
        "'); DROP TABLE metta.turns; --",
        "<script>alert('x')</script>&amp;",
        'quote " backslash \\ newline \n tab \t percent %s %(rows)s {} dollar $1',
        "a literal \\u0000 and \\ud800, typed by hand",
        "emoji 🧵, Arabic العربية, combining é, zero width \u200b, \x01 control",
        "long " * 30_000,
    ],
)
def test_text_of_any_kind_is_stored_as_it_is(urls: PostgresUrls, text: str) -> None:
    key = new_key()
    turn = full_turn(key, reply=text, messages=(message(key, text=text),))
    with_store(urls, lambda store: store.save_turn(turn))

    [row] = read_turns(urls.database_url, key)

    assert row["reply"] == text
    assert row["incoming_messages"][0]["text"] == text
    assert row["escaped"] is False


def test_what_postgresql_cannot_hold_is_escaped_and_the_turn_says_so(urls: PostgresUrls) -> None:
    key = new_key()
    call = ToolCall(
        name="getOrder",
        arguments={"order\x00": "S\x0042", "deep": [{"\ud800": "\udfff"}]},
        result={"total": float("nan"), "limit": float("-inf"), "text": "\x00"},
        started_at=later(0),
        duration_ms=float("inf"),
    )
    turn = full_turn(key, reply="a\x00b\ud83dc", work=AgentWork(tool_calls=[call]))
    skipped = message(key, 300_000 + key.conversation_id, "\x00")

    async def save_both(store: AuditStore) -> None:
        await store.save_turn(turn)
        await store.save_skip(skipped, "blocked")

    with_store(urls, save_both)

    log = read_conversation(urls.database_url, key)
    row = log["turns"][0]
    assert row["reply"] == "a\\u0000b\\ud83dc"
    assert row["tool_calls"][0]["arguments"] == {
        "order\\u0000": "S\\u000042",
        "deep": [{"\\ud800": "\\udfff"}],
    }
    assert row["tool_calls"][0]["result"] == {"total": "nan", "limit": "-inf", "text": "\\u0000"}
    assert row["tool_calls"][0]["duration_ms"] == float("inf")
    assert row["tool_calls"][0]["result_digest"] == digest(row["tool_calls"][0]["result"])
    assert row["escaped"] is True
    assert (log["skips"][0]["text"], log["skips"][0]["escaped"]) == ("\\u0000", True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def connection(urls: PostgresUrls) -> Iterator[psycopg.Connection]:
    with psycopg.connect(urls.database_url, autocommit=True) as opened:
        yield opened


@given(result=st.dictionaries(st.text(), JSON, max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_tool_results_digest_can_be_checked_from_what_was_stored(
    connection: psycopg.Connection, result: dict[str, object]
) -> None:
    stored = connection.execute("SELECT %s::jsonb", [as_json(storable(result)[0])]).fetchone()

    assert stored is not None
    assert digest(stored[0]) == digest(result)
