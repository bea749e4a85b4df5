"""The roles: each function may do exactly what is written here, with nothing more than its own things."""

from __future__ import annotations

from typing import Any

import pytest

from infrastructure.evaluate import EXISTING_STANDARD, KEY, Deployed, branches, deployed
from metta.queue.state import WATCH_INDEX

Statements = dict[str, tuple[set[str], Any]]
EVERYTHING = {"WebhookEnabled": "true", "ConsoleEnabled": "even-in-production"}
NAMES = ("Worker", "Webhook", "Console", "Migrate", "Watchdog")
MIGRATE_SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:owner-a1B2c3"
TABLE = "IdempotencyTable.Arn"
USE, READ = {"kms:Decrypt", "kms:GenerateDataKey"}, {"kms:Decrypt"}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(stack: Deployed, role: str) -> Statements:
    found = {}
    for policy in stack[role]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            assert statement["Sid"] not in found
            found[statement["Sid"]] = (set(listed(statement["Action"])), statement["Resource"])
    return found


def expected(name: str, given: dict[str, str]) -> Statements:
    """What the role may do, for any parameters."""
    queue = given.get("ExistingQueueArn", "MessageQueue.Arn")
    dead = given.get("ExistingDeadLetterQueueArn", "DeadLetterQueue.Arn")
    secret = deployed().parameters["MettaSecretArn"]
    own: dict[str, Statements] = {
        "Worker": {
            "TakeMessages": (
                {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"},
                queue,
            ),
            "DeadLetter": ({"sqs:SendMessage"}, dead),
            "TurnState": (
                {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"},
                TABLE,
            ),
        },
        "Webhook": {"PutOnQueue": ({"sqs:SendMessage"}, queue)},
        "Console": {
            "LookAtQueues": ({"sqs:GetQueueAttributes"}, [queue, dead]),
            "CountTries": ({"dynamodb:GetItem", "dynamodb:UpdateItem"}, TABLE),
        },
        "Migrate": {},
        "Watchdog": {
            "FindUnfinished": ({"dynamodb:Query"}, f"{TABLE}/index/{WATCH_INDEX}"),
            "TurnState": ({"dynamodb:GetItem", "dynamodb:UpdateItem"}, TABLE),
        },
    }
    found = own[name]
    found["ReadSecret"] = (
        {"secretsmanager:GetSecretValue"},
        given.get("MigrateSecretArn", secret) if name == "Migrate" else secret,
    )
    found["WriteLogs"] = ({"logs:CreateLogStream", "logs:PutLogEvents"}, f"{name}LogGroup.Arn")
    if "SecretKeyArn" in given:
        found["OpenSecret"] = (READ, KEY)
    if "EncryptWithOwnKey" in given:
        found["UseKey"] = (USE if name in ("Worker", "Webhook", "Watchdog") else READ, "EncryptionKey.Arn")
    if "ExistingQueueKeyArn" in given and name in ("Worker", "Webhook"):
        found["UseQueueKey"] = (USE, KEY)
    if given.get("MettaTracing", "xray") == "xray" and name != "Migrate":
        found["WriteTraces"] = ({"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, "*")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_function_may_do_exactly_what_it_does(name: str) -> None:
    for chosen in branches():
        given = chosen | EVERYTHING
        if given.get("MigrateOnDeploy") == "false" and name == "Migrate":
            continue
        assert statements(deployed(**given), f"{name}Role") == expected(name, given), given


def test_the_schemas_owner_has_a_secret_of_its_own_where_there_is_one() -> None:
    given = {"MigrateSecretArn": MIGRATE_SECRET}

    assert statements(deployed(**given), "MigrateRole") == expected("Migrate", given)
    assert statements(deployed(**given), "WorkerRole") == expected("Worker", given)


@pytest.mark.parametrize("name", NAMES)
def test_only_lambda_takes_a_functions_role_and_nothing_is_added_to_it(name: str) -> None:
    stack = deployed(**EVERYTHING)
    role = stack[f"{name}Role"]

    assert "ManagedPolicyArns" not in role
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Action"]) == ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole")
    assert stack[f"{name}Function"]["Role"] == f"{name}Role.Arn"


def test_no_role_is_made_that_the_template_does_not_write_out() -> None:
    roles = set(deployed(**EVERYTHING).of_type("AWS::IAM::Role"))

    assert roles == {f"{name}Role" for name in NAMES} | {"ReleaseRole"}
    assert not deployed(**EVERYTHING).of_type("AWS::IAM::Policy")


def test_no_action_is_a_wildcard_and_no_resource_is_everything_but_where_aws_has_none_to_name() -> None:
    for given in branches():
        stack = deployed(**given)
        for role in stack.of_type("AWS::IAM::Role"):
            for sid, (actions, resources) in statements(stack, role).items():
                assert not [action for action in actions if "*" in action or action.endswith(":Scan")]
                assert "*" not in listed(resources) or sid in ("WriteTraces", "WatchAlarms"), (role, sid)


def test_keys_of_others_open_only_what_they_were_given_for() -> None:
    stack = deployed(**EVERYTHING, **EXISTING_STANDARD, ExistingQueueKeyArn=KEY, SecretKeyArn=KEY)
    services = {"OpenSecret": "secretsmanager", "UseQueueKey": "sqs"}

    for name in NAMES:
        for policy in stack[f"{name}Role"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if service := services.get(statement["Sid"]):
                    via = {"kms:ViaService": f"{service}.eu-central-1.amazonaws.com"}
                    assert statement["Condition"] == {"StringEquals": via}


def test_a_function_that_is_traced_may_write_traces_or_lambda_refuses_to_make_it() -> None:
    for choice in ("xray", "otel", "off"):
        stack = deployed(**EVERYTHING, MettaTracing=choice)
        for name in NAMES:
            active = stack[f"{name}Function"]["TracingConfig"]["Mode"] == "Active"
            assert active == ("WriteTraces" in statements(stack, f"{name}Role")), (name, choice)


def test_codedeploy_shifts_this_workers_traffic_and_no_others() -> None:
    stack = deployed()
    worker = f"arn:aws:lambda:eu-central-1:123456789012:function:{stack['WorkerFunction']['FunctionName']}"
    (trust,) = stack["ReleaseRole"]["AssumeRolePolicyDocument"]["Statement"]

    assert trust["Principal"] == {"Service": "codedeploy.amazonaws.com"}
    assert statements(stack, "ReleaseRole") == {
        "ShiftTraffic": (
            {"lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"},
            [worker, f"{worker}:*"],
        ),
        "WatchAlarms": ({"cloudwatch:DescribeAlarms"}, "*"),
    }
