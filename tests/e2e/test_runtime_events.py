"""Every event of ``events/`` through the built worker: under AWS's emulator, and on the Python that Lambda has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e_world import EVENTS, World
from event_outcomes import ENDINGS, Ending, play
from lambda_emulator import MISSING, PRESENT, emulated
from lambda_runtime import LambdaFunction
from metta.messages import JsonObject
from metta.settings import SECRET_NAMES
from metta_local import deploy
from metta_local.stack import LocalStack

pytestmark = pytest.mark.e2e

PYTHON = "3.13"
"""What the template names as runtime, and what the layers are built for unless told otherwise."""
BUILD_DIRECTORY = deploy.ROOT / ".metta" / f"build-{PYTHON}"
PAYLOADS = deploy.ROOT / "tests" / "payloads" / "chatwoot"
CLIENT_PACKAGES = ("awslambdaric", "simplejson", "snapshot-restore-py")


def interpreter() -> str:
    """A Python of that version that really runs; the test is skipped where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for command in (f"python{PYTHON}", *sorted(map(str, pyenv.glob(f"versions/{PYTHON}.*/bin/python")))):
        if shutil.which(command) is None:
            continue
        asked = [command, "-c", "import sys; print('%d.%d %s' % (*sys.version_info[:2], sys.executable))"]
        version, _, path = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.partition(" ")
        if version == PYTHON:
            return path.strip()
    pytest.skip(f"no Python {PYTHON} here")


def client_of(directory: Path) -> Path:
    """The pinned runtime client, installed for that version."""
    requirements = (deploy.ROOT / "requirements" / "dev.txt").read_text()
    pinned = re.findall(
        rf"^(?:{'|'.join(CLIENT_PACKAGES)})==[^\n]*(?:\n    --hash=[^\n]*)+", requirements, re.MULTILINE
    )
    assert len(pinned) == len(CLIENT_PACKAGES)
    (directory / "client.txt").write_text("\n".join(pinned) + "\n")
    command = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--python-version", PYTHON, "--target", directory / "site"]
    subprocess.run([*command, "--requirement", directory / "client.txt"], check=True)
    return directory / "site"


@pytest.fixture(scope="module")
def variables(stack: LocalStack) -> dict[str, str]:
    """What the template gives the function: the secrets in one secret, all else in variables."""
    wire_secret = json.loads((PAYLOADS / "16_wire_headers.json").read_text())["secret"]
    everything = stack.environment() | {"CHATWOOT_WEBHOOK_SECRET_PREVIOUS": wire_secret, "BURST_QUIET_SECONDS": "0"}
    secret = {name: everything.pop(name) for name in SECRET_NAMES if name in everything}
    assert stack.aws is not None
    return everything | {"METTA_SECRET_ARN": stack.aws.create_secret(secret, name="runtime-events")}


def endings(world: World, invoke: Callable[[JsonObject], Any], read_log: Callable[[], str]) -> dict[str, Ending]:
    ended = {}
    for name in ENDINGS:
        world.forget()
        ended[name] = play(world, name, invoke, read_log)
    return ended


def test_no_event_is_left_out() -> None:
    assert set(ENDINGS) == {path.stem for path in EVENTS.glob("[0-9]*.json")}, "the numbered ones are the worker's"


@pytest.mark.skipif(not PRESENT, reason=MISSING)
def test_under_aws_s_emulator_each_event_ends_as_it_shall(
    world: World, variables: dict[str, str], built: Path, tmp_path: Path
) -> None:
    with emulated(built, variables, tmp_path, seconds=60) as function:
        ended = endings(world, function, lambda: function.log)

    assert ended == ENDINGS


def test_on_the_python_of_lambda_each_event_ends_as_it_shall(
    world: World, variables: dict[str, str], tmp_path: Path
) -> None:
    python = interpreter()
    built = deploy.build(BUILD_DIRECTORY, python=PYTHON).parent
    site = client_of(tmp_path)

    with LambdaFunction(built, variables, tmp_path, interpreter=python, site=site) as function:
        ended = endings(world, lambda event: function.invoke(event).payload, lambda: function.log)

    assert ended == ENDINGS, function.log[-4000:]
