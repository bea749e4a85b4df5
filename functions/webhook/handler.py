"""Chatwoot's POST -> SQS: the webhook function; all logic is in the layer."""

from typing import Any

from metta.bootstrap.starting import Start

with Start() as start:  # built once, at init: variables are checked here
    from metta.bootstrap.webhook import webhook

    start.make(webhook)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Receive one webhook.

    Args:
        event: the HTTP request, as a Function URL or an HTTP API delivers it.
        context: Lambda's context.

    Returns:
        The HTTP response: a status and a fixed word.
    """
    return webhook().handle(event, context)
