"""Whether a response of the model is one that can be gone on with."""

from __future__ import annotations

import json
from typing import Any

from agents import ModelBehaviorError
from openai.types.responses import Response

from metta.errors import BudgetExhausted, ModelRefused


def _is_unicode(arguments: str) -> bool:
    """False for JSON with half a surrogate pair, which the SDK cannot encode."""
    try:
        json.dumps(json.loads(arguments), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except (ValueError, RecursionError):
        return True
    return True


def _check_item(item: Any) -> None:
    """Refuse an output item that the runner would trip over, and a refusal."""
    kind = getattr(item, "type", None)
    if kind == "function_call":
        fields = (item.call_id, item.name, item.arguments)
        if not all(isinstance(value, str) for value in fields) or not item.call_id or not item.name:
            raise ModelBehaviorError("a function call without id, name or arguments")
        if "\\ud" in item.arguments.lower() and not _is_unicode(item.arguments):
            item.arguments = "{}"
    elif kind == "message":
        parts = getattr(item, "content", None)
        if not isinstance(parts, list):
            raise ModelBehaviorError("a message without content")
        if any(getattr(part, "type", None) == "refusal" for part in parts):
            raise ModelRefused("the model declined to answer")
        if not all(isinstance(getattr(part, "text", None), str) for part in parts):
            raise ModelBehaviorError("a message part without text")
    elif not isinstance(kind, str):
        raise ModelBehaviorError("an output item without type")


def check(response: Any) -> Response:
    """The response, if it is a complete one.

    Raises:
        BudgetExhausted: it used up its output tokens.
        ModelRefused: the model or its content filter declined.
        ModelBehaviorError: it failed, broke off or is not shaped like a response.
    """
    output = getattr(response, "output", None)
    if not isinstance(response, Response):
        raise ModelBehaviorError("the answer is not a response object")
    if response.status == "incomplete":
        reason = getattr(response.incomplete_details, "reason", None)
        if reason == "max_output_tokens":
            raise BudgetExhausted("the model used up its output tokens")
        if reason == "content_filter":
            raise ModelRefused("the model's content filter stopped the answer")
        raise ModelBehaviorError("the response is incomplete")
    if response.status not in (None, "completed"):
        raise ModelBehaviorError("the response failed")
    if not isinstance(output, list):
        raise ModelBehaviorError("the response has no output")
    try:
        for item in output:
            _check_item(item)
    except AttributeError:
        raise ModelBehaviorError("an output item lacks a field") from None
    return response
