"""Puts the real template onto the embedded AWS, with parameters and a secret made from variables."""

from __future__ import annotations

from collections.abc import Mapping

from metta.settings import SECRET_NAMES
from metta_local import deploy
from metta_local.aws import MiniStack
from metta_local.console import CommandError

BUILD_DIRECTORY = deploy.ROOT / ".metta" / "build"
_NOT_PASSED_ON = frozenset({"CHATWOOT_ADMIN_API_KEY", "DATABASE_MIGRATE_URL", "DATABASE_ERASE_URL"})
"""Secrets that the worker function has no business with."""
PARAMETERS = (
    "CHATWOOT_BASE_URL",
    "CHATWOOT_ACCOUNT_ID",
    "CHATWOOT_INBOX_IDS",
    "CHATWOOT_ANSWER_WHEN",
    "CHATWOOT_SEND_AS",
    "CHATWOOT_HANDOFF_TEAM_ID",
    "ODOO_URL",
    "ODOO_DB",
    "ODOO_USERNAME",
    "OPENAI_MODEL",
    "OPENAI_BASE_URL",
    "METTA_MAX_ATTEMPTS",
    "BURST_QUIET_SECONDS",
    "BURST_MAX_SECONDS",
    "SQS_MAX_MESSAGES",
    "SQS_MAX_RECEIVE_COUNT",
    "LOG_LEVEL",
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
    "AWS_ENDPOINT_URL",
)
"""Variables that are parameters of the template; its name for one is the same words in CamelCase."""


def template_parameters(environment: Mapping[str, str]) -> dict[str, str]:
    """The template's parameters for what is set in ``environment``."""
    return {
        "".join(word.capitalize() for word in name.split("_")): environment[name]
        for name in PARAMETERS
        if environment.get(name)
    }


def worker_secret(environment: Mapping[str, str]) -> dict[str, str]:
    """What the function's secret holds: the secrets it needs and no others."""
    return {name: environment[name] for name in SECRET_NAMES if name not in _NOT_PASSED_ON and environment.get(name)}


def migrate_secret(environment: Mapping[str, str]) -> dict[str, str]:
    """What the migrate function's own secret holds; empty where the schema's owner is not known."""
    url = environment.get("DATABASE_MIGRATE_URL")
    return {"DATABASE_MIGRATE_URL": url} if url else {}


def secret_parameters(aws: MiniStack, environment: Mapping[str, str], prefix: str = "metta") -> dict[str, str]:
    """The secrets that the functions read, made on the local AWS under names with ``prefix``: their parameters.

    Without ``DATABASE_MIGRATE_URL`` the deployment does not migrate; the database must have its schema then.
    """
    parameters = {"MettaSecretArn": aws.create_secret(worker_secret(environment), prefix)}
    if owner := migrate_secret(environment):
        return parameters | {"MigrateSecretArn": aws.create_secret(owner, f"{prefix}-migrate")}
    return parameters | {"MigrateOnDeploy": "false"}


def deploy_onto(
    aws: MiniStack, environment: Mapping[str, str], more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Build for this machine, deploy, and name what came of it.

    Args:
        aws: a started local AWS.
        environment: the variables the function shall have.
        more: further parameters of the template.

    Returns:
        ``AWS_SQS_QUEUE_URL``, ``AWS_SQS_DLQ_URL`` and ``IDEMPOTENCY_TABLE`` of the deployed stack.

    Raises:
        CommandError: it does not build or deploy; the text is sam's.
    """
    parameters = {**secret_parameters(aws, environment), **template_parameters(environment), **(more or {})}
    try:
        outputs = deploy.deploy(aws, deploy.build(BUILD_DIRECTORY), parameters)
    except RuntimeError as error:
        raise CommandError(str(error)) from None
    aws.keep_and_forget(outputs["IdempotencyTableName"])
    return {
        "AWS_SQS_QUEUE_URL": outputs["QueueUrl"],
        "AWS_SQS_DLQ_URL": outputs["DeadLetterQueueUrl"],
        "IDEMPOTENCY_TABLE": outputs["IdempotencyTableName"],
    }
