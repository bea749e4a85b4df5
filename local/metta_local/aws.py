"""AWS on this machine, without an account or Docker: a MiniStack process on loopback, for the stack and the tests.

SQS, DynamoDB, Secrets Manager, CloudFormation and Lambda live in that one process, which starts deployed functions as
children of its own. It keeps nothing: each start is empty. ``create_queues`` and ``create_table`` make what
``template.yaml`` makes, for runs that do not deploy (``tests/infrastructure`` holds the two together).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any

REGION = "us-east-1"
PORT = 4566
"""Where ``events/local.env.json`` expects it, for stacks that other programs are to find."""
RETENTION_SECONDS = 1_209_600
"""Fourteen days, the longest SQS keeps a message."""
START_SECONDS = 30.0
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "SYSTEMROOT", "PYENV_ROOT", "PYENV_VERSION")


def queue_attributes(*, visibility_seconds: int, dlq_arn: str, max_receive_count: int) -> dict[str, str]:
    """Attributes of the message queue, as SQS's API takes them; equal to those of the template."""
    return {
        "FifoQueue": "true",
        "MessageRetentionPeriod": str(RETENTION_SECONDS),
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": str(visibility_seconds),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dlq_arn, "maxReceiveCount": max_receive_count}),
    }


def dlq_attributes() -> dict[str, str]:
    """Attributes of the dead-letter queue; its redrive allow policy needs the queue's name and is set after it."""
    return {"FifoQueue": "true", "MessageRetentionPeriod": str(RETENTION_SECONDS), "SqsManagedSseEnabled": "true"}


