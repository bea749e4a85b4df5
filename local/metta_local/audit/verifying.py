"""``metta audit verify``: is every conversation as Metta wrote it, and is none gone?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from metta import settings as metta_settings
from metta.errors import AuditDown, SettingsError
from metta.messages import ConversationKey, JsonObject
from metta.persistence.chain import ChainKey, Head
from metta.persistence.heads import DynamoHeads
from metta.persistence.read import moment
from metta.persistence.sweep import HeadsBook, count_conversations, strays, sweep
from metta.persistence.verify import Verified, verify_conversation
from metta.settings import Settings
from metta_local.audit.opening import conversation_key, heads_table, keys_of, log_of
from metta_local.audit.plain import counted, inline
from metta_local.console import CommandError, complain, say
from metta_local.progress import Progress

MOST_PROBLEMS = 10_000
"""Problems that ``--json`` lists; all are counted, and without ``--json`` all are shown as they are found."""


@dataclass
class Sums:
    """What was found of all conversations looked at."""

    conversations: int = 0
    broken: int = 0
    removed: int = 0
    entries: int = 0
    rows: int = 0
    erased: int = 0
    unkeyed: int = 0
    problem_count: int = 0
    problems: list[JsonObject] = field(default_factory=list)
    """The first of them."""

    def add(self, found: Verified, problems: list[JsonObject], *, removed: bool) -> None:
        """One more conversation."""
        self.conversations += 1
        self.broken += bool(problems)
        self.removed += removed
        self.entries += found.entries
        self.rows += found.rows
        self.erased += found.erased
        self.unkeyed += found.unkeyed
        self.problem_count += len(problems)
        self.problems += problems[: max(0, MOST_PROBLEMS - len(self.problems))]


def run(chosen: argparse.Namespace) -> int:
    """Check one conversation or all.

    Returns:
        0 when all is as it was written, else 1.

    Raises:
        CommandError: the heads cannot be read, or nothing is known of the conversation.
        SettingsError: a variable is missing or malformed.
        AuditDown: the database cannot be read.
    """
    settings = metta_settings.load()
    named = chosen.conversation
    key = None if named is None else conversation_key(named, chosen.account, settings)
    keys = keys_of(settings)
    book = None if chosen.without_heads else _book(settings)
    sums = Sums()
    with log_of(settings) as connection:
        total = 1 if key else _total(connection, chosen.account)
        with Progress("verifying conversations", total, wanted=total > 1) as progress:
            for found, head in _each(connection, key, keys, book, chosen.account):
                problems, removed = _problems(found, head)
                sums.add(found, problems, removed=removed)
                if problems and not chosen.json:
                    with progress.aside():
                        for problem in problems:
                            say(f"{problem['conversation']}: {inline(problem['problem'])}")
                progress.step()
        if key is None and chosen.account is None:
            _add_strays(sums, connection, shown=not chosen.json)
    if key is not None and not sums.entries and not sums.problem_count:
        raise CommandError(f"the audit log knows nothing of conversation {key}")
    if chosen.json:
        say(json.dumps(_document(sums, compared=book is not None)))
    else:
        _summary(sums, compared=book is not None)
    return 1 if sums.problem_count else 0


def _book(settings: Settings) -> HeadsBook:
    """Where chains end outside the database, checked to be readable before anything else is done.

    Raises:
        CommandError: it is not.
    """
    try:
        client, table = heads_table(settings)
        DynamoHeads(client, table).get(ConversationKey(account_id=0, conversation_id=0))
    except (SettingsError, AuditDown) as error:
        raise CommandError(
            f"{error}. Where chains end is kept in the table IDEMPOTENCY_TABLE; without it nobody can tell whether the "
            "newest entries, or whole conversations, were removed. --without-heads checks all the rest"
        ) from None
    return HeadsBook(client, table)


def _total(connection: psycopg.Connection[Any], account: int | None) -> int:
    with moment(connection, statement_seconds=0):
        return count_conversations(connection, account)


def _each(
    connection: psycopg.Connection[Any],
    key: ConversationKey | None,
    keys: tuple[ChainKey, ...],
    book: HeadsBook | None,
    account: int | None,
) -> Iterator[tuple[Verified, Head | None]]:
    """Every conversation that was asked for, verified in a transaction of its own, after its head was read.

    The head first: whatever is written meanwhile then makes the chain longer than the head, and never shorter.
    """
    known: Iterator[tuple[ConversationKey, Head | None]]
    if key is not None:
        known = iter([(key, None if book is None else book.of([key])[key])])
    else:
        known = sweep(connection, book, account)
    for one, head in known:
        with moment(connection, statement_seconds=0):
            yield verify_conversation(connection, one, keys, head), head


def _problems(found: Verified, head: Head | None) -> tuple[list[JsonObject], bool]:
    """What is wrong with a conversation, and whether all of it is gone."""
    if head is not None and head.number and not found.entries and len(found.problems) == 1:
        what = f"removed: nothing is left of its {head.number} entries but where they ended"
        return [_problem(found, 1, what)], True
    return [_problem(found, problem.number, str(problem)) for problem in found.problems], False


def _problem(found: Verified, number: int | None, what: str) -> JsonObject:
    return {"conversation": str(found.key), "entry": number, "problem": what}


def _add_strays(sums: Sums, connection: psycopg.Connection[Any], *, shown: bool) -> None:
    """Rows that no conversation could be checked with."""
    for what in strays(connection):
        sums.problem_count += 1
        sums.problems.append({"conversation": None, "entry": None, "problem": what})
        if shown:
            say(what)


def _document(sums: Sums, *, compared: bool) -> JsonObject:
    return {
        "sound": not sums.problem_count,
        "conversations": sums.conversations,
        "broken": sums.broken,
        "removed": sums.removed,
        "entries": sums.entries,
        "rows": sums.rows,
        "erased": sums.erased,
        "unkeyed": sums.unkeyed,
        "ends_compared": compared,
        "problem_count": sums.problem_count,
        "problems": sums.problems,
    }


def _summary(sums: Sums, *, compared: bool) -> None:
    checked = ", ".join(
        counted(number, *name)
        for number, name in (
            (sums.conversations, ("conversation",)),
            (sums.entries, ("entry", "entries")),
            (sums.rows, ("row",)),
        )
    )
    if sums.problem_count:
        gone = f", {sums.removed:,} of them removed as a whole" if sums.removed else ""
        wrong = f"{counted(sums.problem_count, 'problem')} in {counted(sums.broken, 'conversation')}"
        say(f"NOT SOUND: {wrong}{gone}; checked {checked}")
    else:
        say(f"sound: {checked}, each as Metta wrote it")
    if sums.erased:
        say(f"the contents of {counted(sums.erased, 'entry', 'entries')} were erased by `metta audit erase`")
    if sums.unkeyed:
        unkeyed = counted(sums.unkeyed, "entry was", "entries were")
        say(f"{unkeyed} sealed without a key (AUDIT_KEY); that proves nothing against people")
    if not compared:
        complain(
            "ends were not compared with those kept outside the database: newest entries that were cut off, and "
            "conversations that were removed as a whole, would not be seen"
        )
