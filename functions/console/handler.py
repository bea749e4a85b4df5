"""Signed HTTP requests of operators -> health and simulations: the console function; all logic is in the layer."""

from typing import Any

from metta.bootstrap.starting import Start

with Start() as start:  # built once, at init: variables are checked here
    from metta.bootstrap.console import console

    start.make(console)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request.

    Args:
        event: as a Function URL sends it.
        context: Lambda's context; its deadline bounds a simulation.

    Returns:
        The response, as a Function URL takes it.
    """
    return console().handle(event, context)
