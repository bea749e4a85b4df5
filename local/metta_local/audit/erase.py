"""``metta audit erase``: forgets a contact or a conversation; ``--older-than`` is ``aging``'s.

A person's words stand in the audit log and, for a while, in turn state. Both are emptied, conversation by conversation;
one in which a turn is under way is left for another run and said so.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, LiteralString

import psycopg

from metta import settings as metta_settings
from metta.errors import ConversationBusy, SettingsError
from metta.messages import ConversationKey, JsonObject
from metta.persistence.bounded import connect_awake
from metta.persistence.connection import audit_conninfo, audit_down
from metta.persistence.entering import require_right
from metta.persistence.erase import (
    CONVERSATION,
    MAY_ERASE,
    by_contact,
    contacts_of,
    conversations_of,
    erase_conversation,
    look_at_conversation,
    sealed_with,
)
from metta.persistence.heads import DynamoHeads
from metta.persistence.read import WAKE_SECONDS
from metta.queue.forgetting import Forgotten, TurnStateForgetting
from metta.settings import Settings
from metta_local.audit.opening import conversation_key, heads_table, keys_of
from metta_local.console import CommandError, complain, say
from metta_local.progress import Progress


class Fate(StrEnum):
    """What became of a conversation."""

    ERASED = "erased"
    TO_ERASE = "to_erase"
    """A dry run found something."""
    NOTHING_LEFT = "nothing_left"
    BUSY = "busy"
    """A turn is under way: nothing was changed, another run is needed."""


@dataclass(frozen=True)
class Done:
    """One conversation."""

    key: ConversationKey
    fate: Fate
    rows: int = 0
    through: int = 0
    state: Forgotten = field(default_factory=Forgotten)
    sound: bool = True

    def document(self) -> JsonObject:
        """As JSON."""
        return {
            "conversation": str(self.key),
            "fate": str(self.fate),
            "rows": self.rows,
            "through": self.through,
            "turns_waiting": self.state.turns,
            "sound": self.sound,
        }


def run(chosen: argparse.Namespace) -> int:
    """Erase what was named, or say with ``--dry-run`` what would be.

    Returns:
        0 when nothing that was named is left; 1 when a conversation was busy, or its chain is not as it was written.

    Raises:
        CommandError: nothing is known of the conversation, or the account is not known.
        SettingsError: a variable is missing or malformed.
        MettaError: database or table cannot be reached; another run does what is left.
    """
    if chosen.older_than is not None:
        from metta_local.audit import aging

        return aging.run(chosen)
    settings = metta_settings.load()
    account = _account(chosen, settings)
    with eraser_of(settings) as eraser:
        by = CONVERSATION if chosen.conversation else by_contact(chosen.contact)
        keys = _targets(chosen, account, settings, eraser)
        for key in keys:
            eraser.require_key(key)
        if not chosen.dry_run and not chosen.yes and keys and not agreed(f"Erase {_counted(keys, by)} for good?"):
            return 0
        asked_by = operator(chosen.by)
        done = []
        with Progress("looking at conversations" if chosen.dry_run else "erasing conversations", len(keys)) as progress:
            for key in keys:
                done.append(eraser.look(key) if chosen.dry_run else eraser.erase(key, by=by, asked_by=asked_by))
                progress.step()
    _show(done, by, dry_run=chosen.dry_run, as_json=chosen.json)
    return 1 if any(one.fate is Fate.BUSY or not one.sound for one in done) else 0


class Eraser:
    """Erases conversations in all that Metta keeps.

    Args:
        connection: of the role that erases.
        settings: where the table is, and the chain's keys.

    Raises:
        SettingsError: a variable is missing.
    """

    def __init__(self, connection: psycopg.Connection[Any], settings: Settings) -> None:
        client, table = heads_table(settings)
        self._connection = connection
        self._keys = keys_of(settings)
        self._heads = DynamoHeads(client, table)
        self._states = TurnStateForgetting(client, table)

    def of_contact(self, account_id: int, contact_id: int) -> list[ConversationKey]:
        """Conversations that name the contact, in the log or in a turn that is not in it yet."""
        found = conversations_of(self._connection, account_id, contact_id)
        found |= self._states.conversations_of(account_id, contact_id)
        return sorted(found, key=lambda key: key.conversation_id)

    def knows(self, key: ConversationKey) -> bool:
        """Whether anything is known of the conversation."""
        return bool(contacts_of(self._connection, key) or self._states.contacts_of(key) or self._heads.get(key).number)

    def require_key(self, key: ConversationKey) -> None:
        """Make sure that the conversation was sealed with a key at hand: an entry under another breaks its proof.

        Raises:
            SettingsError: it was not.
        """
        used = sealed_with(self._connection, key)
        if used and used.isdisjoint(one.id for one in self._keys):
            raise SettingsError(
                f"AUDIT_KEY is not the key that conversation {key} was sealed with ({', '.join(sorted(used))}); "
                "nothing was erased. Where the key was changed, name the old one as well, after a comma"
            )

    def look(self, key: ConversationKey) -> Done:
        """What ``erase`` would erase."""
        found, state = look_at_conversation(self._connection, key), self._states.look(key)
        if state is None:
            return Done(key, Fate.BUSY, found.rows, found.through)
        fate = Fate.TO_ERASE if found.rows or state.turns else Fate.NOTHING_LEFT
        return Done(key, fate, found.rows, found.through, state)

    def erase(self, key: ConversationKey, *, by: str, asked_by: str) -> Done:
        """Empty turn state first, since what stands there would be written to the log afterwards; then the log."""
        contacts = contacts_of(self._connection, key) | self._states.contacts_of(key)
        try:
            state = self._states.forget(key, contacts)
        except ConversationBusy:
            return Done(key, Fate.BUSY)
        found = erase_conversation(self._connection, key, heads=self._heads, keys=self._keys, by=by, asked_by=asked_by)
        fate = Fate.ERASED if found.rows or state != Forgotten() else Fate.NOTHING_LEFT
        return Done(key, fate, found.rows, found.through, state, found.sound)


@contextmanager
def eraser_of(settings: Settings) -> Iterator[Eraser]:
    """What erases, as ``DATABASE_ERASE_URL``'s role.

    Raises:
        SettingsError: a variable is missing or malformed.
        AuditDown: the database cannot be reached.
    """
    if settings.database_erase_url is None:
        raise SettingsError("not set: DATABASE_ERASE_URL (the role that may empty contents; `metta migrate` grants it)")
    with connected(settings.database_erase_url.get_secret_value(), "DATABASE_ERASE_URL", MAY_ERASE) as connection:
        yield Eraser(connection, settings)


@contextmanager
def connected(url: str, variable: str, right: LiteralString) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose transactions are begun by hand, of a role that has the right.

    Raises:
        SettingsError: ``url`` is not a connection string, or its role has not the right.
        AuditDown: the database cannot be reached.
    """
    try:
        connection = connect_awake(audit_conninfo(url, variable=variable), wake_seconds=WAKE_SECONDS)
    except psycopg.Error as error:
        raise audit_down(error) from None
    with connection:
        connection.autocommit = True
        require_right(connection, right, variable)
        yield connection


