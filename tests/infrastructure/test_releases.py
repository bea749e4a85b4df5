"""Releases: whatever changes reaches customers step by step, the database comes first, and alarms take it back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infrastructure.evaluate import EXISTING_FIFO, NEEDED, Deployed, deployed, source, transformed

NOT_VERSIONED = frozenset({"Tags", "Role", "ReservedConcurrentExecutions", "RecursiveLoop"})
"""Properties of a function that its versions do not keep."""
CHANGES: dict[str, dict[str, str]] = {
    "secret": {"MettaSecretArn": NEEDED["MettaSecretArn"].replace("metta", "other")},
    "attached queue": EXISTING_FIFO,
    **{
        name: {name: value}
        for name, value in {
            "AwsEndpointUrl": "http://127.0.0.1:4566",
            "BurstMaxSeconds": "30",
            "BurstQuietSeconds": "1.5",
            "ChatwootAccountId": "4",
            "ChatwootAnswerWhen": "unassigned",
            "ChatwootBaseUrl": "https://other.example.com",
            "ChatwootHandoffTeamId": "7",
            "ChatwootInboxIds": "11, 12",
            "ChatwootSendAs": "note",
            "EncryptWithOwnKey": "true",
            "LogLevel": "DEBUG",
            "MettaMaxAttempts": "4",
            "MettaPolicy": "/var/task/policy.yaml",
            "MettaTracing": "off",
            "OdooDb": "other",
            "OdooUrl": "https://other.example.com",
            "OdooUsername": "other@example.com",
            "OpenaiBaseUrl": "https://gateway.example.com/v1",
            "OpenaiModel": "gpt-other",
            "PowertoolsMetricsNamespace": "Acme/Metta",
            "PowertoolsServiceName": "acme",
            "ShutdownTimeoutSeconds": "20",
            "SnapStart": "PublishedVersions",
            "SqsMaxMessages": "5",
            "SqsMaxReceiveCount": "40",
            "SqsWaitTimeSeconds": "10",
            "WorkerEnabled": "false",
            "WorkerMemoryMb": "2048",
            "WorkerTimeoutSeconds": "120",
        }.items()
    },
}


def released(stack: Deployed) -> dict[str, Any]:
    """What a version of the worker function keeps."""
    return {name: value for name, value in stack["WorkerFunction"].items() if name not in NOT_VERSIONED}


def configuration(stack: Deployed) -> str:
    return str(stack["WorkerConfiguration"]["Content"])


@pytest.mark.parametrize("given", CHANGES.values(), ids=CHANGES)
def test_another_value_of_a_parameter_is_a_release_too(given: dict[str, str]) -> None:
    before, after = deployed(), deployed(**given)

    assert released(after) != released(before), "this parameter is nothing to the worker"
    assert configuration(after) != configuration(before)


def test_no_parameter_of_the_worker_is_left_out_of_that_list() -> None:
    tried = {name for given in CHANGES.values() for name in given}
    stack = deployed()

    reached = {name for name in stack.parameters if name in configuration_of_template(stack)}
    assert reached == tried - {"SecretKeyArn"}


def test_whatever_the_worker_s_versions_are_made_of_is_in_the_configuration() -> None:
    template = source()
    not_kept = NOT_VERSIONED | {"DeploymentPreference", "Events", "Description", "VersionDescription"}
    made_of = [
        value for name, value in template["Resources"]["WorkerFunction"]["Properties"].items() if name not in not_kept
    ]
    made_of += [value for name, value in template["Globals"]["Function"].items() if name not in not_kept]

    named = named_in(made_of, template["Conditions"]) & set(template["Parameters"])

    assert {"OpenaiModel", "WorkerMemoryMb", "MettaTracing", "ExistingQueueArn"} <= named, "the walk sees parameters"
    assert named - set(re.findall(r"\w+", configuration_of_template(deployed()))) == set()


def named_in(value: Any, conditions: dict[str, Any]) -> set[str]:
    """Every name that a value refers to, those that its conditions depend on included."""
    if isinstance(value, list):
        return {name for item in value for name in named_in(item, conditions)}
    if not isinstance(value, dict):
        return set(re.findall(r"\$\{(\w+)\}", value)) if isinstance(value, str) else set()
    found = {name for key, item in value.items() if key != "Ref" for name in named_in(item, conditions)}
    if "Ref" in value:
        found.add(value["Ref"])
    if "Fn::If" in value:
        found |= named_in(conditions[value["Fn::If"][0]], conditions)
    if "Condition" in value and isinstance(value["Condition"], str):
        found |= named_in(conditions[value["Condition"]], conditions)
    return found


def configuration_of_template(stack: Deployed) -> str:
    return str(stack._template["Resources"]["WorkerConfiguration"]["Properties"]["Content"])


def test_a_new_configuration_is_a_new_version_and_never_an_old_one_again() -> None:
    stack = deployed()
    (version,) = stack.of_type("AWS::Lambda::Version").values()

    assert version["Description"] == "Configuration WorkerConfiguration", "another description replaces the version"
    assert "WorkerConfiguration" in stack["WorkerFunction"]["Description"], "else Lambda gives the old version again"


def test_customers_are_answered_by_the_alias_alone() -> None:
    stack = deployed()
    (version,) = stack.of_type("AWS::Lambda::Version")

    assert stack["WorkerFunctionAliaslive"]["FunctionVersion"] == f"{version}.Version"
    assert stack["WorkerFunctionMessages"]["FunctionName"] == "WorkerFunctionAliaslive"


@pytest.mark.parametrize("kind", ["Canary10Percent5Minutes", "Linear10PercentEvery1Minute", "AllAtOnce"])
def test_traffic_shifts_as_asked_and_goes_back_when_an_alarm_rings(kind: str) -> None:
    stack = deployed(DeploymentType=kind)
    (group,) = stack.of_type("AWS::CodeDeploy::DeploymentGroup").values()

    assert group["DeploymentConfigName"] == f"CodeDeployDefault.Lambda{kind}"
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert group["AlarmConfiguration"]["Enabled"] is True
    alarms = {alarm["Name"] for alarm in group["AlarmConfiguration"]["Alarms"]}
    assert "DeadLettersAlarm" in alarms
    assert alarms <= set(stack.of_type("AWS::CloudWatch::Alarm"))
    assert group["ServiceRoleArn"] == "ReleaseRole.Arn"
    assert stack.attribute("WorkerFunctionAliaslive", "UpdatePolicy")["CodeDeployLambdaAliasUpdate"]


def test_without_gradual_deployment_nothing_of_codedeploy_is_there() -> None:
    stack = deployed(GradualDeployment="false")

    assert not [name for name in stack.names if "CodeDeploy" in stack.kind(name)]
    assert not stack.attribute("WorkerFunctionAliaslive", "UpdatePolicy")


@pytest.mark.parametrize("choice", ["None", "PublishedVersions"])
def test_snapstart_is_a_choice(choice: str) -> None:
    everything = deployed(SnapStart=choice, WebhookEnabled="true", ConsoleEnabled="even-in-production")
    functions = everything.of_type("AWS::Lambda::Function")

    taken = {name: function["SnapStart"] for name, function in functions.items() if "SnapStart" in function}
    assert taken == {"WorkerFunction": {"ApplyOn": choice}}


@pytest.mark.parametrize("name", ["WorkerFunction", "WatchdogFunction", "ConsoleFunction"])
def test_code_that_reads_the_database_waits_for_its_schema(name: str) -> None:
    with_migration, by_hand = (
        deployed(ConsoleEnabled="even-in-production", MigrateOnDeploy=choice) for choice in ("true", "false")
    )

    assert {"Key": "schema", "Value": "SchemaMigration.Schema"} in with_migration[name]["Tags"]
    assert {"Key": "schema", "Value": "by-hand"} in by_hand[name]["Tags"]


def test_cloudformation_waits_for_a_migration_longer_than_it_may_take_and_none_runs_twice() -> None:
    stack = deployed()

    assert int(stack["SchemaMigration"]["ServiceTimeout"]) > stack["MigrateFunction"]["Timeout"]
    assert stack["MigrateFunctionEventInvokeConfig"]["MaximumRetryAttempts"] == 0
    assert stack["SchemaMigration"]["Code"] in stack.names, "another layer asks again"
    off = deployed(MigrateOnDeploy="false")
    assert not {"SchemaMigration", "MigrateFunction", "MigrateRole", "MigrateLogGroup"} & off.names


def test_sam_reads_no_other_parameter_than_these_tests_think() -> None:
    """Else they would ask of another template than the one that is deployed."""
    everything = {name: value for given in CHANGES.values() for name, value in given.items()}
    others = {"WebhookEnabled": "true", "ConsoleEnabled": "true", "Stage": "dev", "ReserveConcurrency": "true"}

    assert transformed(source(), NEEDED | everything | others) == transformed(source(), {})
