"""The functions: what they run on, what they are told, where they log, who may call them."""

from __future__ import annotations

import itertools
import re

import pytest

from infrastructure.evaluate import KEY, PSEUDO, Deployed, Refused, branches, deployed
from metta import settings
from metta.bootstrap import common
from metta.settings import SECRET_NAMES, Settings

EVERYTHING = {"WebhookEnabled": "true", "ConsoleEnabled": "even-in-production"}
NAMES = ("Worker", "Webhook", "Console", "Migrate", "Watchdog")
LOOKS_SECRET = re.compile(r"sk-|://[^/\s]*:[^/\s]*@|password|BEGIN [A-Z ]*KEY", re.IGNORECASE)


@pytest.fixture
def stack() -> Deployed:
    return deployed(**EVERYTHING)


def variables(stack: Deployed, name: str) -> dict[str, str]:
    found: dict[str, str] = stack[f"{name}Function"]["Environment"]["Variables"]
    return found


def test_these_are_all_functions(stack: Deployed) -> None:
    assert set(stack.of_type("AWS::Lambda::Function")) == {f"{name}Function" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_function_is_what_the_layers_are_built_for(stack: Deployed, name: str) -> None:
    function = stack[f"{name}Function"]

    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert function["Handler"] == "handler.handler"
    assert function["Code"]["S3Key"] == f"functions/{name.lower()}"
    assert [re.sub(r"[0-9a-f]{10}$", "", layer) for layer in function["Layers"]] == ["DependenciesLayer", "MettaLayer"]
    for layer in function["Layers"]:
        assert stack[layer]["CompatibleRuntimes"] == ["python3.13"]
    assert function["RecursiveLoop"] == "Terminate"
    assert {"Key": "stage", "Value": "production"} in function["Tags"]


@pytest.mark.parametrize("key", [{}, {"EncryptWithOwnKey": "true"}], ids=["no-key", "own-key"])
@pytest.mark.parametrize("name", NAMES)
def test_logs_end_and_are_the_functions_own(name: str, key: dict[str, str]) -> None:
    stack = deployed(**EVERYTHING, **key, LogRetentionDays="90")
    group, function = stack[f"{name}LogGroup"], stack[f"{name}Function"]

    assert group["RetentionInDays"] == "90"
    assert group["LogGroupName"] == "/aws/lambda/" + function["FunctionName"]
    assert function["LoggingConfig"] == {"LogGroup": f"{name}LogGroup"}
    own = "EncryptionKey.Arn" if key else None
    assert (group.get("KmsKeyId"), function.get("KmsKeyArn")) == (own, own)
    assert len(stack.of_type("AWS::Logs::LogGroup")) == len(NAMES)


def test_no_secret_is_a_variable_or_a_parameter_on_any_branch() -> None:
    for given in branches():
        stack = deployed(**given)
        assert not {_parameter(name) for name in SECRET_NAMES} & set(stack.parameters)
        for function in stack.of_type("AWS::Lambda::Function").values():
            told = function["Environment"]["Variables"]
            assert not set(SECRET_NAMES) & set(told)
            assert not [value for value in told.values() if LOOKS_SECRET.search(value)]
            assert told["METTA_SECRET_ARN"] == stack.parameters["MettaSecretArn"]


def test_a_secret_of_its_own_for_the_schemas_owner_is_read_by_the_migrate_function_alone() -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:owner-a1B2c3"
    stack = deployed(**EVERYTHING, MigrateSecretArn=arn)

    assert {name for name in NAMES if variables(stack, name)["METTA_SECRET_ARN"] == arn} == {"Migrate"}


def test_every_variable_that_is_no_secret_reaches_the_worker() -> None:
    stack = deployed(AwsEndpointUrl="http://127.0.0.1:4566", OpenaiBaseUrl="https://gateway.example.com/v1")

    assert set(variables(stack, "Worker")) == {name.upper() for name in Settings.model_fields} - set(SECRET_NAMES)
    for name, value in variables(stack, "Worker").items():
        if (parameter := _parameter(name)) in stack.parameters:
            assert value == stack.parameters[parameter], name


@pytest.mark.parametrize("name", NAMES)
def test_an_endpoint_that_is_not_set_is_not_an_empty_one(stack: Deployed, name: str) -> None:
    assert not {"AWS_ENDPOINT_URL", "OPENAI_BASE_URL"} & set(variables(stack, name))


@pytest.mark.parametrize("name", ["Webhook", "Console", "Watchdog"])
def test_no_function_is_told_other_than_the_worker(stack: Deployed, name: str) -> None:
    worker = variables(stack, "Worker")
    told = variables(stack, name)

    assert {variable: worker[variable] for variable in told} == told


def test_the_watchdog_has_the_variables_that_it_needs_and_no_others(stack: Deployed) -> None:
    told = variables(stack, "Watchdog")

    assert not {name for name in told if name.startswith(("ODOO_", "OPENAI_", "AWS_SQS_"))}
    secret = {"CHATWOOT_API_KEY": "token", "DATABASE_URL": "postgresql://db/metta"}
    common.check(settings.load(told, secret=lambda arn: secret), ("chatwoot", "state", "database"))


def test_the_watchdog_looks_as_often_as_said_or_not_at_all() -> None:
    stack, off = deployed(WatchdogMinutes="15"), deployed(WatchdogEnabled="false")
    (rule,) = stack.of_type("AWS::Events::Rule").values()
    (target,) = rule["Targets"]
    permission = stack["WatchdogFunctionLookPermission"]

    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(15 minutes)", "ENABLED")
    assert off["WatchdogFunctionLook"]["State"] == "DISABLED"
    assert target["Arn"] == "WatchdogFunction.Arn"
    assert (permission["FunctionName"], permission["Principal"]) == ("WatchdogFunction", "events.amazonaws.com")
    assert permission["SourceArn"] == "WatchdogFunctionLook.Arn"
    assert stack["WatchdogFunctionEventInvokeConfig"]["MaximumRetryAttempts"] == 0
    assert stack["WatchdogFunction"]["Timeout"] < 5 * 60, "a look is over before the next begins"


@pytest.mark.parametrize("minutes", ["5", "10", "15", "30"])
def test_in_whatever_moment_an_alarm_is_evaluated_the_watchdog_has_looked(minutes: str) -> None:
    stack = deployed(WatchdogMinutes=minutes)

    for name in ("CustomersUnansweredAlarm", "WatchdogSilentAlarm"):
        assert int(stack[name]["Period"]) == 2 * 60 * int(minutes)


def test_anyone_may_send_webhooks_and_only_identities_of_this_account_use_the_console(stack: Deployed) -> None:
    urls = stack.of_type("AWS::Lambda::Url")
    permissions = stack.of_type("AWS::Lambda::Permission").values()

    assert {name: url["AuthType"] for name, url in urls.items()} == {
        "WebhookFunctionUrl": "NONE",
        "ConsoleFunctionUrl": "AWS_IAM",
    }
    assert {one["FunctionName"] for one in permissions if one["Principal"] == "*"} == {"WebhookFunction"}
    by_url = {one["Action"] for one in permissions if one["FunctionName"] == "WebhookFunction"}
    assert by_url == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}, "a Function URL needs both"
    assert not deployed().of_type("AWS::Lambda::Url"), "neither is there unless it is asked for"


