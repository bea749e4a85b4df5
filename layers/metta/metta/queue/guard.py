"""Powertools idempotency as the outer guard of each message; turn state is the inner one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
)

from metta.errors import ConversationBusy, StateDown
from metta.messages import ConversationKey, JsonObject
from metta.queue.state import KEEP_SECONDS, LEASE_SECONDS

Settle = Callable[[], JsonObject]
BUSY_SECONDS = 8.0
"""When a message in progress elsewhere is looked at again."""


class _InProgress:
    """What Powertools takes for the invocation's context: how long a message counts as in progress.

    Not the invocation's whole time: whoever takes over a killed worker's message shall not wait longer than for its
    lease, and who takes over one that is still being worked on is stopped by the lease.
    """

    def __init__(self, context: Any) -> None:
        self._context = context

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds."""
        return int(min(self._context.get_remaining_time_in_millis(), LEASE_SECONDS * 1000))


class Guard(Protocol):
    """Runs ``settle`` for a message unless it is known to be settled; then gives the recorded result."""

    def once(self, key: ConversationKey, message_id: int, settle: Settle) -> JsonObject:
        """Raises what ``settle`` raises, ``ConversationBusy`` and ``StateDown``."""
        ...

    def register(self, context: Any) -> None:
        """Tell it the invocation's context, from which it learns how long a message may be in progress."""
        ...


class IdempotencyGuard:
    """Keeps one item per message in DynamoDB, keyed by Chatwoot's ids; no text is stored.

    Args:
        client: a boto3 DynamoDB client.
        table: the table's name.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._config = IdempotencyConfig(
            event_key_jmespath="[account, event, message]",
            raise_on_no_idempotency_key=True,
            expires_after_seconds=KEEP_SECONDS,
        )
        store = DynamoDBPersistenceLayer(table_name=table, boto3_client=client)

        def settled(*, message: JsonObject, settle: Settle) -> JsonObject:  # noqa: ARG001 - the key is read from it
            return settle()

        self._settled: Callable[..., JsonObject] = idempotent_function(
            settled,
            data_keyword_argument="message",
            persistence_store=store,
            config=self._config,
            key_prefix="message",
        )

    def register(self, context: Any) -> None:
        """Learn the invocation's deadline."""
        in_progress: Any = _InProgress(context)
        self._config.register_lambda_context(in_progress)

    def once(self, key: ConversationKey, message_id: int, settle: Settle) -> JsonObject:
        """Settle the message once; an unfinished earlier try that cannot be running any more is taken over."""
        message = {"account": key.account_id, "event": "message_created", "message": message_id}
        try:
            return self._settled(message=message, settle=settle)
        except IdempotencyAlreadyInProgressError:
            raise ConversationBusy("the message is being worked on elsewhere", after_seconds=BUSY_SECONDS) from None
        except (IdempotencyInconsistentStateError, IdempotencyPersistenceLayerError) as error:
            raise StateDown(f"idempotency table: {type(error).__name__}") from error
