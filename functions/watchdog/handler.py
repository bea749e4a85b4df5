"""Schedule -> a look for customers left unanswered: the watchdog function; all logic is in the layer."""

from typing import Any

from metta.bootstrap.starting import Start

with Start() as start:  # built once, at init: variables are checked here
    from metta.bootstrap.watchdog import watchdog

    start.make(watchdog)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Look once.

    Args:
        event: the schedule's event; nothing in it is used.
        context: Lambda's context; its deadline bounds the work.

    Returns:
        How many conversations were found, and what became of them.
    """
    return watchdog().handle(event, context)
