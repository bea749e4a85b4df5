"""What CloudFormation makes of the template for given parameters: tests ask for deployed truth, not for raw ``Fn::If``.

``deployed(Stage="dev")`` transforms as SAM does, checks parameters and rules, and evaluates what resources there are.
What only AWS knows is named instead: the queue's ARN is ``MessageQueue.Arn``, and its ``Ref`` is ``MessageQueue``.
"""

from __future__ import annotations

import copy
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
ACCOUNT = "123456789012"
REGION = "eu-central-1"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/metta/1a2b3c4d-0000-11f0-8000-0a1b2c3d4e5f",
    "AWS::StackName": "metta",
    "AWS::URLSuffix": "amazonaws.com",
}
NEEDED = {
    "MettaSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:metta-a1B2c3",
    "ChatwootBaseUrl": "https://chat.example.com",
    "ChatwootAccountId": "3",
    "OdooUrl": "https://shop.example.com",
    "OdooDb": "shop",
    "OdooUsername": "metta@example.com",
}
"""The parameters without a default."""
SEEN_BY_SAM = frozenset({"GradualDeployment", "DeploymentType"})
"""The parameters whose values its transform reads; the others only CloudFormation does. A transform takes its time."""
_NO_VALUE = object()
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


class Refused(Exception):
    """CloudFormation would not begin: a parameter or a rule says no."""


class Dangling(Exception):
    """A resource or parameter is named that is not there on this branch: CloudFormation would fail half way."""


class NoManagedPolicies:
    """The transform asks for managed policies; the template names none."""

    def load(self) -> dict[str, str]:
        return {}


