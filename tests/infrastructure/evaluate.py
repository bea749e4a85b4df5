"""What CloudFormation would make of the template for given parameters: intrinsic functions and conditions evaluated.

Tests ask ``Stack(template, Stage="staging")`` for the deployed truth of a branch instead of reading ``Fn::If``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REQUIRED = {
    "MettaSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:metta/prod-a1B2c3",
    "ChatwootBaseUrl": "https://chat.example.com",
    "ChatwootAccountId": "3",
    "OdooUrl": "https://shop.example.com",
    "OdooDb": "shop",
    "OdooUsername": "bot@example.com",
}
"""Values for the parameters that have no default."""
PSEUDO = {
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "metta",
    "AWS::StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/metta/0a1b2c3d-1111-2222-3333-444455556666",
}
NAMES = ("FunctionName", "QueueName", "LogGroupName", "AlarmName", "DashboardName")
"""Properties that are what ``Ref`` gives where a resource has one; a queue's ``Ref`` is its URL."""
NO_VALUE = object()
"""What ``AWS::NoValue`` is until it is taken out of its list or mapping."""


class NotThereError(Exception):
    """Something refers to a parameter, condition or resource that does not exist under these parameters."""


class Stack:
    """A template with parameters.

    Args:
        template: as parsed, ``{"Ref": ...}`` and ``{"Fn::...": ...}`` for the short forms.
        parameters: override defaults and ``REQUIRED``.
    """

    def __init__(self, template: Mapping[str, Any], **parameters: str) -> None:
        declared = template["Parameters"]
        if unknown := parameters.keys() - declared.keys():
            raise NotThereError(f"no such parameters: {sorted(unknown)}")
        defaults = {name: str(one["Default"]) for name, one in declared.items() if "Default" in one}
        self.parameters = defaults | REQUIRED | parameters
        self._template = template

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template holds."""
        try:
            return bool(self.value(self._template["Conditions"][condition]))
        except KeyError:
            raise NotThereError(f"condition {condition}") from None

    def exists(self, resource: str) -> bool:
        """Whether a resource is made."""
        found = self._template["Resources"].get(resource)
        return found is not None and ("Condition" not in found or self.holds(found["Condition"]))

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Logical id -> evaluated properties of all resources of a type that are made."""
        return {
            name: self.value(resource.get("Properties", {}))
            for name, resource in self._template["Resources"].items()
            if resource["Type"] == kind and self.exists(name)
        }

    def properties(self, resource: str) -> dict[str, Any]:
        """Evaluated properties of one resource."""
        if not self.exists(resource):
            raise NotThereError(resource)
        evaluated: dict[str, Any] = self.value(self._template["Resources"][resource]["Properties"])
        return evaluated

    def value(self, node: Any) -> Any:
        """A piece of the template, evaluated."""
        if isinstance(node, list):
            items = [self.value(item) for item in node]
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(node, Mapping):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Condition" and isinstance(argument, str):
                return self.holds(argument)
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name.removeprefix("Fn::"), argument)
        items_of = {key: self.value(item) for key, item in node.items()}
        return {key: item for key, item in items_of.items() if item is not NO_VALUE}

    def _call(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._ref(argument)
        if name == "If":
            condition, yes, no = argument
            return self.value(yes if self.holds(condition) else no)
        if name == "Sub":
            return self._sub(argument)
        if name == "GetAtt":
            return self._attribute(*(argument if isinstance(argument, list) else argument.split(".", 1)))
        given = [self.value(item) for item in argument]
        if name == "FindInMap":
            table, row, column = given
            return self._template["Mappings"][table][row][column]
        calls = {
            "Equals": lambda: str(given[0]) == str(given[1]),
            "And": lambda: all(given),
            "Or": lambda: any(given),
            "Not": lambda: not given[0],
            "Select": lambda: given[1][int(given[0])],
            "Split": lambda: given[1].split(given[0]),
            "Join": lambda: given[0].join(given[1]),
        }
        return calls[name]()

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        properties = self._resource(name)
        if "QueueName" in properties:
            return f"https://sqs.eu-central-1.amazonaws.com/123456789012/{self.value(properties['QueueName'])}"
        return next((self.value(properties[key]) for key in NAMES if key in properties), f"{name}-physical-id")

    def _attribute(self, name: str, attribute: str) -> str:
        properties = self._resource(name)
        if attribute == "QueueName":
            return str(self.value(properties["QueueName"]))
        return f"arn:aws:made:eu-central-1:123456789012:{name}.{attribute}"

    def _resource(self, name: str) -> Mapping[str, Any]:
        if not self.exists(name):
            raise NotThereError(name)
        found: Mapping[str, Any] = self._template["Resources"][name].get("Properties", {})
        return found

    def _sub(self, argument: Any) -> str:
        text, more = (argument, {}) if isinstance(argument, str) else argument
        given = {name: self.value(node) for name, node in more.items()}

        def put(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in given:
                return str(given[name])
            return str(self._attribute(*name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", put, text)
