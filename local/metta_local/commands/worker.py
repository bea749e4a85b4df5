"""``metta worker``: its arguments and its help."""

from __future__ import annotations

import argparse

from metta_local.commands import values
from metta_local.commands.command import Command, json_option


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--health-port", type=values.port, metavar="N", help="answer health checks on this port")
    parser.add_argument("--health-host", default="127.0.0.1", metavar="ADDRESS", help="(127.0.0.1)")
    parser.add_argument(
        "--watchdog-seconds",
        type=values.seconds,
        default=300.0,
        metavar="N",
        help="between two looks for customers left unanswered; 0 for none (300)",
    )
    json_option(parser, "logs and metrics are JSON Lines anyway; the last line then says how much was done")


def _run(chosen: argparse.Namespace) -> int:
    from metta_local import worker_command

    return worker_command.run(
        health_port=chosen.health_port,
        health_host=chosen.health_host,
        watchdog_seconds=chosen.watchdog_seconds,
        as_json=chosen.json,
    )


COMMAND = Command(
    name="worker",
    summary="answer from the queue AWS_SQS_QUEUE_URL until SIGTERM or SIGINT",
    description="""
        Polls the queue and gives what it finds to the same handler that runs on Lambda. On SIGTERM or SIGINT it
        finishes what is in hand, at most SHUTDOWN_TIMEOUT_SECONDS; a second signal gives it back to the queue at once.

        The health port answers GET / with 200 while the worker works, and with 503 when it does not.
        """,
    needs=(
        "AWS_SQS_QUEUE_URL",
        "IDEMPOTENCY_TABLE",
        "CHATWOOT_BASE_URL",
        "CHATWOOT_API_KEY",
        "CHATWOOT_ACCOUNT_ID",
        "ODOO_URL",
        "ODOO_DB",
        "ODOO_USERNAME",
        "ODOO_API_KEY",
        "OPENAI_API_KEY",
        "DATABASE_URL",
    ),
    uses=(
        "AWS_SQS_DLQ_URL",
        "AUDIT_KEY",
        "WORKER_ENABLED",
        "SQS_MAX_MESSAGES",
        "SQS_WAIT_TIME_SECONDS",
        "SQS_VISIBILITY_TIMEOUT",
        "SHUTDOWN_TIMEOUT_SECONDS",
        "METTA_POLICY",
        "LOG_LEVEL",
    ),
    examples=(
        ("metta worker", "until SIGTERM"),
        ("metta worker --health-port 8080", "for a supervisor that asks over HTTP"),
        ("metta worker --watchdog-seconds 0", "where the watchdog runs as a function of its own"),
    ),
    good="stopped by SIGINT or SIGTERM; nothing is lost",
    more=("docs/deploy.md", "docs/runbook.md"),
    arguments=_arguments,
    run=_run,
)
