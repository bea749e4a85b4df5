"""One MiniStack for this folder; each test has a queue of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from metta_local.aws import MiniStack


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    directory: Path = tmp_path_factory.mktemp("aws")
    with MiniStack(directory) as running:
        yield running


@pytest.fixture
def queue_url(aws: MiniStack) -> str:
    return aws.create_queues(f"q{uuid.uuid4().hex[:12]}")[0]


@pytest.fixture
def sqs(aws: MiniStack) -> Any:
    return aws.client("sqs")
