"""SQS batch -> turns: the worker function; all logic is in the layer."""

from typing import Any

from metta.bootstrap.starting import Start

with Start() as start:  # built once, at init: variables are checked here
    from metta.bootstrap.worker import rehearse, worker

    start.make(worker, rehearse)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle one batch.

    Args:
        event: SQS event as the event source mapping delivers it.
        context: Lambda's context; its deadline bounds the work.

    Returns:
        The partial batch response: the records that are to be delivered again.
    """
    return worker().handle(event, context)
