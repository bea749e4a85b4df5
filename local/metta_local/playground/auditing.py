"""Reads the audit log for the page: when something of a conversation may have been written, until it is there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from metta.errors import MettaError
from metta.messages import ConversationKey, JsonObject
from metta.persistence.read import moment, read_conversation, reading
from metta.persistence.vault import Reader

log = logging.getLogger(__name__)

GIVEN_UP_SECONDS = 1800.0
"""A conversation in which a message is not in the log for so long is looked at no more, until something happens."""
OFTEN_SECONDS = 30.0
"""So long it is looked for every time, later only now and then."""
SELDOM = 10
"""Each so many looks."""


class AuditReader:
    """A thread that reads conversations with customer messages that the log does not cover yet.

    Args:
        url: connection string of a role that may read.
        account_id: of Chatwoot.
        reader: opens encrypted contents.
        found: takes a conversation's rows, as ``read_conversation`` gives them.
        every: seconds between two looks when nobody says that something was written.
    """

    def __init__(
        self,
        url: str,
        account_id: int,
        reader: Callable[[], Reader],
        found: Callable[[JsonObject], None],
        *,
        every: float,
    ) -> None:
        self._url = url
        self._account_id = account_id
        self._reader = reader
        self._found = found
        self._every = every
        self._lock = threading.Lock()
        self._uncovered: dict[int, set[int]] = {}
        """Conversation -> customer messages that the log does not cover."""
        self._covered: dict[int, set[int]] = {}
        self._since: dict[int, float] = {}
        self._poke = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="playground-audit", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self._poke.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def expect(self, conversation_id: int, message_ids: set[int]) -> None:
        """These customer messages were written in a conversation; those that the log covers already are no news."""
        with self._lock:
            missing = message_ids - self._covered.get(conversation_id, set())
            if missing and missing != self._uncovered.get(conversation_id):
                self._uncovered[conversation_id] = missing
                self._since[conversation_id] = time.monotonic()

    def written(self, conversation_id: int | None = None) -> None:
        """Something may have been written just now."""
        if conversation_id is not None:
            with self._lock:
                self._uncovered.setdefault(conversation_id, set())
                self._since[conversation_id] = time.monotonic()
        self._poke.set()

    def _run(self) -> None:
        looks = 0
        while not self._over.is_set():
            poked = self._poke.wait(self._every)
            self._poke.clear()
            looks += 1
            due = self._due(everyone=poked or looks % SELDOM == 0)
            if not due or self._over.is_set():
                continue
            try:
                self._look(due)
            except MettaError as error:
                log.info("the audit log cannot be read now: %s", error)
                self._over.wait(self._every)
            except Exception:
                log.exception("what the audit log has cannot be shown")

    def _due(self, *, everyone: bool) -> list[int]:
        now = time.monotonic()
        with self._lock:
            for conversation_id, since in list(self._since.items()):
                if now - since > GIVEN_UP_SECONDS:
                    self._since.pop(conversation_id)
                    self._uncovered.pop(conversation_id, None)
            return [one for one in self._uncovered if everyone or now - self._since.get(one, 0.0) < OFTEN_SECONDS]

    def _look(self, due: list[int]) -> None:
        reader = self._reader()
        with reading(self._url) as connection:
            for conversation_id in due:
                key = ConversationKey(account_id=self._account_id, conversation_id=conversation_id)
                with moment(connection):
                    record = read_conversation(connection, key, reader)
                self._note(conversation_id, record)
                self._found(record)

    def _note(self, conversation_id: int, record: JsonObject) -> None:
        covered = {id_ for turn in record["turns"] for id_ in turn["covered"]}
        covered |= {skip["message_id"] for skip in record["skips"]}
        with self._lock:
            self._covered[conversation_id] = covered
            left = self._uncovered.get(conversation_id, set()) - covered
            if left:
                self._uncovered[conversation_id] = left
            else:
                self._uncovered.pop(conversation_id, None)
                self._since.pop(conversation_id, None)
