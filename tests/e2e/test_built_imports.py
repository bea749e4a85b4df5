"""The built artifacts hold all that the functions import, also where they import it late."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lambda_runtime import client_path
from metta.settings import SECRET_NAMES
from metta_local.stack import LocalStack

pytestmark = pytest.mark.e2e

FUNCTIONS = ("WorkerFunction", "WatchdogFunction", "WebhookFunction", "ConsoleFunction", "MigrateFunction")
EVERY_MODULE = """
import importlib, pkgutil
import metta
found = [module.name for module in pkgutil.walk_packages(metta.__path__, "metta.")]
assert len(found) > 100, found
for name in found:
    importlib.import_module(name)
"""
ENCRYPTED = """
from metta.messages import ConversationKey
from metta.persistence.chain import chain_keys
from metta.persistence.heads import MemoryHeads
from metta.persistence.vault import Reader, Vault, encrypting
heads, keys, key = MemoryHeads(), chain_keys("a key"), ConversationKey(account_id=3, conversation_id=1)
said = encrypting(Vault(heads, keys).key_of(key, heads.look(key)))("turns", "reply", "hello")
assert said != "hello" and Reader(heads, keys).opened(key, "turns", {"reply": said}) == {"reply": "hello"}, said
"""


def run(program: str, *directories: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it with the standard library and ``directories`` alone."""
    return subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, directories)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_FUNCTION_NAME": "metta",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def layers(built: Path) -> list[Path]:
    return [built / name / "python" for name in ("MettaLayer", "DependenciesLayer")]


def test_every_module_finds_what_it_imports(built: Path) -> None:
    done = run(EVERY_MODULE, *layers(built))

    assert done.returncode == 0, done.stderr


def test_contents_can_be_encrypted_and_read_again(built: Path) -> None:
    done = run(ENCRYPTED, *layers(built))

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_starts(stack: LocalStack, built: Path, tmp_path: Path, name: str) -> None:
    assert stack.aws is not None
    variables = stack.environment()
    secrets = {secret: variables.pop(secret) for secret in SECRET_NAMES if secret in variables}
    arn = stack.aws.create_secret(secrets, name=f"start-{name}")

    done = run(
        "import handler; assert callable(handler.handler)",
        built / name,
        *layers(built),
        client_path(tmp_path / "client"),
        METTA_SECRET_ARN=arn,
        METTA_TRACING="xray",
        **variables,
    )

    assert done.returncode == 0, done.stderr