def operator(named: str | None) -> str:
    """Who asks for it, for the log."""
    try:
        return (named or getpass.getuser())[:200]
    except (KeyError, OSError, ImportError):
        return "unknown"


def agreed(question: str) -> bool:
    """Ask on a terminal; anywhere else it counts as agreed."""
    if not sys.stdin.isatty():
        return True
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    complain("nothing was erased")
    return False


def _account(chosen: argparse.Namespace, settings: Settings) -> int:
    if chosen.conversation:
        return conversation_key(chosen.conversation, chosen.account, settings).account_id
    account: int | None = chosen.account or settings.chatwoot_account_id
    if account is None:
        raise CommandError("which account? Set CHATWOOT_ACCOUNT_ID or --account")
    return account


def _targets(chosen: argparse.Namespace, account: int, settings: Settings, eraser: Eraser) -> list[ConversationKey]:
    if not chosen.conversation:
        return eraser.of_contact(account, chosen.contact)
    key = conversation_key(chosen.conversation, chosen.account, settings)
    if not eraser.knows(key):
        raise CommandError(f"nothing is known of conversation {key}")
    return [key]


def _counted(keys: list[ConversationKey], by: str) -> str:
    if by == CONVERSATION:
        return f"conversation {keys[0]}"
    return f"{'1 conversation' if len(keys) == 1 else f'{len(keys)} conversations'} of {by}"


def _show(done: list[Done], by: str, *, dry_run: bool, as_json: bool) -> None:
    busy = [one for one in done if one.fate is Fate.BUSY]
    if as_json:
        say(
            json.dumps(
                {
                    "dry_run": dry_run,
                    "by": by,
                    "rows": sum(one.rows for one in done),
                    "busy": len(busy),
                    "conversations": [one.document() for one in done],
                }
            )
        )
    else:
        for one in done:
            say(_line(one))
        if not done:
            say(f"no conversation of {by} is known (what waits in the queue names none: ask again once it is answered)")
    for one in busy:
        complain(f"{one.key}: a turn is being written; run again in a minute")
    for one in done:
        if not one.sound:
            complain(f"{one.key}: its chain is not as Metta wrote it, see `metta audit verify {one.key}`")


def _line(one: Done) -> str:
    waiting = f", and {one.state.turns} turns that wait for theirs" if one.state.turns else ""
    return {
        Fate.ERASED: f"{one.key}: erased, {one.rows} rows{waiting}",
        Fate.TO_ERASE: f"{one.key}: {one.rows} rows would be erased{waiting}",
        Fate.NOTHING_LEFT: f"{one.key}: nothing is left to erase",
        Fate.BUSY: f"{one.key}: not erased",
    }[one.fate]