def table_attributes() -> dict[str, Any]:
    """Keys and index of the table of idempotency and turn state, as DynamoDB's API takes them; as in the template."""
    names = {"id": "S", "watch": "S", "since": "N"}
    return {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in names.items()],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "watch",
                "KeySchema": [
                    {"AttributeName": "watch", "KeyType": "HASH"},
                    {"AttributeName": "since", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }


class MiniStack:
    """One MiniStack process; it and the functions it runs end with ``stop()`` or when this process ends.

    Args:
        directory: where it writes its log and unpacks functions; kept afterwards. None takes a temporary
            one, removed by ``stop()``.
        port: 0 picks a free one.
        enforce_iam: hold functions to their roles and queues to their policies; our own client is the account's root.

    Example::

        with MiniStack() as aws:
            queue_url, dlq_url = aws.create_queues()
            aws.client("sqs").send_message(QueueUrl=queue_url, ...)
    """

    def __init__(self, directory: Path | None = None, port: int = 0, *, enforce_iam: bool = False) -> None:
        self._given = directory
        self._port = port
        self._enforce_iam = enforce_iam
        self._token = uuid.uuid4().hex
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[tuple[str, str], Any] = {}
        self.url = ""
        """Endpoint of every service; empty until started."""

    def start(self) -> str:
        """Start it and wait until it answers.

        Returns:
            The endpoint, for ``AWS_ENDPOINT_URL``.

        Raises:
            RuntimeError: it did not come up; the text carries the end of its log.
        """
        if self._process is not None:
            return self.url
        self._directory = self._given or Path(tempfile.mkdtemp(prefix="metta-aws-"))
        self._directory.mkdir(parents=True, exist_ok=True)
        for _ in range(1 if self._port else 3):  # the free port may be taken by someone else before MiniStack binds it
            port = self._port or _free_port()
            self.url = f"http://127.0.0.1:{port}"
            with self.log_path.open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "metta_local.aws", *([] if self._given else [str(self._directory)])],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self._directory,
                    env=self._process_environment(port),
                    start_new_session=True,
                )
            if self._answers():
                return self.url
            self._end_process()
        tail = "\n".join(self.log_path.read_text(errors="replace").splitlines()[-15:])
        self.stop()
        raise RuntimeError(f"MiniStack did not start:\n{tail}")

    def stop(self) -> None:
        """End it and every function process it started; safe to call twice."""
        self._end_process()
        if self._given is None and self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None
        self.url = ""

    def __enter__(self) -> MiniStack:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def log_path(self) -> Path:
        """MiniStack's own log."""
        if self._directory is None:
            raise RuntimeError("MiniStack was not started")
        return self._directory / "ministack.log"

    @property
    def pid(self) -> int:
        """Of its process; the functions it runs are below it."""
        if self._process is None:
            raise RuntimeError("MiniStack was not started")
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point any AWS client at it (credentials are dummies)."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A boto3 client of one of its services, safe to share between threads; it fails fast."""
        import boto3
        from botocore.config import Config

        if (service, self.url) not in self._clients:
            session: Any = boto3.session.Session()  # the default session is not safe to use from several threads
            self._clients[service, self.url] = session.client(
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 2}, connect_timeout=5, read_timeout=60),
            )
        return self._clients[service, self.url]

    def create_queues(
        self, name: str = "metta", *, visibility_seconds: int = 360, max_receive_count: int = 30
    ) -> tuple[str, str]:
        """Create the FIFO queue and its FIFO dead-letter queue.

        Args:
            name: the queues are ``NAME.fifo`` and ``NAME-dlq.fifo``.
            visibility_seconds: default visibility of a received message.
            max_receive_count: receives before a message is dead-lettered.

        Returns:
            The URLs of the queue and of the dead-letter queue.
        """
        sqs = self.client("sqs")
        dlq_url: str = sqs.create_queue(QueueName=f"{name}-dlq.fifo", Attributes=dlq_attributes())["QueueUrl"]
        attributes = queue_attributes(
            visibility_seconds=visibility_seconds, dlq_arn=self._arn(dlq_url), max_receive_count=max_receive_count
        )
        queue_url: str = sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]
        allow = {"redrivePermission": "byQueue", "sourceQueueArns": [self._arn(queue_url)]}
        sqs.set_queue_attributes(QueueUrl=dlq_url, Attributes={"RedriveAllowPolicy": json.dumps(allow)})
        return queue_url, dlq_url

    def create_table(self, name: str = "metta-idempotency") -> str:
        """Create the table of idempotency and turn state: key ``id``, index ``watch``, end of life in ``expiration``.

        Returns:
            Its name, for ``IDEMPOTENCY_TABLE``.
        """
        dynamodb = self.client("dynamodb")
        dynamodb.create_table(TableName=name, **table_attributes())
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 10})
        self.keep_and_forget(name)
        return name

    def keep_and_forget(self, table: str) -> None:
        """End items by ``expiration`` and keep backups, as the template asks and CloudFormation here does not."""
        dynamodb = self.client("dynamodb")
        dynamodb.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiration"}
        )
        dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    def create_secret(self, values: dict[str, str], name: str = "metta") -> str:
        """Create the secret that holds variables.

        Returns:
            Its ARN, for ``METTA_SECRET_ARN``.
        """
        created = self.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(values))
        return str(created["ARN"])

    def _arn(self, queue_url: str) -> str:
        answer = self.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def _process_environment(self, port: int) -> dict[str, str]:
        """Its whole environment. Function processes inherit it, so the caller's variables must not be in it."""
        directory = str(self._directory)
        return {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "MINISTACK_EDITION": self._token,
            "AUTH": str(self._enforce_iam).lower(),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LAMBDA_EXECUTOR": "local",
            "DOCKER_HOST": f"unix://{directory}/no-docker",
            "STATE_DIR": f"{directory}/state",
            "S3_DATA_DIR": f"{directory}/s3",
            "TMPDIR": directory,
            "PYTHONDONTWRITEBYTECODE": "1",
            "LOG_LEVEL": "INFO",
        }

    def _answers(self) -> bool:
        assert self._process is not None
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            with (
                contextlib.suppress(OSError, ValueError),
                urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2) as health,
            ):
                if json.load(health).get("edition") == self._token:  # another one on that port would answer as well
                    return True
            time.sleep(0.1)
        return False

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # its functions are in its process group
        process.wait(timeout=10)
        if process.stdin is not None:
            process.stdin.close()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent(directories: list[str]) -> None:
    """Wait until the parent's end of the pipe closes, however the parent ended, then end the whole group."""
    sys.stdin.buffer.read()
    for temporary in directories:
        shutil.rmtree(temporary, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """The child process: MiniStack, tied to the life of the process that holds its standard input."""
    from ministack.app import main as serve

    directories = sys.argv[1:]  # temporary ones, to remove when the parent could not
    sys.argv[1:] = []
    threading.Thread(target=_end_with_parent, args=(directories,), name="end-with-parent", daemon=True).start()
    serve()


if __name__ == "__main__":
    main()
