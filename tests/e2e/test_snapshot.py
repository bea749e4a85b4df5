"""The built worker with SnapStart, under AWS's runtime client: what a snapshot of it holds, and how it goes on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from e2e_world import World, load_event
from lambda_runtime import LambdaFunction
from metta.settings import SECRET_NAMES
from metta_local.stack import LocalStack

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="looks into a process as Linux shows it"),
]

PROC = Path("/proc")
WORKED = "snapshot"
UNREADABLE = "not yet"


def split(stack: LocalStack) -> tuple[dict[str, str], dict[str, str]]:
    """Variables of the function, and the secrets that its secret holds."""
    variables = stack.environment() | {"BURST_QUIET_SECONDS": "0", "METTA_TRACING": "xray"}
    return variables, {name: variables.pop(name) for name in SECRET_NAMES if name in variables}


def secret_words(secrets: dict[str, str]) -> dict[str, bytes]:
    """What to look for: of a connection string the password, of all else the whole."""
    return {
        name: ((urlsplit(value).password or "") if "://" in value else value).encode()
        for name, value in secrets.items()
    }


def memory(pid: int) -> Iterator[bytes]:
    """Everything that the process can read and write."""
    with (PROC / str(pid) / "mem").open("rb", buffering=0) as mem:
        for line in (PROC / str(pid) / "maps").read_text().splitlines():
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if found and "[v" not in line:
                start, end = (int(edge, 16) for edge in found.groups())
                mem.seek(start)
                yield mem.read(end - start)


def found_in(pid: int, words: dict[str, bytes]) -> set[str]:
    """Names of the words that the process holds anywhere."""
    return {name for piece in memory(pid) for name, word in words.items() if word and word in piece}


def sockets(pid: int) -> list[str]:
    """Its sockets, as the kernel names them."""
    links = (os.readlink(entry) for entry in (PROC / str(pid) / "fd").iterdir())
    return [link for link in links if link.startswith("socket:")]


def threads(pid: int) -> list[str]:
    """Names of its threads."""
    return [(task / "comm").read_text().strip() for task in (PROC / str(pid) / "task").iterdir()]


@pytest.fixture
def restorable(stack: LocalStack, built: Path, tmp_path: Path) -> Iterator[tuple[LambdaFunction, dict[str, str]]]:
    """A function that was not started yet, and its secrets; their secret is unreadable until a test fills it."""
    assert stack.aws is not None
    variables, secrets = split(stack)
    client = stack.aws.client("secretsmanager")
    arn = client.create_secret(Name=WORKED, SecretString=UNREADABLE)["ARN"]
    try:
        with LambdaFunction(built, variables | {"METTA_SECRET_ARN": arn}, tmp_path) as function:
            yield function, secrets
    finally:
        client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def fill(stack: LocalStack, values: dict[str, str]) -> None:
    assert stack.aws is not None
    stack.aws.client("secretsmanager").put_secret_value(SecretId=WORKED, SecretString=json.dumps(values))


def test_a_snapshot_holds_no_secret_socket_or_thread_and_the_restored_worker_answers(
    world: World, stack: LocalStack, restorable: tuple[LambdaFunction, dict[str, str]]
) -> None:
    function, secrets = restorable
    event = load_event("01_incoming_text_webwidget")
    world.remember(event)

    pid = function.until_snapshot()
    before = {
        "threads": len(threads(pid)),
        "sockets": len(sockets(pid)),
        "secrets": found_in(pid, secret_words(secrets)),
    }
    fill(stack, secrets)
    function.restore()
    answer = function.invoke(event)

    # The one socket is that on which it asks Lambda how to go on.
    assert before == {"threads": 1, "sockets": 1, "secrets": set()}, function.log[-4000:]
    assert answer.payload == {"batchItemFailures": []}, function.log[-4000:]
    assert len(world.replies(84)) == 1
    # The search finds what is there to be found.
    assert {"CHATWOOT_API_KEY", "OPENAI_API_KEY", "DATABASE_URL"} <= found_in(pid, secret_words(secrets))


def test_what_is_malformed_ends_init_before_a_snapshot_is_taken(
    world: World, stack: LocalStack, built: Path, tmp_path: Path
) -> None:
    variables, _ = split(stack)
    variables |= {"METTA_SECRET_ARN": UNREADABLE, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}

    with LambdaFunction(built, variables | {"CHATWOOT_BASE_URL": ""}, tmp_path) as function:
        answer = function.invoke(load_event("01_incoming_text_webwidget"))

    assert answer.failed
    assert "CHATWOOT_BASE_URL" in answer.payload["errorMessage"]
    assert not function.snapshot_taken


def test_a_restored_worker_without_its_secret_says_which(
    world: World, stack: LocalStack, restorable: tuple[LambdaFunction, dict[str, str]]
) -> None:
    function, secrets = restorable
    function.until_snapshot()
    fill(stack, {name: value for name, value in secrets.items() if name != "CHATWOOT_API_KEY"})
    function.restore()

    answer = function.invoke(load_event("01_incoming_text_webwidget"))

    assert answer.failed
    assert "CHATWOOT_API_KEY" in function.log


def test_two_environments_of_one_snapshot_draw_different_numbers(tmp_path: Path) -> None:
    program = """
import random, snapshot_restore_py
from metta.bootstrap.starting import Start
with Start() as start:
    start.make(lambda: None)
random.seed(7)
hooks = snapshot_restore_py.get_after_restore()
assert len(hooks) == 1
for function, arguments, named in hooks:
    function(*arguments, **named)
print(random.random())
"""
    drawn = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    }

    assert len(drawn) == 2
