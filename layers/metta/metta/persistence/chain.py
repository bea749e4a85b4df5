"""The chain that lets the audit log prove itself: digests of rows, and entries sealed each with the one before it.

Pure functions of rows and keys; ``store`` writes entries, ``verify`` reads them back, ``erase`` adds its own. Contents
(what a person said, is told or is called) have a digest of their own with a secret salt, so that erasing both leaves
the chain as it was and nothing to guess from.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any

from metta.messages import ConversationKey, JsonObject
from metta.persistence.columns import columns
from metta.persistence.grants import CONTENTS
from metta.persistence.text import canonical, storable

DIGEST_BYTES = 16
"""Of SHA-256: who may choose a row would have to meet a digest that is given, which 128 bits do not let anyone."""
SALT_BYTES = 32
LEAST_KEY_BYTES = 32
"""As text: 16 random bytes in hex. 32 random bytes are advised."""
NOTHING = bytes(32)
"""What the first entry of a conversation is sealed with."""
ORDER = {
    "turns": (),
    "skips": (),
    "conversations": (),
    "incoming_messages": ("ordinal",),
    "outgoing_messages": ("ordinal",),
    "verdicts": ("ordinal",),
    "findings": ("verdict_ordinal", "ordinal"),
    "tool_calls": ("ordinal",),
    "model_calls": ("ordinal",),
    "timings": ("ordinal",),
    "handoff_steps": ("ordinal",),
}
"""Tables of an entry's rows, and what orders a turn's rows in each."""
_MANY_FORMS = frozenset({"timestamptz", "numeric", "double precision"})
"""Types whose values are not the same before they are written and after they are read."""
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}\+00:00")
"""How ``moment`` writes."""
_EXACT = Context(prec=200_000)
"""More digits than a numeric has."""


@dataclass(frozen=True)
class ChainKey:
    """A key of the chain. ``id`` names it in entries without telling it."""

    secret: bytes

    @property
    def id(self) -> str:
        """Eight hex digits; empty for the empty key, which proves nothing against people."""
        return hashlib.sha256(b"metta audit key " + self.secret).hexdigest()[:8] if self.secret else ""


NO_KEY = ChainKey(b"")


def chain_keys(value: str | None) -> tuple[ChainKey, ...]:
    """The keys in ``AUDIT_KEY``: one or, while they change, several with commas between; the first one seals."""
    keys = [part.strip() for part in (value or "").split(",") if part.strip()]
    return tuple(ChainKey(key.encode()) for key in keys) or (NO_KEY,)


def weakness(value: str | None) -> str:
    """What is lost with this value of ``AUDIT_KEY``, for whoever looks after it; empty when nothing is."""
    keys = chain_keys(value)
    if NO_KEY in keys:
        return "AUDIT_KEY is not set: who can write to the database can change the audit log, and nobody can prove it"
    if any(len(key.secret) < LEAST_KEY_BYTES for key in keys):
        return f"a key in AUDIT_KEY has fewer than {LEAST_KEY_BYTES} characters; guessed, the audit log proves nothing"
    return ""


@dataclass(frozen=True)
class Head:
    """Where a conversation's chain ends."""

    number: int = 0
    mac: bytes = NOTHING


@dataclass(frozen=True)
class Entry:
    """One link of a conversation's chain, as ``metta.entries`` has it."""

    key: ConversationKey
    number: int
    kind: str
    subject: str
    written_at: datetime
    key_id: str
    digests: Mapping[str, Sequence[str]] = field(default_factory=dict)
    facts: JsonObject = field(default_factory=dict)
    salt: bytes | None = None
    mac: bytes = b""

    @property
    def head(self) -> Head:
        """Where the chain ends with it."""
        return Head(self.number, self.mac)

    def sealed(self, before: bytes, secret: bytes) -> bytes:
        """The MAC that the entry has after one with the MAC ``before``."""
        said = canonical(
            [
                self.key.account_id,
                self.key.conversation_id,
                self.number,
                self.kind,
                self.subject,
                self.facts,
                self.digests,
                self.key_id,
                moment(self.written_at),
            ]
        )
        return hmac.digest(secret, before + said.encode(), "sha256")

    def row(self) -> JsonObject:
        """As JSON for the statement that writes it."""
        return {
            "account_id": self.key.account_id,
            "conversation_id": self.key.conversation_id,
            "number": self.number,
            "kind": self.kind,
            "subject": self.subject,
            "facts": self.facts,
            "digests": self.digests,
            "salt": None if self.salt is None else f"\\x{self.salt.hex()}",
            "key_id": self.key_id,
            "mac": f"\\x{self.mac.hex()}",
            "written_at": moment(self.written_at),
        }


