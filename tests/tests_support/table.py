"""The table of idempotency and turn state on an in-process DynamoDB, as far as tests of its items need it."""

from __future__ import annotations

from typing import Any

import boto3


def state_table(name: str = "state-table") -> Any:
    """A client whose table ``name`` exists; call it inside ``mock_aws``."""
    client = boto3.client("dynamodb", region_name="us-east-1")
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client
