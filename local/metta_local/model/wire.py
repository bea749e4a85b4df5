"""The Responses API's shapes: what a request must look like, what answers and errors look like.

Built from contracts on the wire as the official client speaks it; the checks are those that a mistake of Metta's own
could trip over.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from metta_local.model.scripting import Fail

Json = dict[str, Any]

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ROLES = ("user", "assistant", "system", "developer")
_KNOWN = frozenset(
    (
        *("background", "client_metadata", "context_management", "conversation", "include", "input", "instructions"),
        *("max_output_tokens", "max_tool_calls", "metadata", "model", "parallel_tool_calls", "previous_response_id"),
        *("prompt", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning"),
        *("safety_identifier", "service_tier", "store", "stream", "stream_options", "temperature", "text"),
        *("tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user"),
    )
)
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_LEAST_OUTPUT_TOKENS = 16
_LONGEST_KEY = 64


def invalid(message: str, param: str | None, code: str | None, status: int = 400) -> Fail:
    """An ``invalid_request_error``."""
    return Fail(status, code, message, "invalid_request_error", param)


def error_body(fail: Fail) -> Json:
    """The body of an error answer."""
    return {"error": {"message": fail.message, "type": fail.kind, "param": fail.param, "code": fail.code}}


def check_authorization(header: str | None, api_key: str) -> Fail | None:
    """What is wrong with the Authorization header; the real API, too, repeats a part of a wrong key."""
    if not header or not header.startswith("Bearer ") or not header[7:].strip():
        return invalid("You didn't provide an API key in the Authorization header.", None, None, 401)
    given = header[7:].strip()
    if given != api_key:
        shown = f"{given[:8]}***{given[-4:]}"
        return invalid(f"Incorrect API key provided: {shown}.", None, "invalid_api_key", 401)
    return None


def check_request(body: Any, models: Iterable[str]) -> Fail | None:
    """What the API would refuse in this request body; None when it is fine."""
    if not isinstance(body, dict):
        return invalid("We could not parse the JSON body of your request.", None, None)
    for name in body:
        if name not in _KNOWN:
            return invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    for name in ("model", "input"):
        if not body.get(name):
            return invalid(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    if body["model"] not in models:
        return invalid(f"The requested model '{body['model']}' does not exist.", "model", "model_not_found")
    return _check_options(body) or _check_tools(body.get("tools")) or _check_input(body["input"])


def _check_options(body: Json) -> Fail | None:
    limit = body.get("max_output_tokens", _LEAST_OUTPUT_TOKENS)
    if not isinstance(limit, int) or limit < _LEAST_OUTPUT_TOKENS:
        return invalid(
            f"Invalid 'max_output_tokens': expected a value >= {_LEAST_OUTPUT_TOKENS}.",
            "max_output_tokens",
            "integer_below_min_value",
        )
    for name in ("prompt_cache_key", "safety_identifier"):
        if len(str(body.get(name, ""))) > _LONGEST_KEY:
            return invalid(f"Invalid '{name}': string too long.", name, "string_above_max_length")
    effort = (body.get("reasoning") or {}).get("effort", "none")
    if effort not in _EFFORTS:
        return invalid(f"Invalid value: '{effort}'.", "reasoning.effort", "invalid_value")
    for name in ("store", "parallel_tool_calls", "stream"):
        if not isinstance(body.get(name, False), bool):
            return invalid(f"Invalid type for '{name}': expected a boolean.", name, "invalid_type")
    if problem := _format_problem((body.get("text") or {}).get("format", {"type": "text"})):
        return invalid(problem, "text.format", "invalid_value")
    if not isinstance(body.get("instructions", ""), str):
        return invalid("Invalid type for 'instructions': expected a string.", "instructions", "invalid_type")
    return None


def _check_tools(tools: Any) -> Fail | None:
    for index, tool in enumerate(tools or []):
        at = f"tools[{index}]"
        if tool.get("type") != "function":
            return invalid(f"Invalid value: '{tool.get('type')}'.", f"{at}.type", "invalid_value")
        if not _TOOL_NAME.fullmatch(str(tool.get("name", ""))):
            return invalid(f"Invalid '{at}.name'.", f"{at}.name", "invalid_value")
        schema = tool.get("parameters")
        problem = _schema_problem(schema) if tool.get("strict", True) else None
        if not isinstance(schema, dict) or problem:
            return invalid(
                f"Invalid schema for function '{tool['name']}': {problem or 'an object is required'}.",
                f"{at}.parameters",
                "invalid_function_parameters",
            )
    return None


def _format_problem(wanted: Any) -> str | None:
    """What is wrong with the wanted format of the answer."""
    if not isinstance(wanted, dict) or wanted.get("type") not in ("text", "json_object", "json_schema"):
        return "Invalid value for 'text.format.type'."
    if wanted["type"] != "json_schema":
        return None
    if not _TOOL_NAME.fullmatch(str(wanted.get("name", ""))):
        return "Invalid 'text.format.name'."
    problem = _schema_problem(wanted.get("schema")) if wanted.get("strict") else None
    return f"Invalid schema for response_format: {problem}." if problem else None


def _schema_problem(schema: Any) -> str | None:
    """Why a schema is not strict."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return "schema must be of type 'object'"
    if schema.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false"
    if sorted(schema.get("required", [])) != sorted(schema.get("properties", {})):
        return "'required' is required to be supplied and to include every key in properties"
    return None


