"""The deployed function as the worker under test: the real template on the local AWS, its calls through proxies.

The event source mapping feeds it and runs inside the local AWS, so that receiving and deleting records is not seen or
spoilt here; everything that the function itself calls is.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import psutil

from metta_local import deployed
from metta_local.aws import MiniStack
from metta_local.chaos.crew import RANDOM, Crash, Kill
from metta_local.chaos.proxies import Proxies
from metta_local.chaos.steps import KillStep
from metta_local.stack import LocalStack

WORKER = "function"
_IDLE_SECONDS = 2.0
_LOOK_SECONDS = 0.1


class DeployedCrew:
    """A ``Crew`` of one, the function, in as many processes as the local AWS gives it; a context manager.

    Args:
        stack: a stack that was started without a deployment; its own queue and table stay unused.
        proxies: stand between; its ambush kills through this crew from now on.
        environment: variables beside the stack's, as far as the template has parameters for them.
        directory: where ``function.log`` goes.

    Attributes:
        outputs: ``AWS_SQS_QUEUE_URL``, ``AWS_SQS_DLQ_URL`` and ``IDEMPOTENCY_TABLE`` of what was deployed.
        kills: so far; a kill ends every process of the function that runs.
        crashes: always empty: what ends a function is not told.
    """

    def __init__(self, stack: LocalStack, proxies: Proxies, environment: Mapping[str, str], directory: Path) -> None:
        if stack.aws is None:
            raise ValueError("the stack has no AWS of its own to deploy onto")
        self._aws: MiniStack = stack.aws
        self._environment = {**stack.environment(), **environment}
        self._proxies = proxies
        self._directory = directory
        self._function = ""
        self._mapping = ""
        self.outputs: dict[str, str] = {}
        self.kills: list[Kill] = []
        self.crashes: list[Crash] = []

    @property
    def workers(self) -> list[str]:
        """Its one name."""
        return [WORKER]

    @property
    def alive(self) -> list[str]:
        """Its name, while a process of it runs."""
        return [WORKER] if self._processes() else []

    def start(self) -> None:
        """Build and deploy; afterwards the function works on the queue of ``outputs``.

        Raises:
            CommandError: it does not build or deploy.
        """
        secrets = self._aws.client("secretsmanager")
        secrets.delete_secret(SecretId="metta", ForceDeleteWithoutRecovery=True)  # the stack's own, of the same name
        environment = self._environment | self._proxies.variables(WORKER)
        self.outputs = deployed.deploy_onto(self._aws, environment)
        queue = self.outputs["AWS_SQS_QUEUE_URL"].rsplit("/", 1)[-1]
        for mapping in self._aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
            if mapping["EventSourceArn"].endswith(f":{queue}"):
                self._mapping = mapping["UUID"]
                self._function = mapping["FunctionArn"].split(":function:")[1].split(":")[0]
        self._proxies.harness.ambush.kill = self._ambushed

    def kill(self, worker: str = WORKER, step: str = RANDOM) -> bool:
        """SIGKILL every process of the function; False when none runs. The next invocation starts a new one."""
        found = self._processes()
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if found:
            at = time.time()
            self.kills.append(Kill(at, worker, step))
            self._proxies.harness.journal.note(at, None, f"{worker} KILLED ({step})")
        return bool(found)

    def kill_at(self, step: KillStep, conversation: int | None = None) -> None:
        """Kill the function when it comes to ``step`` next, once; in one conversation only if given."""
        self._proxies.harness.ambush.arm(step, conversation)

    def stop(self, seconds: float = 45.0) -> dict[str, int]:
        """Stop feeding the function and wait until it has been idle for a moment, ``seconds`` at most.

        Returns:
            ``{"function": 0}``.
        """
        self._proxies.harness.ambush.kill = None
        if self._mapping:
            self._aws.client("lambda").update_event_source_mapping(UUID=self._mapping, Enabled=False)
            mapping, self._mapping = self._mapping, ""
            self._await_idle(mapping, seconds)
            self._keep_log()
        return {WORKER: 0}

    def log_of(self, worker: str = WORKER) -> Path:
        """Where the function's log is kept once it was stopped."""
        return self._directory / f"{worker}.log"

    def __enter__(self) -> DeployedCrew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop(45.0 if kind is None else 0.0)

    def _ambushed(self, worker: str, step: KillStep) -> None:
        self.kill(worker, step.name)

    def _processes(self) -> list[psutil.Process]:
        """The function's processes: children of the local AWS that carry its name."""
        found = []
        for process in psutil.Process(self._aws.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == self._function:
                    found.append(process)
        return found

    def _await_idle(self, mapping: str, seconds: float) -> None:
        lambdas, journal = self._aws.client("lambda"), self._proxies.harness.journal
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            calls = journal.calls
            idle = not calls or time.time() - max(call.arrived_at for call in calls) > _IDLE_SECONDS
            if idle and lambdas.get_event_source_mapping(UUID=mapping)["State"] == "Disabled":
                return
            time.sleep(_LOOK_SECONDS)

    def _keep_log(self) -> None:
        logs = self._aws.client("logs")
        lines = []
        for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
            if group["logGroupName"].endswith(f"/{self._function}"):
                for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                    lines += [event["message"].rstrip("\n") for event in page["events"]]
        self._directory.mkdir(parents=True, exist_ok=True)
        self.log_of().write_text("\n".join(lines), encoding="utf-8")
