"""Releases of the real template on a local AWS, one after the other: first, next, failed, back, and the end of it.

The tests follow each other on one stack, as deployments do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from e2e_world import World
from metta.persistence import sql_files
from metta_local import deploy
from metta_local.deployed import secret_parameters, template_parameters
from metta_local.stack import LocalStack
from tests_support.deployment import Deployment, wait_until
from tests_support.releases import Change, next_release

pytestmark = pytest.mark.e2e

STACK = "metta-releases"
INSTRUCTIONS = "ai/instructions.md"
MIGRATIONS = "persistence/migrations"
NEWEST = sorted(int(path.name[:4]) for path in sql_files.MIGRATIONS.glob("*.sql"))
"""Numbers of the migrations that are packaged."""


def saying(text: str) -> Change:
    return lambda _: text


def numbered(number: int) -> Change:
    """The instructions under another number, which the audit log shows for each reply."""

    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        assert lines[1].startswith("version:")
        return "".join([lines[0], f"version: {number}\n", *lines[2:]])

    return change


@dataclass
class Operator:
    """Deploys, and looks what became of it."""

    stack: LocalStack
    built: Path
    directory: Path
    deployment: Deployment
    parameters: dict[str, str] = field(default_factory=dict)

    def deploys(self, template: Path, **more: str) -> dict[str, str]:
        assert self.stack.aws is not None
        return deploy.deploy(self.stack.aws, template, {**self.parameters, **more}, stack=STACK)

    def release(self, name: str, changes: dict[str, Change]) -> Path:
        return next_release(self.built, self.directory / name, changes)

    def schema(self) -> list[int]:
        """Migrations that the database has seen; none without the schema."""
        with psycopg.connect(self.stack.environment()["DATABASE_MIGRATE_URL"]) as owner:
            if owner.execute("SELECT to_regclass('metta.migrations')").fetchone() == (None,):
                return []
            return [number for (number,) in owner.execute("SELECT number FROM metta.migrations ORDER BY number")]


@pytest.fixture(scope="module")
def operator(stack: LocalStack, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Emulators, a database without the schema, secrets and parameters; nothing is deployed yet."""
    assert stack.aws is not None
    environment = stack.environment() | {"BURST_QUIET_SECONDS": "0"}
    with psycopg.connect(environment["DATABASE_MIGRATE_URL"]) as owner:
        owner.execute("DROP SCHEMA metta CASCADE")
    parameters = {**secret_parameters(stack.aws, environment, STACK), **template_parameters(environment)}
    return Operator(stack, built, tmp_path_factory.mktemp("releases"), Deployment(stack.aws, STACK), parameters)


@pytest.fixture
def world_of(stack: LocalStack, operator: Operator) -> Iterator[Callable[[], World]]:
    """A Chatwoot whose webhooks go to the deployed stack's queue, once it stands."""
    assert stack.chatwoot is not None
    assert stack.model is not None
    assert stack.aws is not None
    world = World(stack, stack.chatwoot, stack.model, stack.aws)
    with ExitStack() as closing:

        def connected() -> World:
            closing.enter_context(world.webhooks_on(operator.deployment.outputs["QueueUrl"]))
            return world

        yield connected


def asks(world: World) -> int:
    """A customer's message, on the deployed stack's queue; its conversation."""
    message = world.chatwoot.customer_writes(901, "Where is my order S00042?", inbox_id=12, new_conversation=True)
    return int(message["conversation_id"])


def prompt_of(operator: Operator, conversation: int) -> str:
    """Under which number of the instructions the conversation was answered."""
    with psycopg.connect(operator.stack.environment()["DATABASE_MIGRATE_URL"]) as owner:
        asked = "SELECT prompt_version FROM metta.turns WHERE conversation_id = %s AND outcome = 'answered'"
        found = owner.execute(asked, [conversation]).fetchall()
    return ",".join(version.partition("-")[0] for (version,) in found)


def answered(world: World, operator: Operator, conversation: int) -> bool:
    return wait_until(lambda: world.replies(conversation) and prompt_of(operator, conversation))


def test_a_first_deployment_without_the_migration_s_key_fails_at_once_and_names_it(operator: Operator) -> None:
    assert operator.stack.aws is not None
    empty = operator.stack.aws.create_secret({"DATABASE_URL": "postgresql://x"}, "metta-without")

    with pytest.raises(RuntimeError, match="sam deploy failed"):
        operator.deploys(operator.built / "template.yaml", MigrateSecretArn=empty)

    assert operator.deployment.status == "ROLLBACK_COMPLETE"
    assert "not set: DATABASE_MIGRATE_URL" in operator.deployment.reasons
    assert operator.schema() == []
    operator.stack.aws.client("cloudformation").delete_stack(StackName=STACK)
    assert operator.deployment.functions() == set()


