"""The context that the Lambda handler gets from the worker loop instead of from Lambda."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

INVOCATION_SECONDS = 60.0
"""Time a batch has, as the function's timeout gives it on Lambda."""


@dataclass
class LocalContext:
    """The Lambda context of one batch, with a deadline that really passes."""

    seconds: float = INVOCATION_SECONDS
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_name: str = "metta-worker"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:metta-worker"
    log_group_name: str = "/aws/lambda/metta-worker"
    log_stream_name: str = "local"
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.deadline = self.clock() + self.seconds

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left, never negative."""
        return max(0, int((self.deadline - self.clock()) * 1000))

    def end_within(self, seconds: float) -> None:
        """Bring the deadline forward, never back."""
        self.deadline = min(self.deadline, self.clock() + seconds)
