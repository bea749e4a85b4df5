"""What the reading subcommands need: which conversation is meant, the database, the chain's keys and its heads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from metta import settings as metta_settings
from metta.errors import SettingsError
from metta.messages import ConversationKey
from metta.persistence.chain import ChainKey, chain_keys
from metta.persistence.heads import DynamoHeads
from metta.persistence.read import reading
from metta.persistence.vault import Reader
from metta.settings import Settings
from metta_local.console import CommandError

_LARGEST = 2**63 - 1


def conversation_key(named: str, account: int | None, settings: Settings | None = None) -> ConversationKey:
    """The conversation that is meant by ``84`` or ``3:84``.

    Args:
        named: as it was typed.
        account: of ``--account``.
        settings: ``CHATWOOT_ACCOUNT_ID`` is taken from there; read when None.

    Raises:
        CommandError: it is no number, or no account or two are named.
        SettingsError: a variable is malformed.
    """
    before, colon, number = named.rpartition(":")
    if not _is_id(number) or (colon and not _is_id(before)):
        raise CommandError(f"{named[:40]!r} is not a conversation's number, such as 84 or 3:84")
    if colon and account is not None and int(before) != account:
        raise CommandError(f"{named} is a conversation of account {before}, not of {account}")
    if colon:
        account = int(before)
    if account is None:
        account = (settings or metta_settings.load()).chatwoot_account_id
    if account is None:
        raise CommandError(f"which account? Say {number} as ACCOUNT:{number}, or set CHATWOOT_ACCOUNT_ID or --account")
    return ConversationKey(account_id=account, conversation_id=int(number))


@contextmanager
def log_of(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection that can only read, by ``DATABASE_URL`` or, where that is not set, by one of the other roles'.

    Raises:
        SettingsError: none is set, or it is not a connection string.
        AuditDown: the database cannot be reached or read.
    """
    for variable in ("DATABASE_URL", "DATABASE_ERASE_URL", "DATABASE_MIGRATE_URL"):
        url = getattr(settings, variable.lower())
        if url is not None:
            with reading(url.get_secret_value(), variable=variable) as connection:
                yield connection
            return
    raise SettingsError("not set: DATABASE_URL")


def keys_of(settings: Settings) -> tuple[ChainKey, ...]:
    """The keys that entries may be sealed with.

    Raises:
        SettingsError: ``AUDIT_KEY`` is not set.
    """
    if settings.audit_key is None:
        raise SettingsError(
            "not set: AUDIT_KEY (the key that the worker seals the audit log with; nothing can be checked without it. "
            "Where the log was always written without one, any will do: entries without a key are told apart)"
        )
    return chain_keys(settings.audit_key.get_secret_value())


def reader_of(settings: Settings) -> Reader:
    """Reads encrypted contents, as far as ``AUDIT_KEY`` and the table where their keys are kept are set."""
    if settings.idempotency_table is None or settings.audit_key is None:
        return Reader()
    return Reader(DynamoHeads(*heads_table(settings)), keys_of(settings))


def heads_table(settings: Settings) -> tuple[Any, str]:
    """A DynamoDB client, and the table where chains' ends are kept.

    Raises:
        SettingsError: the table or the region is not set.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import NoRegionError

    table = settings.state.table
    config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 4, "mode": "standard"})
    session: Any = boto3.session.Session()
    try:
        return session.client("dynamodb", endpoint_url=settings.aws_endpoint_url, config=config), table
    except NoRegionError:
        raise SettingsError("not set: AWS_DEFAULT_REGION") from None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST
