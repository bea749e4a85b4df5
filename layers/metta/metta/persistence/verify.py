"""Checks that the audit log says what was written: every entry, every row and the end of every chain.

What was altered, removed, added, moved or cut off is named by its entry, table and row. Contents that were erased by
``metta audit erase`` are not missed, those that were taken out in any other way are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from metta.messages import ConversationKey, JsonObject
from metta.persistence.chain import NO_KEY, ORDER, SALT_BYTES, ChainKey, Entry, Head, digest_of, is_sealed
from metta.persistence.entry_rows import EntryRows, places
from metta.persistence.exact import exact_cursor
from metta.persistence.grants import CONTENTS
from metta.persistence.tail import as_entry

_ALL_ENTRIES = """
    SELECT number, kind, subject, facts, digests, salt, key_id, mac, written_at FROM metta.entries
    WHERE account_id = %s AND conversation_id = %s ORDER BY number, written_at"""

WITHOUT_HEAD = timedelta(hours=1)
"""How long a chain may be without a head: its first writer was killed before it wrote one, and has not tried again."""


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was written.

    Attributes:
        number: the entry's place in the chain; None where no entry knows of the row.
        what: in words.
        subject: the entry's or the row's.
        table: the row's; None when it is the entry itself.
        row: the row's place among the entry's rows in its table, from 0.
    """

    number: int | None
    what: str
    subject: str = ""
    table: str | None = None
    row: int | None = None

    def __str__(self) -> str:
        place = "no entry" if self.number is None else f"entry {self.number}"
        row = "" if self.table is None else f", {self.table} row {self.row}"
        return f"{place}{f' ({self.subject})' if self.subject else ''}{row}: {self.what}"


@dataclass
class Verified:
    """What was found of one conversation.

    Attributes:
        key: the conversation.
        problems: what is wrong, in the order of the chain.
        entries: entries looked at.
        rows: rows that are as they were written.
        erased: entries whose contents were erased.
        unkeyed: entries that were sealed without a key, which prove nothing against people.
    """

    key: ConversationKey
    problems: list[Problem] = field(default_factory=list)
    entries: int = 0
    rows: int = 0
    erased: int = 0
    unkeyed: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify_conversation(
    connection: psycopg.Connection[Any],
    key: ConversationKey,
    keys: Sequence[ChainKey],
    head: Head | None,
    now: datetime | None = None,
) -> Verified:
    """Check one conversation.

    Args:
        connection: of a role that may read, in a transaction that sees one moment (repeatable read).
        key: the conversation.
        keys: that entries may be sealed with.
        head: where its chain ends as kept outside; None when that is not known here, and a cut-off end not seen.
        now: the time; the clock's when None.
    """
    entries = _entries(connection, key)
    rows = EntryRows(connection, key, (entry.subject for entry in entries if entry.kind == "turn"))
    found = Verified(key, entries=len(entries))
    entries = _numbered(found, entries)
    start, entries = _started(found, entries, keys)
    sealed = _check_links(found, entries, start, keys, unkeyed_through=_unkeyed_through(entries, head))
    _check_head(found, entries, start, head)
    if head == Head() and entries and is_older(entries[0], (now or datetime.now(UTC)) - WITHOUT_HEAD):
        found.problems.append(Problem(entries[-1].number, "nothing outside says whether the chain ends here"))
    erased_through = max((through(entry) for entry in sealed if entry.kind == "erasure"), default=0)
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        found.unkeyed += not entry.key_id
        if entry.kind in ("turn", "skip"):
            seen.add((entry.kind, entry.subject))
            _check_salt(found, entry, erased=entry.number <= erased_through)
            _check_rows(found, entry, rows, erased=entry.number <= erased_through)
        elif entry.salt is not None:
            found.problems.append(Problem(entry.number, "has a salt, and no contents", entry.subject))
    for kind, subject in rows.subjects():
        if (kind, subject) not in seen:
            found.problems.append(Problem(None, f"a {kind} that no entry knows of", subject))
    found.problems.sort(key=lambda problem: problem.number if problem.number is not None else float("inf"))
    return found


def conversations(connection: psycopg.Connection[Any]) -> set[ConversationKey]:
    """Every conversation that the log has a row of."""
    found = connection.execute(
        "SELECT account_id, conversation_id FROM metta.entries"
        " UNION SELECT account_id, conversation_id FROM metta.turns"
        " UNION SELECT account_id, conversation_id FROM metta.skips"
        " UNION SELECT account_id, conversation_id FROM metta.conversations"
    )
    return {ConversationKey(account_id=account, conversation_id=conversation) for account, conversation in found}


def _entries(connection: psycopg.Connection[Any], key: ConversationKey) -> list[Entry]:
    """All of them, those that no chain has a place for included."""
    with exact_cursor(connection) as cursor:
        cursor.execute(_ALL_ENTRIES, [key.account_id, key.conversation_id])
        return [as_entry(key, row) for row in cursor]


def _numbered(found: Verified, entries: list[Entry]) -> list[Entry]:
    """Those that have a place in the chain."""
    for entry in entries:
        if not _has_place(entry):
            found.problems.append(Problem(entry.number, "an entry that no chain has a place for", entry.subject))
    return [entry for entry in entries if _has_place(entry)]


def _has_place(entry: Entry) -> bool:
    number: int | None = entry.number  # NULL where somebody took the constraint away
    return number is not None and number > 0


def _started(found: Verified, entries: list[Entry], keys: Sequence[ChainKey]) -> tuple[Head, list[Entry]]:
    start, left = start_of(entries, keys)
    for entry in entries:
        if entry.number <= start.number:
            found.problems.append(Problem(entry.number, "stands where it was removed by age", entry.subject))
    return start, left


