"""What goes wrong with the model: which failures are tried again at once, and what each becomes in Metta's error tree.

Only class, status and code of a failure are told on; servers repeat keys and customers' words in their messages (I9).
"""

from __future__ import annotations

from collections.abc import Callable

import httpx2
from agents.exceptions import (
    AgentsException,
    MaxTurnsExceeded,
    ModelBehaviorError,
    ModelRefusalError,
    ModelTimeoutError,
)
from agents.retry import ModelRetryBackoffSettings, ModelRetrySettings, RetryDecision, RetryPolicyContext
from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

from metta.ai.usage import MAX_RETRIES
from metta.errors import BudgetExhausted, HandOff, MettaError, ModelDown, ModelRefused, TooManyModelTurns

LONGEST_WAIT = 5.0
"""Seconds of Retry-After that are waited for within a run."""
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_BACKOFF = ModelRetryBackoffSettings(initial_delay=0.3, max_delay=2.0, multiplier=3.0, jitter=True)
_USUAL_WAIT = 1.0
_LEAST_CALL_SECONDS = 1.0
_NO_QUOTA = ("insufficient_quota", "billing_hard_limit_reached")
_TOO_LONG = ("context_length_exceeded", "string_above_max_length", "request_too_large")
_DECLINED = ("invalid_prompt", "content_policy_violation", "content_filter")


def _may_pass(error: Exception) -> bool:
    """Whether the same request may well succeed within seconds; a timeout has already had its seconds."""
    if isinstance(error, APITimeoutError):
        return False
    if isinstance(error, APIConnectionError):
        return True
    if not isinstance(error, APIStatusError) or error.code in _NO_QUOTA:
        return False
    if (error.response.headers.get("x-should-retry") or "").lower() == "false":
        return False
    return error.status_code in (408, 409, 429) or error.status_code >= 500


def may_be_charged(error: BaseException) -> bool:
    """Whether a call that ended so may have been worked on: not if it was refused or never reached the server."""
    return not isinstance(error, APIStatusError) and not isinstance(error.__cause__, _NEVER_SENT)


def retry_settings(seconds_left: Callable[[], float]) -> ModelRetrySettings:
    """Quick retries of one model call, as long as the run has time for the wait and another call."""

    def policy(context: RetryPolicyContext) -> RetryDecision:
        wait = context.normalized.retry_after
        if not _may_pass(context.error) or (wait is not None and wait > LONGEST_WAIT):
            return RetryDecision(retry=False)
        enough = (_USUAL_WAIT if wait is None else wait) + _LEAST_CALL_SECONDS <= seconds_left()
        return RetryDecision(retry=enough, delay=wait)

    return ModelRetrySettings(max_retries=MAX_RETRIES, backoff=_BACKOFF, policy=policy)


def _retry_after(error: APIStatusError) -> float | None:
    """Seconds that the server asks to wait, bounded to an hour; None when it does not say."""
    try:
        milliseconds = error.response.headers.get("retry-after-ms")
        seconds = float(milliseconds) / 1000 if milliseconds else float(error.response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return min(seconds, 3600.0) if seconds >= 0 else None


def _of_status(error: APIStatusError, model: str) -> MettaError:
    status, code = error.status_code, error.code or ""
    told = f"{status}{f' {code}' if code.isidentifier() else ''}"
    if status in (401, 403):
        return ModelDown(f"the model's API refuses OPENAI_API_KEY or its rights ({told})")
    if status == 404 or code == "model_not_found":
        return ModelDown(f"the model's API does not know OPENAI_MODEL {model} or this OPENAI_BASE_URL ({told})")
    if code in _NO_QUOTA:
        return ModelDown(f"the account behind OPENAI_API_KEY has no quota left ({told})", after_seconds=60)
    if status == 413 or code in _TOO_LONG:
        return BudgetExhausted(f"the conversation is too long for the model ({told})")
    if code in _DECLINED:
        return ModelRefused(f"the model's API declined the conversation ({told})")
    if status in (400, 422):
        return HandOff(f"the model's API rejects the request ({told}, {error.param})", reason="model_request_rejected")
    return ModelDown(f"the model's API answered {told}", after_seconds=_retry_after(error))


def translate(error: Exception, model: str) -> MettaError | None:
    """The failure on Metta's own tree; None for what is not the model's doing."""
    if isinstance(error, MettaError):
        return error
    if isinstance(error, MaxTurnsExceeded):
        return TooManyModelTurns("the agent did not come to an end within its model turns")
    if isinstance(error, ModelRefusalError):
        return ModelRefused("the model declined to answer")
    if isinstance(error, ModelTimeoutError | APITimeoutError):
        return ModelDown("the model did not answer in time")
    if isinstance(error, APIConnectionError):
        return ModelDown("the model's API cannot be reached (OPENAI_BASE_URL)")
    if isinstance(error, APIStatusError):
        return _of_status(error, model)
    if isinstance(error, ModelBehaviorError):
        return ModelDown(f"the model broke off: {error.message[:100]}")
    if isinstance(error, APIError | AgentsException):
        return ModelDown(f"the model's answer cannot be used ({type(error).__name__})")
    return None