def _check_input(items: Any) -> Fail | None:
    if isinstance(items, str):
        return None
    if not isinstance(items, list):
        return invalid("Invalid type for 'input': expected a string or an array.", "input", "invalid_type")
    asked: set[str] = set()
    answered: set[str] = set()
    for index, item in enumerate(items):
        at = f"input[{index}]"
        kind = item.get("type", "message") if isinstance(item, dict) else None
        if kind == "message":
            if item.get("role") not in _ROLES:
                return invalid(f"Invalid value: '{item.get('role')}'.", f"{at}.role", "invalid_value")
            if not isinstance(item.get("content"), str | list):
                return invalid(f"Invalid type for '{at}.content'.", f"{at}.content", "invalid_type")
        elif kind == "function_call":
            if not all(isinstance(item.get(name), str) for name in ("call_id", "name", "arguments")):
                return invalid(f"Missing required parameter in '{at}'.", at, "missing_required_parameter")
            asked.add(item["call_id"])
        elif kind == "function_call_output":
            if item.get("call_id") not in asked:
                return invalid(
                    f"No tool call found for function call output with call_id {item.get('call_id')}.", "input", None
                )
            answered.add(item["call_id"])
        elif kind != "reasoning":
            return invalid(f"Invalid value: '{kind}'.", f"{at}.type", "invalid_value")
    for call_id in sorted(asked - answered):
        return invalid(f"No tool output found for function call {call_id}.", "input", None)
    return None


def message_item(identity: str, text: str) -> Json:
    """An output item with the model's text."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": f"msg_{identity}", "role": "assistant", "status": "completed", "content": [part]}


def refusal_item(identity: str, text: str) -> Json:
    """An output item that declines."""
    part = {"type": "refusal", "refusal": text}
    return {"type": "message", "id": f"msg_{identity}", "role": "assistant", "status": "completed", "content": [part]}


def call_item(identity: str, name: str, arguments: str) -> Json:
    """An output item that calls a function."""
    return {
        "type": "function_call",
        "id": f"fc_{identity}",
        "call_id": f"call_{identity}",
        "name": name,
        "arguments": arguments,
        "status": "completed",
    }


def response_body(
    request: Json, identity: str, output: list[Json], usage: Json, *, status: str = "completed", reason: str = ""
) -> Json:
    """A whole response; like the API it repeats the request's settings."""
    failed = {"code": "server_error", "message": "The model failed to generate a response."}
    return {
        "id": f"resp_{identity}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": failed if status == "failed" else None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "model": request["model"],
        "output": output,
        "parallel_tool_calls": request.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "prompt_cache_key": request.get("prompt_cache_key"),
        "reasoning": request.get("reasoning") or {"effort": None, "summary": None},
        "safety_identifier": request.get("safety_identifier"),
        "store": request.get("store", True),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, **(request.get("text") or {})},
        "tool_choice": request.get("tool_choice", "auto"),
        "tools": request.get("tools", []),
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": None,
        "metadata": request.get("metadata") or {},
    }
