"""Statements of somebody who has every right and knows how the proof is made, and the entry that each is found by.

``:c`` is the conversation, ``:first`` and ``:second`` its turns (entries 1 and 3; a skip is 2), ``:other`` another
conversation and ``:others`` its first turn.
"""

from __future__ import annotations

from metta.persistence.columns import columns


def entry(number: int, change: str) -> str:
    """An entry changed."""
    return f"UPDATE metta.entries SET {change} WHERE conversation_id = :c AND number = {number}"


def exchanged(table: str, change: str, one: str, two: str) -> str:
    """Two rows that take something from each other or one from the other."""
    return f"UPDATE metta.{table} AS one SET {change} FROM metta.{table} AS two WHERE {one} AND {two}"


def copied(of: int, **others: str) -> str:
    """An entry put in once more, with other columns."""
    names = ", ".join(others.get(name, name) for name in columns("entries"))
    return f"INSERT INTO metta.entries SELECT {names} FROM metta.entries WHERE conversation_id = :c AND number = {of}"


REMOVAL = {"number": "4", "kind": "'retention'", "digests": "'{}'", "salt": "NULL",
           "facts": "jsonb_build_object('through', 3, 'mac', encode(mac, 'hex'))"}  # fmt: skip
ERASURE = {"kind": "'erasure'", "digests": "'{}'", "facts": "jsonb_build_object('through', 3)"}
ONE_TURN = "two.turn_id = one.turn_id AND two.ordinal = 1 - one.ordinal"
OF_BOTH = "two.conversation_id = :c AND two.number = 4 - one.number"

TRIES: dict[str, tuple[str, int | None]] = {
    "contents of two rows of a turn exchanged": (
        exchanged("verdicts", "text = two.text", "one.turn_id = ':first'", ONE_TURN), 1),
    "rows of a turn renumbered": ("UPDATE metta.verdicts SET ordinal = 1 - ordinal WHERE turn_id = ':second'", 3),
    "a reply taken from another turn": (
        exchanged("turns", "reply = two.reply || ' '", "one.id = ':first'", "two.id = ':second'"), 1),
    "two turns' salts exchanged": (
        exchanged("entries", "salt = two.salt", "one.conversation_id = :c AND one.number IN (1, 3)", OF_BOTH), 1),
    "a salt that gives the same digests": (entry(1, r"salt = salt || '\x00'"), 1),
    "a salt taken away": (entry(3, "salt = NULL"), 3),
    "a salt and contents replaced together": (
        (f"WITH salted AS ({entry(3, 'salt = sha256(salt)')})"
        " UPDATE metta.turns SET reply = 'another' WHERE id = ':second'"), 3),
    "the key named away": ("UPDATE metta.entries SET key_id = '' WHERE conversation_id = :c", 1),
    **{f"{name} of an entry emptied": (entry(2, f"{name} = NULL"), 2)
       for name in ("number", "kind", "subject", "facts", "digests", "salt", "key_id", "mac", "written_at")},
    "an entry's time without end": (entry(2, "written_at = 'infinity'"), 2),
    "a row's place emptied": ("UPDATE metta.timings SET ordinal = NULL WHERE turn_id = ':first' AND ordinal = 0", 1),
    "findings' places emptied": ("UPDATE metta.findings SET verdict_ordinal = NULL WHERE turn_id = ':first'", 1),
    "a row's place beyond all": (
        "UPDATE metta.timings SET ordinal = 2147483647 WHERE turn_id = ':first' AND ordinal = 0", 1),
    "a row before the first": ("INSERT INTO metta.handoff_steps VALUES (':first', -1, 'note')", 1),
    "a time that is no number": ("UPDATE metta.timings SET duration_ms = 'NaN' WHERE turn_id = ':first'", 1),
    "a price that is no number": ("UPDATE metta.turns SET cost_usd = 'NaN' WHERE id = ':first'", 1),
    "a price without end": ("UPDATE metta.turns SET cost_usd = 'Infinity' WHERE id = ':first'", 1),
    "covered messages that are none": (
        "UPDATE metta.turns SET covered = ARRAY[NULL]::bigint[] WHERE id = ':first'", 1),
    "a turn given away": ("UPDATE metta.turns SET conversation_id = :other WHERE id = ':first'", 1),
    "a row given to a turn of another conversation": (
        "UPDATE metta.tool_calls SET turn_id = ':others' WHERE turn_id = ':first' AND ordinal = 0", 1),
    "a row of another conversation's turn taken in": (
        "UPDATE metta.conversations SET conversation_id = :c WHERE turn_id = ':others'", None),
    "a second entry for the same turn": (copied(3, number="4"), 4),
    "an entry twice": (copied(2), 2),
    "an entry twice, the second an erasure": (copied(2, **ERASURE), 2),
    "an entry before the first": (copied(2, number="0"), 0),
    "an entry without a number": (copied(2, number="NULL"), None),
    "an erasure made up, with what it would have erased": (
        (f"WITH salt AS ({entry(2, 'salt = NULL')}), gone AS (UPDATE metta.skips SET text = NULL, attachments = NULL"
        f" WHERE conversation_id = :c) {copied(3, number='4', salt='NULL', **ERASURE)}"), 2),
    "a removal made up that hides the rest": (copied(3, **REMOVAL), 4),
    "a removal made up that hides what was changed": (
        f"WITH changed AS ({entry(2, 'subject = subject || subject')}) {copied(3, **REMOVAL)}", 2),
    "a removal made up without a key": (copied(3, key_id="''", **REMOVAL), 4),
    "a removal made up, and all that is before it removed": (
        ("WITH gone AS (DELETE FROM metta.entries WHERE conversation_id = :c), rows AS"
        f" (DELETE FROM metta.turns WHERE conversation_id = :c) {copied(3, **REMOVAL)}"), 4),
    "a turn called a removal": (
        entry(2, "kind = 'retention', facts = jsonb_build_object('through', 1, 'mac', repeat('00', 32))"), 2),
    "another conversation's entry in the place of one": (
        ("WITH gone AS (DELETE FROM metta.entries WHERE conversation_id = :c AND number = 2)"
        " UPDATE metta.entries SET conversation_id = :c WHERE conversation_id = :other AND number = 2"), 2),
    "all entries but the last removed": ("DELETE FROM metta.entries WHERE conversation_id = :c AND number < 3", 1),
}  # fmt: skip
"""What was done -> the statement, and the number of the first entry that is named."""
