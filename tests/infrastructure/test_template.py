"""The template, as CloudFormation sees it after SAM's transform."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from metta import settings
from metta.bootstrap import common
from metta.observability import Metric
from metta.queue.state import WATCH_INDEX
from metta.settings import SECRET_NAMES, Settings
from metta_local import aws, deploy

ROOT = Path(__file__).resolve().parents[2]
DERIVED = {"AWS_SQS_QUEUE_URL", "AWS_SQS_DLQ_URL", "IDEMPOTENCY_TABLE", "SQS_VISIBILITY_TIMEOUT"}
"""Variables whose value the stack itself knows."""


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]


def statements(resources: dict[str, Any], role: str) -> dict[str, tuple[set[str], Any]]:
    found = {}
    for policy in resources[role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            actions = statement["Action"]
            found[statement["Sid"]] = ({actions} if isinstance(actions, str) else set(actions), statement["Resource"])
    return found


def environment(resources: dict[str, Any]) -> dict[str, Any]:
    variables: dict[str, Any] = resources["WorkerFunction"]["Properties"]["Environment"]["Variables"]
    return variables


def parameter_of(variable: str) -> str:
    return "".join(word.capitalize() for word in variable.split("_"))


def test_sam_itself_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("sam"), "validate", "--lint"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "SAM_CLI_TELEMETRY": "0", "HOME": str(tmp_path)},
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_worker_may_do_exactly_what_it_does(resources: dict[str, Any]) -> None:
    role = resources["WorkerRole"]["Properties"]

    assert "ManagedPolicyArns" not in role
    assert statements(resources, "WorkerRole") == {
        "TakeMessages": (
            {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"},
            {"Fn::GetAtt": ["MessageQueue", "Arn"]},
        ),
        "DeadLetter": ({"sqs:SendMessage"}, {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}),
        "TurnState": (
            {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"},
            {"Fn::GetAtt": ["IdempotencyTable", "Arn"]},
        ),
        "ReadSecret": ({"secretsmanager:GetSecretValue"}, {"Ref": "MettaSecretArn"}),
        "WriteLogs": ({"logs:CreateLogStream", "logs:PutLogEvents"}, {"Fn::GetAtt": ["WorkerLogGroup", "Arn"]}),
        "WriteTraces": ({"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, "*"),
    }
    trust = role["AssumeRolePolicyDocument"]["Statement"]
    assert [statement["Principal"] for statement in trust] == [{"Service": "lambda.amazonaws.com"}]


def test_the_watchdog_may_do_less_than_the_worker(resources: dict[str, Any]) -> None:
    role = resources["WatchdogRole"]["Properties"]

    assert "ManagedPolicyArns" not in role
    assert statements(resources, "WatchdogRole") == {
        "FindUnfinished": ({"dynamodb:Query"}, {"Fn::Sub": "${IdempotencyTable.Arn}/index/" + WATCH_INDEX}),
        "TurnState": ({"dynamodb:UpdateItem"}, {"Fn::GetAtt": ["IdempotencyTable", "Arn"]}),
        "ReadSecret": ({"secretsmanager:GetSecretValue"}, {"Ref": "MettaSecretArn"}),
        "WriteLogs": ({"logs:CreateLogStream", "logs:PutLogEvents"}, {"Fn::GetAtt": ["WatchdogLogGroup", "Arn"]}),
        "WriteTraces": ({"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, "*"),
    }
    trust = role["AssumeRolePolicyDocument"]["Statement"]
    assert [statement["Principal"] for statement in trust] == [{"Service": "lambda.amazonaws.com"}]


def test_no_role_is_made_that_the_template_does_not_write_out(resources: dict[str, Any]) -> None:
    roles = [name for name, resource in resources.items() if resource["Type"] == "AWS::IAM::Role"]

    assert roles == ["WorkerRole", "WatchdogRole"]
    for name in ("Worker", "Watchdog"):
        assert resources[f"{name}Function"]["Properties"]["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}


def test_the_queues_keep_order_for_fourteen_days_and_are_encrypted(resources: dict[str, Any]) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")

    assert len(queues) == 2
    for queue in queues:
        assert queue["FifoQueue"] is True
        assert queue["QueueName"]["Fn::Sub"].endswith(".fifo")
        assert queue["MessageRetentionPeriod"] == 1_209_600
        assert queue["SqsManagedSseEnabled"] is True


def test_what_cannot_be_handled_goes_to_the_dead_letter_queue_and_only_from_there(resources: dict[str, Any]) -> None:
    queue, dead = resources["MessageQueue"]["Properties"], resources["DeadLetterQueue"]["Properties"]

    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]},
        "maxReceiveCount": {"Ref": "SqsMaxReceiveCount"},
    }
    (source,) = dead["RedriveAllowPolicy"]["sourceQueueArns"]
    assert dead["RedriveAllowPolicy"]["redrivePermission"] == "byQueue"
    assert source["Fn::Sub"].endswith(":" + queue["QueueName"]["Fn::Sub"])


def test_neither_queue_answers_without_tls(resources: dict[str, Any]) -> None:
    policies = of_type(resources, "AWS::SQS::QueuePolicy")
    covered = [queue["Ref"] for policy in policies for queue in policy["Queues"]]

    assert sorted(covered) == ["DeadLetterQueue", "MessageQueue"]
    for policy in policies:
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statement["Resource"] == {"Fn::GetAtt": [policy["Queues"][0]["Ref"], "Arn"]}


def test_a_message_stays_invisible_six_times_as_long_as_its_batch_may_take(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    timeouts = template["Parameters"]["WorkerTimeoutSeconds"]["AllowedValues"]
    visibility = {timeout: int(row["Seconds"]) for timeout, row in template["Mappings"]["Visibility"].items()}
    looked_up = {"Fn::FindInMap": ["Visibility", {"Ref": "WorkerTimeoutSeconds"}, "Seconds"]}

    assert visibility == {timeout: 6 * int(timeout) for timeout in timeouts}
    assert resources["MessageQueue"]["Properties"]["VisibilityTimeout"] == looked_up
    assert resources["WorkerFunction"]["Properties"]["Timeout"] == {"Ref": "WorkerTimeoutSeconds"}
    assert environment(resources)["SQS_VISIBILITY_TIMEOUT"] == looked_up


def test_one_failed_message_does_not_bring_back_its_whole_batch(resources: dict[str, Any]) -> None:
    (mapping,) = of_type(resources, "AWS::Lambda::EventSourceMapping")

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["MessageQueue", "Arn"]}
    assert mapping["BatchSize"] == {"Ref": "SqsMaxMessages"}
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}
    assert mapping["Enabled"] == {"Ref": "WorkerEnabled"}
    assert "MaximumBatchingWindowInSeconds" not in mapping  # refused for FIFO queues


def test_the_function_is_what_the_layers_are_built_for(resources: dict[str, Any]) -> None:
    function = resources["WorkerFunction"]["Properties"]
    layers = of_type(resources, "AWS::Lambda::LayerVersion")

    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert function["Handler"] == "handler.handler"
    assert [re.sub(r"[0-9a-f]{10}$", "", layer["Ref"]) for layer in function["Layers"]] == [
        "DependenciesLayer",
        "MettaLayer",
    ]
    assert len(layers) == 2
    for layer in layers:
        assert layer["CompatibleRuntimes"] == ["python3.13"]


def test_turn_state_is_encrypted_recoverable_and_ends_by_itself(resources: dict[str, Any]) -> None:
    (table,) = of_type(resources, "AWS::DynamoDB::Table")

    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiration", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("name", ["Worker", "Watchdog"])
def test_logs_end_and_are_the_function_s_own(resources: dict[str, Any], name: str) -> None:
    group, function = resources[f"{name}LogGroup"]["Properties"], resources[f"{name}Function"]["Properties"]

    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert group["LogGroupName"]["Fn::Sub"] == "/aws/lambda/" + function["FunctionName"]["Fn::Sub"]
    assert function["LoggingConfig"] == {"LogGroup": {"Ref": f"{name}LogGroup"}}


def test_the_watchdog_looks_as_often_as_said_or_not_at_all(resources: dict[str, Any]) -> None:
    (rule,) = of_type(resources, "AWS::Events::Rule")
    (permission,) = of_type(resources, "AWS::Lambda::Permission")

    assert rule["ScheduleExpression"] == {"Fn::Sub": "rate(${WatchdogMinutes} minutes)"}
    assert rule["State"] == {"Fn::If": ["WatchdogOn", "ENABLED", "DISABLED"]}
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["WatchdogFunction", "Arn"]}
    assert permission["FunctionName"] == {"Ref": "WatchdogFunction"}
    assert permission["Principal"] == "events.amazonaws.com"
    assert permission["SourceArn"] == {"Fn::GetAtt": ["WatchdogFunctionLook", "Arn"]}


def test_a_look_is_over_before_the_next_begins(template: dict[str, Any], resources: dict[str, Any]) -> None:
    shortest = min(int(minutes) for minutes in template["Parameters"]["WatchdogMinutes"]["AllowedValues"])

    assert resources["WatchdogFunction"]["Properties"]["Timeout"] < shortest * 60


def test_the_watchdog_has_the_variables_that_it_needs_and_no_others(resources: dict[str, Any]) -> None:
    watchdog = resources["WatchdogFunction"]["Properties"]
    variables = watchdog["Environment"]["Variables"]
    worker = environment(resources)

    assert {name: worker[name] for name in variables} == variables, "the two must not answer differently"
    assert not {name for name in variables if name.startswith(("ODOO_", "OPENAI_", "AWS_SQS_"))}
    values = {"CHATWOOT_BASE_URL": "https://chat.example", "CHATWOOT_ACCOUNT_ID": "3"}
    given = {name: values.get(name, "") for name in variables} | {"METTA_SECRET_ARN": "arn", "IDEMPOTENCY_TABLE": "t"}
    secret = {"CHATWOOT_API_KEY": "token", "DATABASE_URL": "postgresql://db/metta"}
    common.check(settings.load(given, secret=lambda arn: secret), ("chatwoot", "state", "database"))
    assert (watchdog["Runtime"], watchdog["Architectures"]) == ("python3.13", ["arm64"])
    assert watchdog["Layers"] == resources["WorkerFunction"]["Properties"]["Layers"]


def test_dead_letters_unanswered_customers_and_a_silent_watchdog_raise_an_alarm(resources: dict[str, Any]) -> None:
    dead, unanswered, silent = (
        resources[name]["Properties"]
        for name in ("DeadLettersAlarm", "CustomersUnansweredAlarm", "WatchdogSilentAlarm")
    )

    assert len(of_type(resources, "AWS::CloudWatch::Alarm")) == 3
    assert (dead["Namespace"], dead["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert dead["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}}]
    assert (dead["ComparisonOperator"], dead["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    for alarm in (unanswered, silent):
        assert alarm["Namespace"] == {"Ref": "PowertoolsMetricsNamespace"}
        assert alarm["MetricName"] == Metric.CUSTOMERS_UNANSWERED
        assert alarm["Dimensions"] == [{"Name": "service", "Value": {"Ref": "PowertoolsServiceName"}}]
    assert (unanswered["Statistic"], unanswered["Threshold"]) == ("Maximum", 1)
    assert (unanswered["ComparisonOperator"], unanswered["TreatMissingData"]) == (
        "GreaterThanOrEqualToThreshold",
        "notBreaching",
    )
    assert (silent["Statistic"], silent["Threshold"]) == ("SampleCount", 1)
    assert (silent["ComparisonOperator"], silent["TreatMissingData"]) == ("LessThanThreshold", "breaching")
    for name in ("CustomersUnansweredAlarm", "WatchdogSilentAlarm"):
        assert resources[name]["Condition"] == "WatchdogOn", "a watchdog that is switched off is silent"


def test_alarms_tell_a_topic_when_there_is_one(template: dict[str, Any], resources: dict[str, Any]) -> None:
    for alarm in of_type(resources, "AWS::CloudWatch::Alarm"):
        told = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
        assert alarm["AlarmActions"] == alarm["OKActions"] == told
        assert alarm["AlarmDescription"]
    assert template["Parameters"]["AlarmTopicArn"]["Default"] == ""


def test_in_whatever_moment_an_alarm_is_evaluated_the_watchdog_has_looked(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    minutes = template["Parameters"]["WatchdogMinutes"]["AllowedValues"]
    periods = {minute: int(row["AlarmSeconds"]) for minute, row in template["Mappings"]["Look"].items()}

    assert periods == {minute: 2 * 60 * int(minute) for minute in minutes}
    looked_up = {"Fn::FindInMap": ["Look", {"Ref": "WatchdogMinutes"}, "AlarmSeconds"]}
    for name in ("CustomersUnansweredAlarm", "WatchdogSilentAlarm"):
        assert resources[name]["Properties"]["Period"] == looked_up


def test_no_secret_is_a_variable_or_a_parameter(template: dict[str, Any], resources: dict[str, Any]) -> None:
    assert not set(SECRET_NAMES) & set(environment(resources))
    assert not {parameter_of(name) for name in SECRET_NAMES} & set(template["Parameters"])
    assert environment(resources)["METTA_SECRET_ARN"] == {"Ref": "MettaSecretArn"}


def test_every_other_variable_is_a_parameter_and_reaches_the_function(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    names = {name.upper() for name in Settings.model_fields} - set(SECRET_NAMES)
    variables = environment(resources)

    assert set(variables) == names
    for name in names - DERIVED:
        assert parameter_of(name) in template["Parameters"], name
        assert json.dumps({"Ref": parameter_of(name)}) in json.dumps(variables[name]), name


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "OPENAI_BASE_URL"])
def test_an_endpoint_that_is_not_set_is_not_an_empty_one(resources: dict[str, Any], variable: str) -> None:
    _, given, otherwise = environment(resources)[variable]["Fn::If"]

    assert given == {"Ref": parameter_of(variable)}
    assert otherwise == {"Ref": "AWS::NoValue"}


def test_parameters_and_variables_agree_on_defaults_and_limits(template: dict[str, Any]) -> None:
    for name, field in Settings.model_fields.items():
        parameter = template["Parameters"].get(parameter_of(name.upper()))
        if parameter is None:
            continue
        if parameter.get("Default") not in (None, ""):
            read = settings.load({name.upper(): str(parameter["Default"])})
            assert getattr(read, name) == field.default, name
        accepted = [parameter[limit] for limit in ("MinValue", "MaxValue") if limit in parameter]
        for value in (*accepted, *parameter.get("AllowedValues", ())):
            settings.load({name.upper(): str(value)})


def test_every_parameter_says_what_it_is_and_refuses_nonsense(template: dict[str, Any]) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]

    assert sorted(grouped) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter), name
        assert ("ConstraintDescription" in parameter) == ("AllowedPattern" in parameter), name
        if "AllowedPattern" in parameter and "Default" in parameter:
            assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"]), name


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        (
            "MettaSecretArn",
            ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:metta/prod-a1B2c3"],
            ["", "metta", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:metta", "sk-proj-1234"],
        ),
        (
            "ChatwootBaseUrl",
            ["https://chat.example.com", "https://x.example/chat/"],
            ["", "chat.example.com", "https://"],
        ),
        ("ChatwootInboxIds", ["", "11", "11,12", "11, 12"], ["11,", "web", "11;12"]),
        ("ChatwootHandoffTeamId", ["", "7"], ["0", "-1", "support"]),
        ("OpenaiBaseUrl", ["", "https://gateway.example.com/v1"], ["gateway", "ftp://x"]),
        ("MettaPolicy", ["", "/var/task/policy.yaml", "/opt/policy.yaml"], ["policy.yaml", "/etc/passwd"]),
        (
            "AlarmTopicArn",
            ["", "arn:aws:sns:eu-central-1:123456789012:on-call"],
            ["on-call", "arn:aws:sqs:eu-central-1:123456789012:on-call", "arn:aws:sns:eu-central-1:1:on-call"],
        ),
        ("PowertoolsMetricsNamespace", ["Metta", "Acme/Metta"], ["", "AWS/Metta", "a b"]),
    ],
)
def test_a_wrong_parameter_is_refused_at_deployment(
    template: dict[str, Any], parameter: str, good: list[str], bad: list[str]
) -> None:
    pattern = re.compile(template["Parameters"][parameter]["AllowedPattern"])

    assert [value for value in good if not pattern.fullmatch(value)] == []
    assert [value for value in bad if pattern.fullmatch(value)] == []


def test_stages_set_only_parameters_that_exist(template: dict[str, Any]) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    stages = {name: stage for name, stage in config.items() if isinstance(stage, dict)}

    assert set(stages) == {"default", "staging", "production"}
    names = [stage["global"]["parameters"]["stack_name"] for stage in stages.values()]
    assert len(set(names)) == 3
    for stage in stages.values():
        for override in stage["deploy"]["parameters"]["parameter_overrides"].split():
            name, _, value = override.partition("=")
            allowed = template["Parameters"][name].get("AllowedValues")
            assert allowed is None or value in [str(choice) for choice in allowed], override


def test_the_local_queues_are_made_as_the_template_makes_them(resources: dict[str, Any]) -> None:
    queue, dead = resources["MessageQueue"]["Properties"], resources["DeadLetterQueue"]["Properties"]
    local = aws.queue_attributes(visibility_seconds=360, dlq_arn="arn", max_receive_count=30)
    local_dead = aws.dlq_attributes()

    written = {"QueueName", "RedriveAllowPolicy", "ReceiveMessageWaitTimeSeconds"}
    assert set(local) == set(queue) - written
    assert set(local_dead) == set(dead) - written
    for name in ("FifoQueue", "SqsManagedSseEnabled", "MessageRetentionPeriod"):
        assert local[name] == local_dead[name] == json.dumps(queue[name])


def test_the_local_table_is_made_as_the_template_makes_it(resources: dict[str, Any]) -> None:
    (table,) = of_type(resources, "AWS::DynamoDB::Table")
    local = aws.table_attributes()

    assert local == {name: table[name] for name in local}
    (index,) = local["GlobalSecondaryIndexes"]
    assert index["IndexName"] == WATCH_INDEX
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}, "nothing a customer said is copied into it"


def test_what_is_deployed_is_what_the_outputs_name(template: dict[str, Any]) -> None:
    assert set(template["Outputs"]) >= {"QueueUrl", "QueueArn", "DeadLetterQueueUrl", "IdempotencyTableName"}
    assert all(output["Description"] for output in template["Outputs"].values())
    assert deploy.ROOT == ROOT
