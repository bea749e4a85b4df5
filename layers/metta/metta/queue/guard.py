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
from metta.queue.state import KEEP_SECONDS

Settle = Callable[[], JsonObject]
BUSY_SECONDS = 2.0
"""When a message that was begun a moment ago elsewhere is looked at again."""


class _InProgress:
    """What Powertools takes for the invocation's context: how long a message counts as in progress.

    Not the invocation's whole time, but a moment: who meets a message in progress is told by the conversation's lease
    whether its worker is alive, and shall not wait for a killed one any longer than that.
    """

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds."""
        return 1000


class Guard(Protocol):
    """Runs ``settle`` for a message unless it is known to be settled; then gives the recorded result."""

    def once(self, key: ConversationKey, message_id: int, settle: Settle) -> JsonObject:
        """Raises what ``settle`` raises, ``ConversationBusy`` and ``StateDown``."""
        ...


class IdempotencyGuard:
    """Keeps one item per message in DynamoDB, keyed by Chatwoot's ids; no text is stored.

    Args:
        client: a boto3 DynamoDB client.
        table: the table's name.
    """

    def __init__(self, client: Any, table: str) -> None:
        in_progress: Any = _InProgress()
        config = IdempotencyConfig(
            event_key_jmespath="[account, event, message]",
            raise_on_no_idempotency_key=True,
            expires_after_seconds=KEEP_SECONDS,
            lambda_context=in_progress,
        )
        store = DynamoDBPersistenceLayer(table_name=table, boto3_client=client)

        def settled(*, message: JsonObject, settle: Settle) -> JsonObject:  # noqa: ARG001 - the key is read from it
            return settle()

        self._settled: Callable[..., JsonObject] = idempotent_function(
            settled,
            data_keyword_argument="message",
            persistence_store=store,
            config=config,
            key_prefix="message",
        )

    def once(self, key: ConversationKey, message_id: int, settle: Settle) -> JsonObject:
        """Settle the message once; an unfinished earlier try that cannot be running any more is taken over."""
        message = {"account": key.account_id, "event": "message_created", "message": message_id}
        try:
            return self._settled(message=message, settle=settle)
        except IdempotencyAlreadyInProgressError:
            raise ConversationBusy("the message is being worked on elsewhere", after_seconds=BUSY_SECONDS) from None
        except (IdempotencyInconsistentStateError, IdempotencyPersistenceLayerError) as error:
            raise StateDown(f"idempotency table: {type(error).__name__}") from error
