"""What a variable puts in the place of an emulated service: nobody's real messages are played with."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from metta_local.console import CommandError
from metta_local.given_services import check

REAL = "https://sqs.eu-central-1.amazonaws.com/123456789012/metta.fifo"


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("endpoint", [{}, {"AWS_ENDPOINT_URL": "https://sqs.example.com"}])
def test_messages_of_a_real_queue_are_not_answered_to_an_emulated_chatwoot(endpoint: dict[str, str]) -> None:
    with pytest.raises(CommandError, match=r"AWS_SQS_QUEUE_URL is set and CHATWOOT_BASE_URL is not"):
        check({"AWS_SQS_QUEUE_URL": REAL, **endpoint})


def test_with_its_own_chatwoot_a_real_queue_is_used() -> None:
    check({"AWS_SQS_QUEUE_URL": REAL, "CHATWOOT_BASE_URL": "https://chat.example.com"})


def test_a_queue_of_this_machine_is_nobodys(listening: str) -> None:
    check({"AWS_SQS_QUEUE_URL": f"http://{listening}/000000000000/metta.fifo"})
    check({"AWS_SQS_QUEUE_URL": REAL, "AWS_ENDPOINT_URL": f"http://{listening}"})


def test_a_variable_of_a_stack_that_has_ended_is_named(listening: str) -> None:
    gone = "http://127.0.0.1:1"
    with pytest.raises(CommandError, match=r"^ODOO_URL: set, but nothing listens there;.* `unset ODOO_URL`"):
        check({"ODOO_URL": gone, "DATABASE_URL": f"postgresql://metta@{listening}/metta"})


def test_without_a_key_the_models_address_does_not_count() -> None:
    check({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"})
    with pytest.raises(CommandError, match="OPENAI_BASE_URL"):
        check({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": "sk-1"})
