"""``metta audit show``: what happened in a conversation, and whether the log of it is as Metta wrote it."""

from __future__ import annotations

import argparse
import json
from typing import Any

import psycopg

from metta import settings as metta_settings
from metta.errors import AuditDown, SettingsError
from metta.messages import ConversationKey, JsonObject
from metta.persistence.chain import Head
from metta.persistence.heads import DynamoHeads
from metta.persistence.read import moment, read_conversation
from metta.persistence.vault import Reader
from metta.persistence.verify import Verified, verify_conversation
from metta.settings import Settings
from metta_local.audit.casefile import case_file
from metta_local.audit.opening import conversation_key, heads_table, keys_of, log_of, reader_of
from metta_local.audit.plain import Paper
from metta_local.console import CommandError, say


def run(chosen: argparse.Namespace) -> int:
    """Show a conversation; 1 when its chain is broken, since then nobody knows whether this is what happened.

    Raises:
        CommandError: nothing is known of it.
        SettingsError: a variable is missing or malformed.
        AuditDown: the database cannot be read.
    """
    settings = metta_settings.load()
    key = conversation_key(chosen.conversation, chosen.account, settings)
    head, unknown = (None, "as you asked") if chosen.without_heads else _head(settings, key)
    with log_of(settings) as connection, moment(connection):
        record = read_conversation(connection, key, Reader() if chosen.without_heads else reader_of(settings))
        chain = _chain(settings, connection, key, head, unknown)
    if not any(record[name] for name in ("turns", "skips", "erasures", "metadata")) and chain["sound"] is not False:
        raise CommandError(f"the audit log knows nothing of conversation {key}")
    if chosen.turn is not None:
        record["turns"] = [turn for turn in record["turns"] if turn["id"] == chosen.turn]
        if not record["turns"]:
            raise CommandError(f"conversation {key} has no turn {chosen.turn[:60]!r}")
    record["chain"] = chain
    if chosen.json:
        say(json.dumps(record))
    else:
        case_file(record, Paper(), only_turn=chosen.turn is not None)
    return 1 if chain["sound"] is False else 0


def _head(settings: Settings, key: ConversationKey) -> tuple[Head | None, str]:
    """Where the chain ends outside; None and why where nobody can be asked."""
    try:
        client, table = heads_table(settings)
        return DynamoHeads(client, table).get(key), ""
    except (SettingsError, AuditDown) as error:
        return None, str(error)


def _chain(
    settings: Settings, connection: psycopg.Connection[Any], key: ConversationKey, head: Head | None, unknown: str
) -> JsonObject:
    """What the proof says, as JSON: ``sound`` is None where it could not be checked."""
    try:
        keys = keys_of(settings)
    except SettingsError as error:
        return {"sound": None, "why": str(error), "problems": []}
    return as_json(verify_conversation(connection, key, keys, head), head, unknown)


def as_json(found: Verified, head: Head | None, unknown: str = "") -> JsonObject:
    """What was found of a chain, for ``--json`` and the case file."""
    return {
        "sound": found.sound,
        "entries": found.entries,
        "rows": found.rows,
        "erased": found.erased,
        "unkeyed": found.unkeyed,
        "end_compared": head is not None,
        "why": unknown,
        "problems": [str(problem) for problem in found.problems],
    }
