"""Deployment -> newest schema: the migrate function, a custom resource of the stack; all logic is in the layer."""

from typing import Any

from metta.bootstrap.migrate import migration

_migration = migration()  # reads no variable: also what is wrong with those is an answer to CloudFormation


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Bring the database to the newest schema.

    Args:
        event: CloudFormation's request, or anything else for a run by hand.
        context: Lambda's context; its deadline bounds the work.

    Returns:
        ``{"schema": newest migration's number, "applied": [names], "missing_roles": [names]}``.
    """
    return _migration.handle(event, context)
