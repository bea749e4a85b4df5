"""One local stack for the pages, in which conversation 84 has been answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO

import psycopg
import pytest

from functional.local.processes import until
from metta_local.inprocess import InProcessWorker
from metta_local.stack import LocalStack


@dataclass(frozen=True)
class Prepared:
    """What the pages' commands find."""

    variables: Mapping[str, str]
    turn_id: str


@pytest.fixture(scope="module")
def prepared() -> Iterator[Prepared]:
    """Conversation 84 of contact 901 is over, and its audit written; then nobody works any more."""
    with LocalStack() as stack, stack.applied():
        settings = stack.settings()
        assert stack.chatwoot is not None
        with (
            InProcessWorker(settings, log_stream=StringIO(), emit_metrics=False),
            psycopg.connect(settings.database.get_secret_value(), autocommit=True) as database,
        ):
            stack.chatwoot.customer_writes(901, "Hi, where is my order S00042?", 12)

            def turns() -> list[tuple[str]]:
                return database.execute("SELECT id FROM metta.turns WHERE conversation_id = 84").fetchall()

            until(lambda: bool(turns()))
            ((turn_id,),) = turns()
        receiver = {"QUEUE_URL": settings.aws_sqs_queue_url or "", "WEBHOOK_SECRET": "ours"}
        variables = {**stack.environment(), **receiver, "AWS_EC2_METADATA_DISABLED": "true"}
        yield Prepared(variables, turn_id)
