"""The SQS client of the commands: bounded in time, and clear about what is missing."""

from __future__ import annotations

from typing import Any

from metta.errors import SettingsError
from metta.settings import Settings


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
        raise SettingsError("not set: AWS_REGION") from None
