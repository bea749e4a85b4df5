"""The case file is written whatever stands in the rows: somebody may have changed them, or erased a part."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from typing import Any

import pytest

from functional.persistence.samples import full_turn, message
from metta.messages import JsonObject
from metta.persistence.batch import Batch
from metta.persistence.read import PARTS
from metta.persistence.rows import save_skip_row, save_turn_rows
from metta_local.audit.casefile import case_file
from metta_local.audit.plain import Paper


def record() -> JsonObject:
    """What ``read_conversation`` gives of one turn, one skip, an erasure and a removal."""
    turn, batch = full_turn(), Batch()
    save_turn_rows(batch, turn)
    save_skip_row(batch, message(turn.key, 9_001), "human_assigned")
    rows = batch.rows
    verdicts = [
        verdict
        | {
            "findings": [
                {"check": one["check_name"], "kind": one["kind"], "start": one["span_start"], "end": one["span_end"],
                 "score": one["score"]}
                for one in rows["findings"] if one["verdict_ordinal"] == verdict["ordinal"]
            ]
        }
        for verdict in rows["verdicts"]
    ]  # fmt: skip
    parts = {part: rows[part] for part in PARTS if part != "findings"}
    erasures = [
        {"number": 3, "kind": kind, "subject": "contact 901", "facts": {"through": 2, "by": "x"},
         "written_at": "2026-11-23T10:00:00+00:00"}
        for kind in ("erasure", "retention")
    ]  # fmt: skip
    return {
        "account_id": 3,
        "conversation_id": turn.key.conversation_id,
        "metadata": rows["conversations"],
        "turns": [rows["turns"][0] | parts | {"verdicts": verdicts}],
        "skips": rows["skips"],
        "erasures": erasures,
        "chain": {
            "sound": True,
            "entries": 3,
            "rows": 20,
            "erased": 1,
            "unkeyed": 1,
            "end_compared": False,
            "why": "x",
        },
    }


def file_of(one: JsonObject) -> str:
    out = io.StringIO()
    case_file(one, Paper(out))
    return out.getvalue()


JSON_COLUMNS = {"attachments", "arguments", "result", "facts"}
NULLABLE = {
    "reply", "model", "finished_at", "latency_ms", "waited_ms", "identity_email", "identity_phone",
    "identity_partner_id", "text", "contact_source_id", "language_hint", "message_id", "contact_name", "contact_email",
    "contact_phone", "contact_identifier", "result_digest", *JSON_COLUMNS,
}  # fmt: skip
ANY_JSON: list[Any] = [1, "x", [1], [None], [[]], {}, {"file_type": None}, [{"name": 1}], True, 1.5, {"through": "x"}]


def places(value: Any, column: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Every field of the record: what holds it, its name there, and its column's name."""
    for name, item in value.items() if isinstance(value, dict) else enumerate(value):
        own = str(name) if isinstance(value, dict) else column
        yield value, name, own
        if isinstance(item, dict | list) and own not in JSON_COLUMNS:
            yield from places(item, own)


def test_a_field_that_is_empty_does_not_stop_the_file() -> None:
    whole = record()
    count = 0
    for holder, name, column in list(places(whole)):
        if column in NULLABLE and isinstance(holder, dict) and not (column == "message_id" and "created_at" in holder):
            before, holder[name] = holder[name], None
            assert "Turn 1 of 1" in file_of(whole)
            holder[name] = before
            count += 1
    assert count > 25


@pytest.mark.parametrize("value", ANY_JSON, ids=repr)
def test_json_of_any_shape_does_not_stop_the_file(value: Any) -> None:
    whole = record()
    for holder, name, column in list(places(whole)):
        if column in JSON_COLUMNS:
            before, holder[name] = holder[name], copy.deepcopy(value)
            assert "Turn 1 of 1" in file_of(whole)
            holder[name] = before


def test_all_that_happened_stands_in_its_order_and_the_proof_at_the_end() -> None:
    shown = file_of(record())
    order = ["as Chatwoot knew them", "Turn 1 of 1", "Message 9001 was not answered", "Contents were erased",
             "Entries up to 2 were removed", "The chain is sound", "1 entry was sealed without a key",
             "Its end was not compared"]  # fmt: skip
    assert sorted(order, key=shown.index) == order


def test_a_file_whose_proof_could_not_be_checked_or_failed_says_so() -> None:
    unknown = record() | {"chain": {"sound": None, "why": "not set: AUDIT_KEY", "problems": []}}
    assert "was not checked: not set: AUDIT_KEY." in file_of(unknown)
    broken = record() | {"chain": {"sound": False, "problems": [f"entry {n}: altered" for n in range(1, 51)]}}
    shown = file_of(broken)
    assert "entry 1: altered" in shown
    assert "entry 21: altered" not in shown
    assert "and 30 more" in shown
