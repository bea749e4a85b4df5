"""An embedded AWS whose queues, tables and functions the doctor's tests set up wrongly, each test its own."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metta_local.aws import MiniStack

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class AwsWorld:
    """One AWS, and how one test's things in it are called."""

    aws: MiniStack
    name: str = field(default_factory=lambda: f"shop-{next(_NUMBERS)}")

    def variables(self, **more: str | None) -> dict[str, str | None]:
        """What points the doctor at it; keywords change it, None takes one away."""
        return {**self.aws.environment, **more}

    def with_queues(self, queue_url: str, dlq_url: str | None, **more: str | None) -> dict[str, str | None]:
        """The same with two queues."""
        return self.variables(**{"AWS_SQS_QUEUE_URL": queue_url, "AWS_SQS_DLQ_URL": dlq_url, **more})

    def sound_queues(self, **wanted: Any) -> tuple[str, str]:
        """Queues as the template makes them."""
        return self.aws.create_queues(self.name, **wanted)

    def queue(self, suffix: str, attributes: Mapping[str, str] | None = None) -> str:
        """A further queue."""
        url = self.aws.client("sqs").create_queue(QueueName=f"{self.name}{suffix}", Attributes=dict(attributes or {}))
        return str(url["QueueUrl"])

    def set(self, url: str, **attributes: str) -> None:
        """Change a queue."""
        self.aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=attributes)

    def arn(self, url: str) -> str:
        """The queue's ARN."""
        answer = self.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def redrive(self, dead: str, receives: int = 30) -> dict[str, str]:
        """The attribute that makes ``dead`` a queue's dead-letter queue."""
        return {"RedrivePolicy": json.dumps({"deadLetterTargetArn": self.arn(dead), "maxReceiveCount": receives})}

    def function(self, suffix: str = "", *, timeout: int = 60, variables: Mapping[str, str] | None = None) -> str:
        """A function; its name."""
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as files:
            files.writestr("app.py", "def handler(event, context):\n    return {'batchItemFailures': []}\n")
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = self.aws.client("iam").create_role(
            RoleName=f"{self.name}{suffix}",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        made = self.aws.client("lambda").create_function(
            FunctionName=f"{self.name}{suffix}",
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="app.handler",
            Code={"ZipFile": package.getvalue()},
            Timeout=timeout,
            Environment={"Variables": dict(variables or {})},
        )
        return str(made["FunctionName"])

    def attach(self, function: str, queue_url: str, **changed: Any) -> str:
        """An event source mapping as the template makes it, but for what is changed; its id."""
        wanted = {
            "BatchSize": 10,
            "Enabled": True,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 10},
            **changed,
        }
        made = self.aws.client("lambda").create_event_source_mapping(
            FunctionName=function,
            EventSourceArn=self.arn(queue_url),
            **{name: value for name, value in wanted.items() if value is not None},
        )
        return str(made["UUID"])

    def keys_of_user(self, *actions: str) -> dict[str, str]:
        """Credentials of a new user who may do these alone; on an AWS that enforces IAM."""
        iam = self.aws.client("iam")
        iam.create_user(UserName=self.name)
        if actions:
            statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_user_policy(UserName=self.name, PolicyName="some", PolicyDocument=policy)
        key = iam.create_access_key(UserName=self.name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
