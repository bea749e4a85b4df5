"""``metta doctor`` has nothing to object to what we set up ourselves: the local stack, and the deployed template."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from metta_local.deployed import worker_secret
from metta_local.doctor import AREAS
from metta_local.stack import LocalStack

pytestmark = pytest.mark.e2e

MEANT = {"odoo.sees_more"}
"""The emulated Odoo's bot is an internal user, who reads cost prices as every such user does."""


def examined(variables: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What the command says in a process of its own, by the names of the checks."""
    done = subprocess.run(
        [sys.executable, "-m", "metta_local.cli", "doctor", "--json"],
        env={"PATH": os.environ["PATH"], **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (0, True), told
    assert list(dict.fromkeys(check["check"].partition(".")[0] for check in told["checks"])) == list(AREAS)
    return {check["check"]: check for check in told["checks"]}


def warned(found: Mapping[str, Mapping[str, str]]) -> set[str]:
    return {name for name, check in found.items() if check["status"] == "warn"}


def test_a_sound_local_stack_is_all_right(stack: LocalStack) -> None:
    found = examined(stack.environment())

    assert warned(found) == MEANT
    assert {name for name, check in found.items() if check["status"] == "skip"} == {"queue.mapping"}


def test_the_secret_does_in_place_of_the_variables(stack: LocalStack) -> None:
    assert stack.aws is not None
    variables = stack.environment()
    secret = worker_secret(variables)
    arn = stack.aws.create_secret(secret, "doctor")
    public = {name: value for name, value in variables.items() if name not in secret}

    found = examined({**public, "METTA_SECRET_ARN": arn})

    assert found["settings.secret"]["status"] == "ok"
    assert warned(found) == MEANT


@pytest.fixture(scope="module")
def deployed(built: Path) -> Iterator[LocalStack]:
    """The template, with numbers that its functions know and this process does not."""
    parameters = {"SqsMaxReceiveCount": "7", "WorkerTimeoutSeconds": "120"}
    with LocalStack({}, deploy=True, parameters=parameters) as started:
        yield started


def test_the_deployed_template_is_all_right(deployed: LocalStack) -> None:
    found = examined(deployed.environment())

    assert warned(found) == MEANT, found
    assert found["queue.mapping"]["status"] == "ok"
    assert found["queue.visibility"]["found"] == "720 s, at least six times the function's timeout of 120 s"
    assert found["queue.redrive"]["found"].startswith("after 7 receives")
