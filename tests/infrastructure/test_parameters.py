"""Parameters: grouped and explained, refused when wrong, in step with the settings they become."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from infrastructure.evaluate import EXISTING_FIFO, EXISTING_STANDARD, KEY, Refused, deployed
from metta import settings
from metta.settings import Settings
from metta_local import deploy

ROOT = Path(__file__).resolve().parents[2]
ARN = "arn:aws:{}:eu-central-1:123456789012:{}"
URLS = (
    ["https://x.example", "https://x.example/chat/", "http://127.0.0.1:80", "https://x.example:8443/v1"],
    [
        "x.example",
        "https://",
        "ftp://x",
        "https://bot:secret@x.example",
        "https://x/?key=1",
        "https://x#y",
        "https://x:y",
    ],
)
SECRETS = ([ARN.format("secretsmanager", "secret:metta/prod-a1B2c3")], ["metta", "sk-proj-1234"])
QUEUES = ([ARN.format("sqs", "inbox"), ARN.format("sqs", "inbox.fifo")], ["inbox", ARN.format("sns", "inbox")])
KEYS = ([KEY], ["alias/metta", ARN.format("kms", "alias/metta"), "1111"])
VALUES: dict[str, tuple[list[str], list[str]]] = {
    "MettaSecretArn": (SECRETS[0], ["", *SECRETS[1], ARN.format("secretsmanager", "secret:metta")]),
    "MigrateSecretArn": (["", *SECRETS[0]], SECRETS[1]),
    "SecretKeyArn": (["", *KEYS[0]], KEYS[1]),
    "ChatwootBaseUrl": (URLS[0], ["", *URLS[1]]),
    "ChatwootAccountId": (["1", "4711"], ["", "0", "-1", "1.5", "1e3", "acme", "9" * 19]),
    "ChatwootInboxIds": (["", "11", "11,12", "11, 12"], ["11,", "web", "11;12"]),
    "ChatwootHandoffTeamId": (["", "7"], ["0", "-1", "support"]),
    "OdooUrl": (URLS[0], ["", *URLS[1]]),
    "OdooDb": (["shop"], ["", "my shop"]),
    "OdooUsername": (["metta@example.com"], ["", "a b"]),
    "OpenaiModel": (["gpt-5.6-luna"], ["", "a b"]),
    "OpenaiBaseUrl": (["", *URLS[0]], URLS[1]),
    "MettaMaxAttempts": (["1", "5", "99", "100"], ["", "0", "2.5", "101", "many"]),
    "MettaPolicy": (
        ["", "/var/task/policy.yaml", "/opt/shop/policy.yaml"],
        ["policy.yaml", "/etc/passwd", "/opt/../etc/passwd", "/opt/", "/opt//x"],
    ),
    "ExistingQueueArn": (["", *QUEUES[0]], [*QUEUES[1], ARN.format("sqs", "a.fifo.fifo"), ARN.format("sqs", "a" * 81)]),
    "ExistingDeadLetterQueueArn": (["", *QUEUES[0]], QUEUES[1]),
    "ExistingQueueKeyArn": (["", *KEYS[0]], KEYS[1]),
    "AlarmTopicArn": (
        ["", ARN.format("sns", "on-call")],
        ["on-call", ARN.format("sqs", "on-call"), "arn:aws:sns:eu-central-1:1:on-call", ARN.format("sns", "a.fifo")],
    ),
    "ShutdownTimeoutSeconds": (["1", "31", "900"], ["", "0", "-1", "1.5"]),
    "PowertoolsServiceName": (["metta", "acme.metta-1"], ["", "a b"]),
    "PowertoolsMetricsNamespace": (["Metta", "Acme/Metta"], ["", "AWS/Metta", "a b"]),
    "AwsEndpointUrl": (["", *URLS[0]], URLS[1]),
}
"""Good and bad values of each parameter that has a pattern."""


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


def test_every_parameter_says_what_it_is_in_one_group_and_has_bounds(template: dict[str, Any]) -> None:
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]

    assert sorted(grouped) == sorted(template["Parameters"])
    assert set(interface["ParameterLabels"]) <= set(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter), name
        assert ("ConstraintDescription" in parameter) == ("AllowedPattern" in parameter), name


def test_good_and_bad_values_are_known_for_every_pattern(template: dict[str, Any]) -> None:
    assert set(VALUES) == {name for name, one in template["Parameters"].items() if "AllowedPattern" in one}


@pytest.mark.parametrize("name", VALUES)
def test_a_wrong_parameter_is_refused_at_deployment(template: dict[str, Any], name: str) -> None:
    pattern = re.compile(template["Parameters"][name]["AllowedPattern"])
    good, bad = VALUES[name]

    assert [value for value in good if not pattern.fullmatch(value)] == []
    assert [value for value in bad if pattern.fullmatch(value)] == []


def test_numbers_and_choices_out_of_bounds_are_refused(template: dict[str, Any]) -> None:
    for name, parameter in template["Parameters"].items():
        wrong = []
        if "AllowedValues" in parameter:
            wrong.append("something else")
        if "MinValue" in parameter:
            wrong += [str(parameter["MinValue"] - 1), "many"]
        if "MaxValue" in parameter:
            wrong.append(str(parameter["MaxValue"] + 1))
        for value in wrong:
            with pytest.raises(Refused, match=name):
                deployed(**{name: value})


@pytest.mark.parametrize("existing", [EXISTING_STANDARD, EXISTING_FIFO], ids=["standard", "fifo"])
def test_half_of_an_attached_queue_is_refused(existing: dict[str, str]) -> None:
    for missing in existing:
        with pytest.raises(Refused, match=missing):
            deployed(**{name: value for name, value in existing.items() if name != missing})
    with pytest.raises(Refused, match="ExistingQueueArn must be given"):
        deployed(ExistingQueueKeyArn=KEY)
    assert deployed(**existing, ExistingQueueKeyArn=KEY)


def test_parameters_and_variables_agree_on_defaults_and_limits(template: dict[str, Any]) -> None:
    """In the cloud ``METTA_TRACING`` is said; elsewhere what is not said depends on where it runs."""
    for name, field in Settings.model_fields.items():
        parameter = template["Parameters"].get("".join(word.capitalize() for word in name.split("_")))
        if parameter is None:
            continue
        if parameter.get("Default") not in (None, "") and name != "metta_tracing":
            read = settings.load({name.upper(): str(parameter["Default"])})
            assert getattr(read, name) == field.default, name
        accepted = [parameter[limit] for limit in ("MinValue", "MaxValue") if limit in parameter]
        for value in (*accepted, *parameter.get("AllowedValues", ())):
            settings.load({name.upper(): str(value)})


def test_a_fraction_is_refused_before_the_worker_would_refuse_it(template: dict[str, Any]) -> None:
    """CloudFormation takes 1.5 for a Number; what SQS and Lambda are told as well, they refuse themselves."""
    told_to_aws = {"SqsMaxMessages", "SqsWaitTimeSeconds", "SqsMaxReceiveCount"}
    whole = {
        parameter
        for name, field in Settings.model_fields.items()
        if field.annotation in (int, int | None) and (parameter := "".join(map(str.capitalize, name.split("_"))))
    }

    numbers = {name for name, one in template["Parameters"].items() if one["Type"] == "Number"}
    assert whole & numbers == told_to_aws


def test_stages_deploy_as_they_stand(template: dict[str, Any]) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    stages = {name: stage for name, stage in config.items() if isinstance(stage, dict)}

    assert set(stages) == {"default", "staging", "production"}
    names = [stage["global"]["parameters"]["stack_name"] for stage in stages.values()]
    assert len(set(names)) == 3
    for name, stage in stages.items():
        overrides = stage["deploy"]["parameters"]["parameter_overrides"].split()
        stack = deployed(**dict(override.split("=", 1) for override in overrides))
        assert stack.parameters["Stage"] == {"default": "dev"}.get(name, name)
        assert f"stage={stack.parameters['Stage']}" in stage["deploy"]["parameters"]["tags"]


def test_what_is_deployed_is_what_the_outputs_name(template: dict[str, Any]) -> None:
    assert set(template["Outputs"]) >= {"QueueUrl", "QueueArn", "DeadLetterQueueUrl", "IdempotencyTableName"}
    assert all(output["Description"] for output in template["Outputs"].values())
    everything = deployed(WebhookEnabled="true", ConsoleEnabled="even-in-production").outputs
    assert everything["WebhookUrl"] == "WebhookFunctionUrl.FunctionUrl"
    assert everything["ConsoleUrl"] == "ConsoleFunctionUrl.FunctionUrl"
    assert deploy.ROOT == ROOT
