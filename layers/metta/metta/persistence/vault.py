"""Keys of encrypted contents, one per conversation, and what is read and written with them.

A conversation's key is random and stands nowhere in the database: it is kept in the item of the chain's head, itself
encrypted with a key that comes from ``AUDIT_KEY``. Erasure destroys it, and with it what backups of the database say.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from metta.errors import AuditDown, SettingsError
from metta.messages import ConversationKey, JsonObject
from metta.persistence.chain import ChainKey
from metta.persistence.contents import SEALED, is_encryptable, unmarked
from metta.persistence.heads import Heads, Known

KEY_BYTES = 32
_NONCE_BYTES = 12
_INFO = b"metta audit contents"
_CANNOT_READ = "[encrypted]"
_UNREADABLE: dict[tuple[str, str], Any] = {
    ("incoming_messages", "attachments"): [{"file_type": _CANNOT_READ, "name": "", "transcript": ""}],
    ("skips", "attachments"): [{"file_type": _CANNOT_READ, "name": "", "transcript": ""}],
    ("tool_calls", "arguments"): {"encrypted": True},
    ("tool_calls", "result"): {"encrypted": True},
}
"""What stands for JSON that cannot be read, of the shape that readers expect."""


class Vault:
    """Encrypts and decrypts contents.

    Args:
        heads: where keys are kept.
        keys: those of the chain; each conversation's key is wrapped with the first.

    Raises:
        SettingsError: there is no key to wrap with.
    """

    def __init__(self, heads: Heads, keys: Sequence[ChainKey]) -> None:
        if not keys or not keys[0].secret:
            raise SettingsError("not set: AUDIT_KEY, which the policy's audit.contents: encrypted needs")
        self._heads = heads
        self._keys = tuple(keys)

    def key_of(self, key: ConversationKey, known: Known) -> bytes:
        """The key of a conversation's contents; made now where there is none, the same for all who make one at once.

        Raises:
            AuditDown: it cannot be kept, or not be unwrapped.
        """
        wrapped = known.wrapped or self._heads.agree(key, self._wrap(key, os.urandom(KEY_BYTES)))
        secret = unwrap(key, wrapped, self._keys)
        if secret is None:
            raise AuditDown("the key of a conversation's contents was wrapped with an AUDIT_KEY that is not at hand")
        return secret

    def _wrap(self, key: ConversationKey, secret: bytes) -> bytes:
        first, nonce = self._keys[0], os.urandom(_NONCE_BYTES)
        return first.id.encode() + nonce + bytes(_cipher(_wrapping(first)).encrypt(nonce, secret, str(key).encode()))


def encrypting(secret: bytes) -> Callable[[str, str, Any], str]:
    """Encrypts with a conversation's key: table, column and JSON value -> ``enc1:`` and Base64."""
    cipher = _cipher(secret)

    def encrypt(table: str, column: str, value: Any) -> str:
        nonce, said = (
            os.urandom(_NONCE_BYTES),
            json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str),
        )
        return SEALED + base64.b64encode(nonce + cipher.encrypt(nonce, said.encode(), _place(table, column))).decode()

    return encrypt


class Reader:
    """Shows contents as they were written, with each conversation's key where that is at hand.

    Args:
        heads: where keys are kept; None when they are not at hand.
        keys: those of the chain.
    """

    def __init__(self, heads: Heads | None = None, keys: Sequence[ChainKey] = ()) -> None:
        self._heads = heads
        self._keys = tuple(keys)
        self._secrets: dict[ConversationKey, bytes | None] = {}

    def opened(self, key: ConversationKey, table: str, row: JsonObject) -> JsonObject:
        """The row with its contents readable; what cannot be read says that it is encrypted.

        Args:
            key: the conversation.
            table: the row's table.
            row: as it was read; not changed.
        """
        return {
            name: self._open(key, table, name, value)
            if isinstance(value, str) and is_encryptable(table, name)
            else value
            for name, value in row.items()
        }

    def _open(self, key: ConversationKey, table: str, column: str, text: str) -> Any:
        if not text.startswith(SEALED):
            return unmarked(text)
        secret = self._secret(key)
        try:
            if secret is not None:
                return _decrypted(secret, table, column, text)
        except (ValueError, binascii.Error):
            pass
        return _UNREADABLE.get((table, column), _CANNOT_READ)

    def _secret(self, key: ConversationKey) -> bytes | None:
        if key not in self._secrets:
            wrapped = self._heads.look(key).wrapped if self._heads else None
            self._secrets[key] = unwrap(key, wrapped, self._keys) if wrapped else None
        return self._secrets[key]


def unwrap(key: ConversationKey, wrapped: bytes, keys: Sequence[ChainKey]) -> bytes | None:
    """A conversation's key; None when the one that wrapped it is not at hand."""
    from cryptography.exceptions import InvalidTag

    id_, nonce, rest = wrapped[:8], wrapped[8 : 8 + _NONCE_BYTES], wrapped[8 + _NONCE_BYTES :]
    for one in keys:
        if one.id.encode() == id_:
            try:
                return bytes(_cipher(_wrapping(one)).decrypt(nonce, rest, str(key).encode()))
            except (InvalidTag, ValueError):
                return None
    return None


def _decrypted(secret: bytes, table: str, column: str, text: str) -> Any:
    from cryptography.exceptions import InvalidTag

    data = base64.b64decode(text.removeprefix(SEALED), validate=True)
    try:
        said = _cipher(secret).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _place(table, column))
    except InvalidTag as error:
        raise ValueError("another key") from error
    return json.loads(said)


def _place(table: str, column: str) -> bytes:
    return f"{table}.{column}".encode()


def _cipher(secret: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # a tenth of a second, so only where it is used

    return AESGCM(secret)


def _wrapping(key: ChainKey) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_INFO).derive(key.secret)
