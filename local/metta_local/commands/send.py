"""``metta send``: its arguments and its help."""

from __future__ import annotations

import argparse

from metta_local.commands.command import Command, json_option


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the body as JSON; - reads standard input")
    json_option(parser, "ids of the queued message as one JSON object")


def _run(chosen: argparse.Namespace) -> int:
    from metta_local import send

    return send.run(chosen.file, as_json=chosen.json)


COMMAND = Command(
    name="send",
    summary="put a Chatwoot webhook body on the queue AWS_SQS_QUEUE_URL",
    description="""
        Checks the body and sends it as the receiver would: the group is account and conversation, the deduplication id
        is account, event and message. The same file twice within five minutes is one message on a FIFO queue.
        """,
    needs=("AWS_SQS_QUEUE_URL",),
    uses=("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"),
    examples=(
        ("metta send body.json", "one event"),
        ("metta send - < body.json", "from standard input"),
        ("metta send body.json --json", "message id, group and deduplication id"),
    ),
    good="the queue has the message",
    more=("docs/receiver.md",),
    arguments=_arguments,
    run=_run,
)
