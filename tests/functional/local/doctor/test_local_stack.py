"""``metta doctor`` of a stack in which all is well: what it still says is meant."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from metta_local import cli
from metta_local.stack import LocalStack

MEANT = {
    "odoo.sees_more": "warn",  # every internal user reads cost prices, and the recipe's user is one
    "queue.mapping": "skip",  # `metta worker` takes the messages here
}


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack(environ={}) as started:
        yield started


def test_nothing_is_wrong_with_the_local_stack(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    with stack.applied():
        code = cli.main(["doctor", "--json"])

    checks = json.loads(capsys.readouterr().out)["checks"]
    areas = {check["check"].partition(".")[0] for check in checks}
    assert areas == {"settings", "queue", "state", "chatwoot", "odoo", "model", "database"}
    assert {check["check"]: check["status"] for check in checks if check["status"] != "ok"} == MEANT, checks
    assert code == 0
