"""Whatever a customer, a tool or a clock comes up with is stored, read back as it was or as it says, and verifies."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from functional.persistence.conftest import Server
from functional.persistence.samples import full_turn, later, message, new_key
from metta.messages import AgentWork, ConversationKey, ModelCall, ToolCall, Turn
from metta.persistence.chain import chain_keys
from metta.persistence.heads import MemoryHeads
from metta.persistence.read import read_turns
from metta.persistence.store import AuditStore
from metta.persistence.text import DEEPEST, storable
from metta.persistence.verify import verify_conversation
from metta_local.postgres import PostgresUrls

KEYS = chain_keys("a key of the audit chain")
NUMBERS = [
    0,
    -1,
    2**53 + 1,
    2**63,
    -(2**64),
    10**400,
    0.0,
    -0.0,
    0.1,
    1e15,
    1e16,
    1e22,
    1e23,
    -1e300,
    1.7976931348623157e308,
]
NUMBERS += [5e-324, 2.2250738585072014e-308, 1e-7, 123456789012345680.0, 3.0000000000000004]
AWKWARD = [
    "", "\x00", "\\u0000", "\ud800", "\udfff\ud800", "\ufffe\uffff\ufdd0", "\u202eevil\u2066", "\u2028\u2029",
    "\x7f\x1b[31m", "<script>alert(1)</script>&lt;", "'; DROP TABLE metta.turns; --", '{"a": [1, null]}', "[]",
    "null", "NaN", "%s %(a)s $1 {}", "a\\", '"', "\r\n\t", "e\u0301 \U0001f9f5 \u200b\u200d\ufeff", "x" * 150_000,
    "\U0010ffff", "\x85\xa0",
]  # fmt: skip
TEXT = st.sampled_from(AWKWARD) | st.text(st.characters(), max_size=30)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(NUMBERS) | TEXT
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(timezones=st.just(UTC) | ZONES) | st.sampled_from(
    [
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(1582, 10, 10, tzinfo=UTC),
        datetime(2016, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ]
)


class World:
    """A store and a connection that checks."""

    def __init__(self, url: str, heads: MemoryHeads | None = None) -> None:
        self.url = url
        self.heads = heads or MemoryHeads()
        self.runner = asyncio.Runner()
        self.store = AuditStore(url, heads=self.heads, keys=KEYS)
        self.connection = psycopg.connect(url, autocommit=True)

    def save(self, turn: Turn) -> dict[str, Any]:
        """Save it, verify it, and give back what is there."""
        self.runner.run(self.store.save_turn(turn))
        self.verify(turn.key)
        [row] = read_turns(self.connection, turn.key)
        return row

    def verify(self, key: ConversationKey) -> None:
        found = verify_conversation(self.connection, key, KEYS, self.heads.get(key))
        assert found.sound, [str(problem) for problem in found.problems]
        assert found.entries == 1

    def close(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.connection.close()


@pytest.fixture(scope="module")
def world(urls: PostgresUrls) -> Iterator[World]:
    one = World(urls.database_url)
    yield one
    one.close()


def calls(**result: Any) -> AgentWork:
    return AgentWork(
        tool_calls=[ToolCall(name="getOrder", arguments=result, result=result, started_at=later(0), duration_ms=1)]
    )


def as_stored(value: Any) -> Any:
    """As PostgreSQL's JSON has it: a whole number by its digits, and no negative zero."""
    text = json.dumps(storable(value)[0])
    return json.loads(
        text, parse_float=lambda digits: int(Decimal(digits)) if float(digits).is_integer() else float(digits)
    )


BOUNDED = settings(max_examples=120, deadline=None)


@given(text=TEXT, other=TEXT)
@BOUNDED
def test_any_text_is_read_back_as_it_was_or_escaped_and_said_so(world: World, text: str, other: str) -> None:
    key = new_key()
    sent = message(key, text=text, contact_source_id=other, language_hint=text[:9])

    row = world.save(full_turn(key, reply=other, reason=text, messages=(sent,), work=calls(found=text)))

    got = (row["incoming_messages"][0]["text"], row["reply"], row["tool_calls"][0]["result"]["found"])
    assert got == (storable(text)[0], storable(other)[0], storable(text)[0])
    assert row["escaped"] is (got != (text, other, text))


@given(value=OBJECT)
@BOUNDED
def test_any_json_is_read_back_as_it_was_or_escaped_and_said_so(world: World, value: dict[str, Any]) -> None:
    row = world.save(full_turn(work=calls(value=value)))

    assert row["tool_calls"][0]["result"] == row["tool_calls"][0]["arguments"] == as_stored({"value": value})
    assert row["escaped"] or storable(value)[0] == value


@given(number=st.floats() | st.sampled_from([float(one) for one in NUMBERS if one != 10**400]))
@BOUNDED
def test_any_number_is_read_back_as_it_was(world: World, number: float) -> None:
    work = calls(total=number)
    work.model_calls.append(ModelCall(model="m", cost_usd=number, started_at=later(0), duration_ms=number))

    row = world.save(full_turn(work=work, timings=[]))

    called = row["model_calls"][0]
    assert called["duration_ms"] == number or math.isnan(number)
    assert called["cost_usd"] == number or math.isnan(number)


