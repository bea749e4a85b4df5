"""A DynamoDB table as the template makes it, in process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from tests_support.table import state_table


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = state_table()
        yield client