def start_of(entries: list[Entry], keys: Sequence[ChainKey]) -> tuple[Head, list[Entry]]:
    """Where the chain begins: behind what the last retention removed. Its own seal is checked with the others.

    One that is not sealed is taken for it where nothing is left of what it says it removed; else it would hide that.
    """
    macs = {entry.number: entry.mac for entry in entries}
    for entry in reversed(entries):
        if entry.kind == "retention" and (number := through(entry)):
            left = [one for one in entries if one.number > number]
            with contextlib.suppress(KeyError, TypeError, ValueError):  # altered: then the rest follows from nothing
                start = Head(number, bytes.fromhex(entry.facts["mac"]))
                before = macs.get(entry.number - 1, start.mac)
                if len(left) == len(entries) or is_sealed(entry, before, keys):
                    return start, left
    return Head(), entries


def through(entry: Entry) -> int:
    """Up to which number an erasure or a retention went; 0 where its facts do not say."""
    number = entry.facts.get("through") if isinstance(entry.facts, dict) else None
    return number if isinstance(number, int) else 0


def _unkeyed_through(entries: Sequence[Entry], head: Head | None) -> int:
    """Up to which entry a seal without a key is taken: before the first with one, and only what the head vouches for.

    A log that was begun before there was a key has such entries; anybody could add one later, or instead of others.
    """
    first_keyed = next((entry.number for entry in entries if entry.key_id), None)
    last = entries[-1].number if first_keyed is None and entries else (first_keyed or 1) - 1
    return last if head is None else min(last, head.number)


def _check_links(
    found: Verified, entries: Iterable[Entry], start: Head, keys: Sequence[ChainKey], *, unkeyed_through: int
) -> list[Entry]:
    """The entries that are sealed with the one before them."""
    head = start
    sealed: list[Entry] = []
    given = keys
    for entry in entries:
        keys = (*given, NO_KEY) if entry.number <= unkeyed_through else given
        if entry.number == head.number:
            found.problems.append(Problem(entry.number, "another entry of the same number", entry.subject))
        elif entry.number != head.number + 1:
            found.problems.append(
                Problem(head.number + 1, f"missing: the chain goes from {head.number} to {entry.number}")
            )
        elif not any(entry.key_id == key.id for key in keys):
            found.problems.append(
                Problem(entry.number, f"sealed with a key that is not at hand ({entry.key_id or 'none'})")
            )
        elif not is_sealed(entry, head.mac, keys):
            found.problems.append(Problem(entry.number, "altered, moved, or not written by Metta", entry.subject))
        else:
            sealed.append(entry)
        head = entry.head
    return sealed


def _check_head(found: Verified, entries: Sequence[Entry], start: Head, head: Head | None) -> None:
    if head is None:
        return
    end = entries[-1].head if entries else start
    if end.number < head.number:
        found.problems.append(Problem(end.number + 1, f"cut off: the chain went on to entry {head.number}"))
    elif end.number == head.number and end.mac != head.mac:
        found.problems.append(Problem(end.number, "another entry than the one that was written"))
    elif end.number > head.number and head.number:
        at = next((entry for entry in entries if entry.number == head.number), None)
        if at is not None and at.mac != head.mac:
            found.problems.append(Problem(at.number, "another entry than the one that was written"))


def _check_salt(found: Verified, entry: Entry, *, erased: bool) -> None:
    """The one column that no MAC is over, since erasure empties it."""
    what = None
    if entry.salt is None:
        found.erased += 1
        what = None if erased else "its salt is gone without an erasure"
    elif erased:
        what = "its salt stands where it was erased"
    elif len(entry.salt) != SALT_BYTES:  # HMAC takes a key with zeros behind it for the same
        what = "its salt was altered"
    if what:
        found.problems.append(Problem(entry.number, what, entry.subject))


def is_older(entry: Entry, moment: datetime) -> bool:
    """Whether the entry was written before a moment."""
    at: Any = entry.written_at  # nothing, or beyond the calendar, where somebody changed it
    return isinstance(at, datetime) and at < moment


def _check_rows(found: Verified, entry: Entry, rows: EntryRows, *, erased: bool) -> None:
    there = rows.of(entry)
    if not _are_digests(entry.digests):
        return  # the entry was altered, which is said already
    for table in dict.fromkeys((*entry.digests, *there)):
        written, read = entry.digests.get(table, ()), there.get(table, [])
        for place, digest, row in places(table, written, read):
            what = _difference(table, digest, row, entry, erased=erased)
            if what is None:
                found.rows += 1
            else:
                found.problems.append(Problem(entry.number, what, entry.subject, table, place))


def _are_digests(value: Any) -> bool:
    return isinstance(value, dict) and all(
        table in ORDER and isinstance(ones, list) and all(isinstance(one, str) for one in ones)
        for table, ones in value.items()
    )


def _difference(table: str, digest: str | None, row: JsonObject | None, entry: Entry, *, erased: bool) -> str | None:
    if row is None:
        return "missing"
    if digest is None:
        return "added"
    there = digest_of(table, row, entry.salt)
    if there == digest:
        return None
    structure, _, contents = digest.partition(".")
    if there.partition(".")[0] != structure:
        return "altered"
    emptied = all(row[name] is None for name in CONTENTS[table])
    if entry.salt is None and erased:
        return None if emptied else "contents stand where they were erased"
    return "contents are gone without an erasure" if emptied and contents else "contents were altered"