class Deployed:
    """The template on one branch.

    Args:
        template: after SAM's transform.
        given: parameters; the others take their defaults.

    Raises:
        Refused: a value or a combination of them is not accepted.
    """

    def __init__(self, template: Mapping[str, Any], given: Mapping[str, str]) -> None:
        self._template = template
        declared = template["Parameters"]
        if unknown := set(given) - set(declared):
            raise Refused(f"no such parameter: {sorted(unknown)}")
        self.parameters = {name: _accepted(name, declared[name], given.get(name)) for name in declared}
        for name, rule in template.get("Rules", {}).items():
            if self.value(rule.get("RuleCondition", True)):
                for assertion in rule["Assertions"]:
                    if not self.value(assertion["Assert"]):
                        raise Refused(f"{name}: {assertion['AssertDescription']}")
        self.names = {name for name, one in template["Resources"].items() if self._is_there(one)}

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> dict[str, Any]:
        """Properties of a resource, evaluated."""
        if name not in self.names:
            raise KeyError(f"{name} is not deployed")
        properties: dict[str, Any] = self.value(self._template["Resources"][name].get("Properties", {}))
        return properties

    def attribute(self, name: str, attribute: str) -> Any:
        """Something beside a resource's properties, such as its ``DeletionPolicy``."""
        return self._template["Resources"][name].get(attribute)

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties of all resources of a type, by name."""
        return {name: self[name] for name in self._template["Resources"] if name in self and self.kind(name) == kind}

    def kind(self, name: str) -> str:
        """Type of a resource."""
        return str(self._template["Resources"][name]["Type"])

    @property
    def outputs(self) -> dict[str, Any]:
        """Values of the outputs that are there."""
        found = self._template.get("Outputs", {})
        return {name: self.value(one["Value"]) for name, one in found.items() if self._is_there(one)}

    def condition(self, name: str) -> bool:
        """Whether a condition holds."""
        return bool(self.value(self._template["Conditions"][name]))

    def value(self, raw: Any) -> Any:
        """``raw`` without intrinsic functions; what is ``AWS::NoValue`` is left out of its dict or list."""
        if isinstance(raw, list):
            return [value for item in raw if (value := self.value(item)) is not _NO_VALUE]
        if not isinstance(raw, dict):
            return raw
        if len(raw) == 1:
            ((function, argument),) = raw.items()
            if function in ("Ref", "Condition") and isinstance(argument, str):
                return self._ref(argument) if function == "Ref" else self.condition(argument)
            if function.startswith("Fn::"):
                return self._call(function.removeprefix("Fn::"), argument)
        return {key: value for key, item in raw.items() if (value := self.value(item)) is not _NO_VALUE}

    def _is_there(self, one: Mapping[str, Any]) -> bool:
        return "Condition" not in one or self.condition(one["Condition"])

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        if name not in self.names:
            raise Dangling(name)
        return name

    def _call(self, function: str, argument: Any) -> Any:
        if function == "If":
            return self.value(argument[1 if self.condition(argument[0]) else 2])
        if function == "GetAtt":
            resource, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
            return f"{self._ref(resource)}.{attribute}"
        if function == "Sub":
            text, more = argument if isinstance(argument, list) else (argument, {})
            return self._substituted(text, self.value(more))
        found = self.value(argument)
        match function:
            case "Equals":
                return str(found[0]) == str(found[1])
            case "Not":
                return not found[0]
            case "And":
                return all(found)
            case "Or":
                return any(found)
            case "Contains":
                return found[1] in found[0]
            case "FindInMap":
                return self._template["Mappings"][found[0]][str(found[1])][found[2]]
            case "Select":
                return found[1][int(found[0])]
            case "Split":
                return str(found[1]).split(found[0])
            case "Join":
                return found[0].join(str(part) for part in found[1])
        raise NotImplementedError(f"Fn::{function}")

    def _substituted(self, text: str, more: Mapping[str, Any]) -> str:
        def put(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in more:
                return str(more[name])
            resource, dot, attribute = name.partition(".")
            return f"{self._ref(resource)}{dot}{attribute}"

        return _VARIABLE.sub(put, text)


def _accepted(name: str, declared: Mapping[str, Any], given: str | None) -> str:
    """The value as CloudFormation takes it: always text."""
    if given is None:
        if "Default" not in declared:
            raise Refused(f"{name} is needed")
        given = str(declared["Default"])
    allowed = declared.get("AllowedValues")
    if allowed is not None and given not in [str(value) for value in allowed]:
        raise Refused(f"{name} is none of {allowed}")
    if "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], given):
        raise Refused(f"{name} {declared.get('ConstraintDescription')}")
    if declared["Type"] == "Number":
        try:
            number = float(given)
        except ValueError:
            raise Refused(f"{name} is no number") from None
        if not declared.get("MinValue", number) <= number <= declared.get("MaxValue", number):
            raise Refused(f"{name} is out of bounds")
    return given


def transformed(template: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """A template after SAM's transform, made without network; some of it depends on parameters already."""
    for resource in template["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if isinstance(resource.get("Properties", {}).get(name), str):
                resource["Properties"][name] = {"Bucket": "artifacts", "Key": resource["Properties"][name]}
    found: dict[str, Any] = transform(template, dict(given), NoManagedPolicies())
    return found


@functools.cache
def _deployed(given: tuple[tuple[str, str], ...]) -> Deployed:
    seen = tuple((name, value) for name, value in given if name in SEEN_BY_SAM)
    return Deployed(_transformed(seen), dict(given))


@functools.cache
def _transformed(given: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return transformed(source(), dict(given))


def source() -> dict[str, Any]:
    """The template as it is written; the caller's own."""
    return copy.deepcopy(_source())


@functools.cache
def _source() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return parsed


def deployed(**given: str) -> Deployed:
    """The template as it is in the repository, with these parameters and those it cannot do without."""
    return _deployed(tuple(sorted((NEEDED | given).items())))


QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:inbox"
EXISTING_STANDARD = {"ExistingQueueArn": QUEUE, "ExistingDeadLetterQueueArn": f"{QUEUE}-dead"}
EXISTING_FIFO = {"ExistingQueueArn": f"{QUEUE}.fifo", "ExistingDeadLetterQueueArn": f"{QUEUE}-dead.fifo"}
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11112222-3333-4444-5555-666677778888"
CHOICES: tuple[tuple[dict[str, str], ...], ...] = (
    ({}, EXISTING_FIFO, EXISTING_STANDARD | {"ExistingQueueKeyArn": KEY}),
    ({}, {"EncryptWithOwnKey": "true", "SecretKeyArn": KEY}),
    ({}, {"WebhookEnabled": "true", "ReserveConcurrency": "true"}),
    ({}, {"ConsoleEnabled": "even-in-production"}),
    ({}, {"MigrateOnDeploy": "false", "WatchdogEnabled": "false", "SavedQueries": "false"}),
    ({}, {"MettaTracing": "off", "GradualDeployment": "false"}),
)
"""What changes which resources there are, or what may be done with them."""


def branches(choices: Iterable[Iterable[Mapping[str, str]]] = CHOICES) -> Iterator[dict[str, str]]:
    """Parameters of every combination of choices."""
    for combination in itertools.product(*choices):
        yield {name: value for chosen in combination for name, value in chosen.items()}