def seal(
    key: ConversationKey,
    kind: str,
    subject: str,
    *,
    after: Head,
    with_key: ChainKey,
    rows: Mapping[str, Iterable[JsonObject]] | None = None,
    facts: JsonObject | None = None,
    now: datetime | None = None,
) -> Entry:
    """The next entry of a conversation.

    Args:
        key: the conversation.
        kind: turn, skip, erasure or retention.
        subject: what it is about.
        after: where the chain ends now.
        with_key: seals it.
        rows: table -> rows that are written with it, as they are written.
        facts: what an erasure or retention did.
        now: the time; the clock's when None.
    """
    salt = secrets.token_bytes(SALT_BYTES) if rows else None
    entry = Entry(
        key=key,
        number=after.number + 1,
        kind=kind,
        subject=storable(subject)[0],
        written_at=now or datetime.now(UTC),
        key_id=with_key.id,
        digests={
            table: [digest_of(table, row, salt) for row in ordered(table, of)] for table, of in (rows or {}).items()
        },
        facts=storable(facts or {})[0],
        salt=salt,
    )
    return replace(entry, mac=entry.sealed(after.mac, with_key.secret))


def is_sealed(entry: Entry, before: bytes, keys: Iterable[ChainKey]) -> bool:
    """Whether the entry's MAC was made with one of the keys, after an entry with the MAC ``before``."""
    secret = next((key.secret for key in keys if key.id == entry.key_id), None)
    try:
        return secret is not None and hmac.compare_digest(entry.sealed(before, secret), entry.mac)
    except (AttributeError, TypeError, ValueError):
        return False  # a column is NULL or holds what Python has no word for: Metta wrote neither


def ordered(table: str, rows: Iterable[JsonObject]) -> list[JsonObject]:
    """A turn's rows of one table in their order."""
    return sorted(rows, key=lambda row: tuple(row[column] for column in ORDER[table]))


def digest_of(table: str, row: JsonObject, salt: bytes | None) -> str:
    """Digests (hex) of what stays of a row and, where its table has contents, of those; the latter empty without salt.

    Args:
        table: the row's table.
        row: as it is written or as it was read: both give the same.
        salt: of the entry; None when it was erased.
    """
    contents = CONTENTS.get(table, ())
    values = {
        name: plain(row.get(name), kind) if kind in _MANY_FORMS else row.get(name)
        for name, kind in columns(table).items()
    }
    stays = {name: value for name, value in values.items() if name not in contents} if contents else values
    structure = hashlib.sha256(canonical([table, stays]).encode()).digest()[:DIGEST_BYTES].hex()
    if not contents:
        return structure
    if salt is None:
        return f"{structure}."
    said = canonical([table, {name: values[name] for name in contents}])
    return f"{structure}.{hmac.digest(salt, said.encode(), 'sha256')[:DIGEST_BYTES].hex()}"


def plain(value: Any, kind: str) -> Any:
    """A column's value in the one form that it has before it is written and after it is read back.

    Args:
        value: JSON, as the statement that writes it takes it, or what psycopg gives.
        kind: the column's type.
    """
    if value is None:
        return None
    if kind == "timestamptz":
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            return value
        try:
            return moment(datetime.fromisoformat(value) if isinstance(value, str) else value)
        except ValueError:
            return value  # what Python has no date for, and Metta did not write
    if kind == "numeric":
        number = Decimal(str(value))
        return str(_EXACT.normalize(number)) if number else "0"  # PostgreSQL's numeric has no negative zero
    if kind == "double precision":
        return repr(float(value) + 0.0)  # nor has its jsonb
    return value


def moment(at: datetime) -> str:
    """ISO 8601 in UTC, to the microsecond, as PostgreSQL keeps it."""
    return in_utc(at).isoformat(timespec="microseconds")


def in_utc(at: datetime) -> datetime:
    """The same moment in UTC, which it is taken for when it names no zone; a calendar's ends stay in the calendar."""
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        return at.replace(tzinfo=UTC)