def test_a_first_deployment_makes_the_schema_and_answers(world_of: Callable[[], World], operator: Operator) -> None:
    operator.deploys(operator.built / "template.yaml")

    assert operator.deployment.status == "CREATE_COMPLETE"
    assert operator.schema() == NEWEST
    assert operator.deployment.live == "1"
    world = world_of()
    conversation = asks(world)
    assert answered(world, operator, conversation), operator.deployment.log_of()[-4000:]
    assert prompt_of(operator, conversation) != "900"


def test_a_changed_line_in_the_layer_is_version_2_and_answers_on_the_next_schema(
    world_of: Callable[[], World], operator: Operator
) -> None:
    more = saying("CREATE TABLE metta.more (name text); COMMENT ON TABLE metta.more IS 'More.';")
    release = operator.release("next", {INSTRUCTIONS: numbered(900), f"{MIGRATIONS}/0900_more.sql": more})

    operator.deploys(release)

    assert operator.deployment.status == "UPDATE_COMPLETE"
    assert operator.deployment.live == "2"
    assert operator.schema() == [*NEWEST, 900]
    world = world_of()
    conversation = asks(world)
    assert answered(world, operator, conversation), operator.deployment.log_of()[-4000:]
    assert prompt_of(operator, conversation) == "900"


def test_a_failed_migration_goes_back_and_no_customer_notices(
    world_of: Callable[[], World], operator: Operator
) -> None:
    bad = {
        INSTRUCTIONS: numbered(901),
        f"{MIGRATIONS}/0900_more.sql": saying(
            "CREATE TABLE metta.more (name text); COMMENT ON TABLE metta.more IS 'More.';"
        ),
        f"{MIGRATIONS}/0901_bad.sql": saying("CREATE TABLE metta.bad (name text); SELECT 1 / 0;"),
    }
    release, world = operator.release("bad", bad), world_of()
    failed: list[RuntimeError] = []

    def deploys() -> None:
        try:
            operator.deploys(release)
        except RuntimeError as error:
            failed.append(error)

    deploying = threading.Thread(target=deploys)
    deploying.start()
    meanwhile = [asks(world)]
    while deploying.is_alive():
        deploying.join(6)
        meanwhile.append(asks(world))

    assert failed
    assert operator.deployment.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "0901_bad.sql: division by zero" in operator.deployment.reasons
    assert operator.schema() == [*NEWEST, 900]
    assert operator.deployment.live == "2"
    for conversation in (*meanwhile, asks(world)):
        assert wait_until(lambda c=conversation: answered_or_with_a_person(world, c)), operator.deployment.log_of()[
            -4000:
        ]
        assert len(world.replies(conversation)) <= 1
    assert prompt_of(operator, conversation) == "900", "the last one, by the code from before"


def answered_or_with_a_person(world: World, conversation: int) -> bool:
    """The local AWS is one process, so busy with a deployment that a webhook may not get through in five seconds.

    Chatwoot itself opens the conversation then: a person has it.
    """
    return bool(world.audited(conversation)) or world.chatwoot.conversation(conversation)["status"] == "open"


def test_older_code_is_deployed_onto_the_newer_schema_which_stays(
    world_of: Callable[[], World], operator: Operator
) -> None:
    operator.deploys(operator.built / "template.yaml")

    assert operator.deployment.status == "UPDATE_COMPLETE"
    assert operator.schema() == [*NEWEST, 900]
    world = world_of()
    conversation = asks(world)
    assert answered(world, operator, conversation), operator.deployment.log_of()[-4000:]
    assert prompt_of(operator, conversation) != "900"


def test_tearing_down_keeps_what_customers_and_auditors_need(operator: Operator) -> None:
    assert operator.stack.aws is not None
    aws, outputs = operator.stack.aws, operator.deployment.outputs

    aws.client("cloudformation").delete_stack(StackName=STACK)

    assert wait_until(lambda: operator.deployment.functions() == set())
    mappings: list[Any] = aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mappings == []
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{STACK}-")["logGroups"]
    assert groups == []
    urls = aws.client("sqs").list_queues().get("QueueUrls", [])
    assert {outputs["QueueUrl"], outputs["DeadLetterQueueUrl"]} <= set(urls), "messages may wait in them"
    assert outputs["IdempotencyTableName"] in aws.client("dynamodb").list_tables()["TableNames"]
    assert operator.schema() == [*NEWEST, 900]
