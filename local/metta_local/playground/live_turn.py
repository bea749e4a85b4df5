"""One turn as it is known while it happens, and how it looks on the page before and after its audit is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from metta.messages import JsonObject, Turn
from metta_local.playground.span_words import INTERRUPTED, TAKEN_UP, WORKING, comes_back, label
from metta_local.playground.turn_view import how_it_ended, rows_of, turn_view

MOST_SPANS = 200
"""Of a turn; its later tries add to those of the first."""


@dataclass
class LiveTurn:
    """What is known of a turn. Changed in place, under its keeper's lock."""

    id: str
    turn: Turn | None = None
    """As the worker told it last; None where only spans, or only audit rows, are known."""
    row: JsonObject | None = None
    """As the audit log has it."""
    audit: list[JsonObject] | None = None
    written: str | None = None
    """The latest reply as the model wrote it."""
    state: str = "working"
    why: str = ""
    """The class of the error that makes it come back."""
    due: float | None = None
    """When its message comes back; after a kill, when it has come back at the latest."""
    taken_up_by: str | None = None
    """The turn that dealt with its messages after it was interrupted before anything was kept of it."""
    spans: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def conversation_id(self) -> int | None:
        """Its conversation, once known."""
        if self.turn is not None:
            return self.turn.key.conversation_id
        return int(self.row["conversation_id"]) if self.row is not None else None

    @property
    def message_ids(self) -> list[int]:
        """The customer's messages that it answers."""
        if self.row is not None:
            return [one["message_id"] for one in self.row["incoming_messages"]]
        return [one.message_id for one in self.turn.messages] if self.turn is not None else []

    def heard(self, turn: Turn, written: str | None) -> None:
        """The worker told its present state."""
        self.turn = turn
        self.written = written or self.written

    def span_began(self, event: Mapping[str, Any]) -> None:
        """A span begins."""
        if len(self.spans) < MOST_SPANS:
            keys = ("id", "parent", "name", "at", "detail")
            self.spans[event["id"]] = {**{key: event[key] for key in keys}, "end": None, "error": None}
        if event["name"] == "turn":
            self.state, self.why, self.due = "working", "", None

    def span_over(self, event: Mapping[str, Any]) -> None:
        """A span is over; with the turn's own, so is the turn, or it comes back."""
        span = self.spans.get(event["id"])
        if span is not None:
            span |= {"end": event["at"], "error": event["error"], "detail": event["detail"]}
        if event["name"] != "turn":
            return
        ended = self.turn is not None and self.turn.phase == "sent" and self.turn.outcome is not None
        if event["error"] is None or ended:
            self.state = "ended"
        else:
            self.state, self.why = "retrying", event["error"]

    def given_back(self, due: float) -> None:
        """Its records are back in the queue, which hands them out at ``due``."""
        if self.row is None and self.state == "retrying":
            self.due = due

    def died(self, at: float, due: float | None) -> None:
        """The worker is dead; what it had in hand has come back by ``due``."""
        for span in self.spans.values():
            if span["end"] is None:
                span |= {"end": at, "error": "Killed"}
        if self.state == "working":
            self.state, self.due = "interrupted", due

    def latest_row(self) -> JsonObject | None:
        """Its row with all its parts, from the audit log or as it would be written now."""
        return self.row or (rows_of(self.turn) if self.turn is not None else None)

    def view(self, judged: str | None) -> JsonObject | None:
        """The turn as the page has it; None while too little is known.

        Args:
            judged: the customer's own words, where they are known.
        """
        row = self.latest_row()
        if row is None:
            return None
        withheld = [call.withheld for call in self.turn.work.tool_calls] if self.turn is not None else []
        shown = turn_view(row, judged=judged, written=self.written, withheld=withheld)
        if self.row is None and self.state != "ended":
            shown |= {"outcome": None, "reason": ""}  # the worker sets them early, and another step may change them
        began = datetime.fromisoformat(row["started_at"]).timestamp()
        return {
            **shown,
            "taken_up_by": self.taken_up_by,
            "state": "audited" if self.row is not None else self.state,
            "due": self._due(),
            "words": self._words(row),
            "spans": [_span(span, began) for span in self.spans.values()] or _timings(row, began),
            "audit": self.audit,
        }

    def _due(self) -> str | None:
        if self.due is None or self.row is not None or self.taken_up_by is not None:
            return None
        return datetime.fromtimestamp(self.due, UTC).isoformat(timespec="milliseconds")

    def _words(self, row: JsonObject) -> str:
        if self.row is not None or self.state == "ended":
            return how_it_ended(row)
        if self.taken_up_by is not None:
            return TAKEN_UP
        if self.state == "interrupted":
            return INTERRUPTED
        return comes_back(self.why) if self.state == "retrying" else WORKING


def _span(span: Mapping[str, Any], began: float) -> JsonObject:
    return {
        "id": span["id"],
        "parent": span["parent"],
        "name": span["name"],
        "label": label(span["name"]),
        "start_ms": _ms(span["at"], began),
        "end_ms": None if span["end"] is None else _ms(span["end"], began),
        "error": span["error"],
        "detail": span["detail"],
    }


def _timings(row: JsonObject, began: float) -> list[JsonObject]:
    """Spans of a turn that nobody watched: its timed steps, and the calls in them, from its rows."""
    found = [(step["step"], step) for step in row["timings"]]
    found += [(f"tool {call['name']}", call) for call in row["tool_calls"]]
    found += [("model", call) for call in row["model_calls"]]
    steps = {"guard_input": "validate_input", "guard_output": "validate_output"}
    spans = []
    for place, (name, timed) in enumerate(found):
        start = _ms(datetime.fromisoformat(timed["started_at"]).timestamp(), began)
        name = steps.get(name, name)
        spans.append(
            {
                "id": f"row-{place}",
                "parent": None,
                "name": name,
                "label": label(name),
                "start_ms": start,
                "end_ms": round(start + timed["duration_ms"], 1),
                "error": timed.get("error") or None,
                "detail": {},
            }
        )
    return sorted(spans, key=lambda span: (span["start_ms"], span["id"]))


def _ms(at: float, began: float) -> float:
    return round(max(0.0, at - began) * 1000, 1)
