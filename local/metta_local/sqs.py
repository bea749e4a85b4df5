"""SQS for the commands: a client that is bounded in time, and clear words about what is missing."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from metta.errors import SettingsError
from metta.settings import Settings
from metta_local.sqs_event import queue_arn

SQS_TROUBLE = (ClientError, BotoCoreError, ResponseParserError)
"""Whatever a call of SQS can fail with; botocore's error about an unreadable answer is on no common branch."""


def queue_url(settings: Settings) -> str:
    """The queue's URL, checked for its shape.

    Raises:
        SettingsError: it is missing or not the URL of a queue.
    """
    url = settings.queue.queue_url
    try:
        queue_arn(url, "")
    except ValueError as error:
        raise SettingsError(f"AWS_SQS_QUEUE_URL: {error}, https://sqs.REGION.amazonaws.com/ACCOUNT/NAME") from None
    return url


def sqs_client(settings: Settings) -> Any:
    """A boto3 SQS client for a long-polling loop.

    Raises:
        SettingsError: no region is known.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import NoRegionError

    config = Config(
        connect_timeout=5,
        read_timeout=settings.sqs_wait_time_seconds + 10,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )
    session: Any = boto3.session.Session()
    try:
        return session.client("sqs", endpoint_url=settings.aws_endpoint_url, config=config)
    except NoRegionError:
        raise SettingsError("not set: AWS_DEFAULT_REGION") from None
