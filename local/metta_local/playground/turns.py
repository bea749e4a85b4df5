"""Keeps the turns that the page shows: told by the worker while they happen, and by the audit log when it has them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from metta.messages import JsonObject, Turn
from metta_local.playground.board import KEPT
from metta_local.playground.judged_text import judged_text
from metta_local.playground.known_from_turns import conversation_known_from
from metta_local.playground.live_turn import LiveTurn
from metta_local.playground.turn_view import audit_of

Raw = Callable[[int], list[dict[str, Any]]]


class Turns:
    """Safe to use from any thread.

    Args:
        show: takes a turn as the page has it, whenever it changed.
        raw: a conversation's messages as Chatwoot's API has them; empty where they cannot be had.
        limit: longest text that is judged.
    """

    def __init__(self, show: Callable[[JsonObject], None], raw: Raw, limit: int) -> None:
        self._show = show
        self._raw = raw
        self._limit = limit
        self._lock = threading.RLock()
        self._turns: OrderedDict[str, LiveTurn] = OrderedDict()
        self._let_go: set[str] = set()
        """Turns that were too many; the log still has them."""

    def told(self, event: JsonObject) -> None:
        """An event of the worker's feed."""
        with self._lock:
            match event["event"]:
                case "turn":
                    turn = Turn.model_validate(event["turn"])
                    one = self._one(turn.id)
                    one.heard(turn, event["written"])
                case "span":
                    one = self._one(event["turn"])
                    one.span_began(event)
                case "span_over":
                    one = self._one(event["turn"])
                    one.span_over(event)
                case "died":
                    for one in self._turns.values():
                        if one.row is None:
                            one.died(event["at"], event["due"])
                            self._tell(one)
                    return
                case "given_back":
                    for one in self._turns.values():
                        if one.conversation_id == event["conversation"]:
                            one.given_back(event["due"])
                            self._tell(one)
                    return
                case _:
                    return
            self._tell(one)

    def read(self, record: JsonObject) -> None:
        """A conversation's rows as the audit log has them."""
        with self._lock:
            for row in record["turns"]:
                if row["id"] in self._let_go:
                    continue
                one = self._one(row["id"])
                if one.row is None:
                    one.row, one.audit = row, audit_of(record, row)
                    self._tell(one)
                self._take_up(row)

    def known_of(self, conversation_id: int) -> JsonObject | None:
        """A conversation as far as its turns tell of it; None when they tell nothing."""
        with self._lock:
            of_it = [one for one in self._turns.values() if one.conversation_id == conversation_id]
            return conversation_known_from(of_it) if of_it else None

    def conversation_of(self, turn_id: str) -> int | None:
        """The conversation of a turn, where it is known."""
        with self._lock:
            one = self._turns.get(turn_id)
            return one.conversation_id if one is not None else None

    def _take_up(self, row: JsonObject) -> None:
        """What a turn covers is dealt with, also for one that was interrupted before it."""
        for one in self._turns.values():
            if one.row is None and one.taken_up_by is None and one.state == "interrupted" and one.id != row["id"]:
                ids = one.message_ids
                if one.conversation_id == row["conversation_id"] and ids and set(ids) <= set(row["covered"]):
                    one.taken_up_by = row["id"]
                    self._tell(one)

    def _one(self, id_: str) -> LiveTurn:
        one = self._turns.get(id_)
        if one is None:
            one = self._turns[id_] = LiveTurn(id_)
            while len(self._turns) > KEPT["turn"]:
                self._let_go.add(self._turns.popitem(last=False)[0])
        return one

    def _tell(self, one: LiveTurn) -> None:
        conversation_id = one.conversation_id
        if conversation_id is None:
            return
        judged = judged_text(self._raw(conversation_id), one.message_ids, self._limit)
        shown = one.view(judged)
        if shown is not None:
            self._show(shown)
