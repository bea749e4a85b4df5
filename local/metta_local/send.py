"""``metta send FILE``: puts one Chatwoot webhook body on the queue, as the receiver would."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path

from metta import settings as metta_settings
from metta.receiving.envelope import MAX_BODY_BYTES, NotAWebhookError, wrap
from metta_local.console import CommandError, say
from metta_local.hints import doctor
from metta_local.sqs import queue_url, sqs_client


def read_body(name: str) -> bytes:
    """The bytes of the file, or of standard input for ``-``; no more is read than SQS takes.

    Raises:
        CommandError: it cannot be read, is empty or is larger than SQS takes.
    """
    shown = shown_name(name)
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            raw = file.read(MAX_BODY_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{shown}: cannot be read ({error.strerror})") from None
    if not raw.strip():
        raise CommandError(f"{shown}: empty; give the JSON body of a Chatwoot webhook")
    if len(raw) > MAX_BODY_BYTES:
        raise CommandError(f"{shown}: more than {MAX_BODY_BYTES} bytes, which is the most that SQS takes")
    return raw


def shown_name(name: str) -> str:
    """The file as messages call it."""
    return "standard input" if name == "-" else name


def run(name: str, *, as_json: bool = False) -> int:
    """Send the webhook body in the file ``name``.

    The body is checked before anything is contacted. Sending the same file twice within five minutes gives one
    message on a FIFO queue, as two deliveries of one event do.

    Raises:
        CommandError: the file or the queue is at fault.
        SettingsError: the queue is not named.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        envelope = wrap(read_body(name))
    except NotAWebhookError as error:
        raise CommandError(f"{shown_name(name)}: {error}") from None
    settings = metta_settings.load()
    url = queue_url(settings)
    try:
        message_id = envelope.send(sqs_client(settings), url)
    except (ClientError, BotoCoreError) as error:
        raise CommandError(
            f"AWS_SQS_QUEUE_URL: the queue did not take the message: {error}; {doctor('queue')}"
        ) from None
    sent = {"messageId": message_id, "messageGroupId": envelope.group, "deduplicationId": envelope.deduplication}
    if as_json:
        say(json.dumps(sent))
    else:
        say(f"queued {message_id} in group {envelope.group} (deduplication {envelope.deduplication})")
    return 0