@pytest.mark.parametrize(
    ("stage", "choice"),
    [*itertools.product(["dev", "staging", "production"], ["false", "true", "even-in-production"])],
)
def test_the_console_is_never_on_in_production_by_accident(stage: str, choice: str) -> None:
    given = {"Stage": stage, "ConsoleEnabled": choice}
    if (stage, choice) == ("production", "true"):
        with pytest.raises(Refused, match="even-in-production"):
            deployed(**given)
        return

    stack = deployed(**given)
    console = {name for name in stack.names if name.startswith("Console")}

    assert bool(console) == (choice != "false")
    assert ("ConsoleUrl" in stack.outputs) == (choice != "false")


def test_even_without_the_rule_the_console_stays_off_in_production() -> None:
    template = {**deployed()._template, "Rules": {}}
    stack = Deployed(template, {**deployed().parameters, "ConsoleEnabled": "true", "Stage": "production"})

    assert not {name for name in stack.names if name.startswith("Console")}


@pytest.mark.parametrize(("choice", "mode"), [("xray", "Active"), ("otel", "PassThrough"), ("off", "PassThrough")])
def test_tracing_is_a_choice(choice: str, mode: str) -> None:
    stack = deployed(**EVERYTHING, MettaTracing=choice)

    for name in NAMES:
        expected = ("off", "PassThrough") if name == "Migrate" else (choice, mode)
        told = variables(stack, name)["METTA_TRACING"]
        assert (told, stack[f"{name}Function"]["TracingConfig"]["Mode"]) == expected


def test_names_fit_what_aws_takes() -> None:
    stack = deployed(**EVERYTHING, SecretKeyArn=KEY)
    beyond = len(max((stack[f"{name}Function"]["FunctionName"] for name in NAMES), key=len))

    assert beyond - len(PSEUDO["AWS::StackName"]) <= 64 - 50, "stack names of 50 characters"
    for name in ("MessageQueue", "DeadLetterQueue"):
        assert len(stack[name]["QueueName"]) - len(PSEUDO["AWS::StackName"]) <= 80 - 50


def _parameter(variable: str) -> str:
    return "".join(word.capitalize() for word in variable.split("_"))