@given(moment=MOMENTS, other=MOMENTS)
@BOUNDED
def test_any_moment_is_read_back_as_it_was(world: World, moment: datetime, other: datetime) -> None:
    key = new_key()

    row = world.save(full_turn(key, messages=(message(key, created_at=moment),), started_at=other, finished_at=moment))

    for name, there in (("started_at", other), ("finished_at", moment)):
        read = datetime.fromisoformat(row[name])
        assert read == there or (outside(there) and read.replace(tzinfo=None) == there.replace(tzinfo=None))


def outside(moment: datetime) -> bool:
    """Whether UTC's calendar has no day for it."""
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return True
    return False


def nested(depth: int) -> dict[str, Any]:
    value: Any = "the heart"
    for _ in range(depth):
        value = {"in": [value]}
    return {"value": value}


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ({"a": {None: "x", False: "y", 1.5: "z"}}, {"a": {"null": "x", "false": "y", "1.5": "z"}}),
        ({"a": {"\x00": 1, "\\u0000": 2}}, {"a": {"\\u0000": 1, "\\u0000 (2)": 2}}),
        ({"a": {1: "x", "1": "y"}}, {"a": {"1": "x", "1 (2)": "y"}}),
        ({"a": {float("nan"): 1, float("inf"): float("-inf")}}, {"a": {"nan": 1, "inf": "-inf"}}),
        ({"a": (), "b": [], "c": {}, "d": ((1,),)}, {"a": [], "b": [], "c": {}, "d": [[1]]}),
        ({"a": Decimal("1.10"), "b": Decimal("NaN")}, {"a": "1.10", "b": "NaN"}),
        ({"a": datetime(2026, 1, 1, tzinfo=UTC), "b": b"\x00"}, {"a": "2026-01-01 00:00:00+00:00", "b": "b'\\x00'"}),
        ({"a": ValueError("a\x00b")}, {"a": "a\\u0000b"}),
        ({"a": {(1, 2): "x"}}, {"a": {"[1, 2]": "x"}}),
        ({"a": 2**20_000}, {"a": hex(2**20_000)}),
    ],
    ids=range(10),
)
def test_what_json_has_no_word_for_is_kept_in_words(
    world: World, value: dict[str, Any], stored: dict[str, Any]
) -> None:
    row = world.save(full_turn(work=calls(**value)))

    assert row["tool_calls"][0]["result"] == stored


@pytest.mark.parametrize("depth", [DEEPEST // 2 - 1, DEEPEST // 2, 400, 100_000])
def test_what_is_nested_too_deep_for_json_is_kept_as_far_as_it_goes(world: World, depth: int) -> None:
    value = nested(depth)

    row = world.save(full_turn(work=calls(**value)))

    assert row["escaped"] is (depth > DEEPEST // 2 - 1)
    assert "in" in row["tool_calls"][0]["result"]["value"]
    assert ("the heart" in json.dumps(row["tool_calls"][0]["result"])) is (depth < 100_000)


def test_a_role_whose_session_is_set_in_any_way_writes_and_verifies_the_same(world: World, urls: PostgresUrls) -> None:
    turns = [full_turn(work=calls(total=0.1 + 0.2), started_at=datetime.max.replace(tzinfo=UTC)) for _ in range(2)]
    world.save(turns[0])
    odd = "-c DateStyle=SQL,DMY -c TimeZone=Asia/Kolkata -c extra_float_digits=-15 -c bytea_output=escape"
    odd += " -c IntervalStyle=iso_8601 -c standard_conforming_strings=off"

    set_oddly = World(make_conninfo(urls.database_url, options=odd), world.heads)
    try:
        set_oddly.verify(turns[0].key)
        set_oddly.runner.run(set_oddly.store.save_turn(turns[1]))
        set_oddly.verify(turns[1].key)
        assert read_turns(set_oddly.connection, turns[0].key) == read_turns(world.connection, turns[0].key)
    finally:
        set_oddly.close()
    world.verify(turns[1].key)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("turns", "finished_at = 'infinity'"),
        ("turns", "finished_at = '4713-01-01 BC'"),
        ("turns", "cost_usd = 'NaN'"),
        ("turns", "covered = '{{1},{NULL}}'"),
        ("tool_calls", "result = repeat('[', 5000)::text || repeat(']', 5000)"),
        ("tool_calls", "arguments = repeat('9', 5000)"),
    ],
)
def test_a_value_that_python_has_no_word_for_is_named_and_stops_no_check(
    world: World, server: Server, table: str, change: str
) -> None:
    turn = full_turn()
    world.save(turn)
    change = (
        change.replace("::text", "")
        if table == "turns"
        else f"{change.partition(' = ')[0]} = ({change.partition(' = ')[2]})::jsonb"
    )
    with psycopg.connect(server.superuser_url, dbname="metta") as connection:
        own = "id" if table == "turns" else "turn_id"
        connection.execute(f"UPDATE metta.{table} SET {change} WHERE {own} = %s".encode(), [turn.id])
        found = verify_conversation(connection, turn.key, KEYS, world.heads.get(turn.key))
        connection.rollback()

    assert [(one.number, one.table) for one in found.problems][:1] == [(1, table)]
