"""A stack on the local AWS as an operator sees it: what it is, what it put out, what its functions say."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metta_local.aws import MiniStack

SECONDS = 150.0
"""How long a loaded machine may take for what takes seconds."""


def wait_until(true: Callable[[], Any], seconds: float = SECONDS) -> bool:
    """Whether it came true in time."""
    until = time.monotonic() + seconds
    while not (now := true()) and time.monotonic() < until:
        time.sleep(0.1)
    return bool(now)


@dataclass(frozen=True)
class Deployment:
    """One stack by its name."""

    aws: MiniStack
    name: str = "metta-local"

    @property
    def status(self) -> str:
        """As CloudFormation calls it."""
        stacks = self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return str(stacks[0]["StackStatus"])

    @property
    def outputs(self) -> dict[str, str]:
        """What the template puts out."""
        (stack,) = self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    @property
    def reasons(self) -> str:
        """Why resources failed."""
        events = self.aws.client("cloudformation").describe_stack_events(StackName=self.name)["StackEvents"]
        return "\n".join(str(event.get("ResourceStatusReason", "")) for event in events)

    @property
    def live(self) -> str:
        """The version that the worker's alias points to."""
        alias = self.aws.client("lambda").get_alias(FunctionName=f"{self.name}-worker", Name="live")
        return str(alias["FunctionVersion"])

    def functions(self) -> set[str]:
        """Names of its functions, without the stack's."""
        found = self.aws.client("lambda").list_functions()["Functions"]
        names = (str(one["FunctionName"]) for one in found)
        return {name.removeprefix(f"{self.name}-") for name in names if name.startswith(f"{self.name}-")}

    def url(self, output: str) -> str:
        """Where a Function URL answers on the local AWS, whose names of hosts lead nowhere."""
        host = self.outputs[output].removeprefix("https://")
        return f"{self.aws.url}/_aws/lambda-url/{host.partition('.')[0]}"

    def invoked(self, function: str, event: dict[str, Any]) -> Any:
        """What a function answers; fails with its log when it raises."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=f"{self.name}-{function}", Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, f"{payload}\n{self.log_of(function)[-6000:]}"
        return payload

    def log_of(self, function: str = "worker") -> str:
        """All that the function logged."""
        group = f"/aws/lambda/{self.name}-{function}"
        events = self.aws.client("logs").filter_log_events(logGroupName=group)["events"]
        return "\n".join(event["message"] for event in events)

    def waiting(self) -> int:
        """Messages on the stack's queue, those in flight included."""
        answer = self.aws.client("sqs").get_queue_attributes(QueueUrl=self.outputs["QueueUrl"], AttributeNames=["All"])
        attributes = answer["Attributes"]
        return sum(int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible"))
