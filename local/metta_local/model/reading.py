"""Reads a request as the offline model sees it: who may do what, what was asked, what the tools answered.

Nothing comes from anywhere but the request: instructions, input items and tools, as a real model would have them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from metta_local.model.wording import fold

_ELEMENT = re.compile(r"<(details|team|files)-([0-9a-f]{4,})>(.*?)</\1-\2>", re.DOTALL)
_FACT = re.compile(r"^- ([\w ]{1,40}): (.+)$", re.MULTILINE)
_WITHHELD = "[text withheld:"
_LINE_TO_FACTS = "These facts"


@dataclass(frozen=True)
class ToolResult:
    """A finished call of this turn."""

    name: str
    arguments: dict[str, Any]
    data: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Whether the tool gave an error instead of an answer."""
        return "error" in self.data

    @property
    def found(self) -> bool:
        """Whether it found something."""
        return not self.failed and self.data.get("found") is not False


@dataclass(frozen=True)
class Reading:
    """A request, understood."""

    instructions: str = ""
    tools: tuple[str, ...] = ()
    parallel: bool = True
    language: str = "en"
    customer_address: str = ""
    question: str = ""
    """The customer's latest words."""
    files: tuple[dict[str, Any], ...] = ()
    """What the customer sent besides words."""
    earlier: tuple[tuple[str, str], ...] = ()
    """Role (user, assistant, team) and text of what was said before the question."""
    results: tuple[ToolResult, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def has_files(self) -> bool:
        """Whether the customer sent files."""
        return bool(self.files)

    @property
    def last_reply(self) -> str:
        """What the assistant said last."""
        return next((text for role, text in reversed(self.earlier) if role == "assistant"), "")


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))


def _object(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _list(text: str) -> list[dict[str, Any]]:
    try:
        value = json.loads(text)
    except ValueError:
        return []
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _result(output: Any) -> dict[str, Any]:
    """A tool's JSON, with or without the envelope that marks it as data, and without what was withheld."""
    value = _object(output)
    inner = value.get("data")
    if isinstance(inner, dict) and len(value) == 1:
        value = inner
    told: dict[str, Any] = _told(value)
    return told or {"error": str(output)}


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _told(inner) for key, inner in value.items() if not _is_withheld(inner)}
    if isinstance(value, list):
        return [_told(inner) for inner in value if not _is_withheld(inner)]
    return value


def _is_withheld(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_WITHHELD)


def _said(items: list[dict[str, Any]]) -> tuple[list[tuple[str, str]], dict[str, Any], list[ToolResult]]:
    """What was said in order, our system's details, and the tool results after the last thing said."""
    said: list[tuple[str, str]] = []
    details: dict[str, Any] = {}
    results: list[ToolResult] = []
    calls: dict[str, dict[str, Any]] = {}
    for item in items:
        kind = item.get("type", "message")
        if kind == "function_call":
            calls[item["call_id"]] = item
        elif kind == "function_call_output":
            call = calls[item["call_id"]]
            results.append(ToolResult(call["name"], _object(call["arguments"]), _result(item.get("output"))))
        elif kind == "message":
            text = _text_of(item["content"])
            element = _ELEMENT.fullmatch(text.strip())
            if element and element[1] == "details" and not details:
                details = {**_object(element[3]), "mark": element[2]}
            elif element and element[1] == "team" and element[2] == details.get("mark"):
                said.append(("team", str(_object(element[3]).get("wrote", ""))))
            else:
                said.append((str(item["role"]), text))
                results = [] if item["role"] == "user" else results
    return said, details, results


def _facts(instructions: str) -> dict[str, str]:
    start = instructions.find(_LINE_TO_FACTS)
    section = instructions[start:].split("\n#", 1)[0] if start >= 0 else ""
    return {fold(name): sentence for name, sentence in _FACT.findall(section)}


def read_request(body: dict[str, Any]) -> Reading:
    """Understand a checked request body."""
    items = body["input"]
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    said, details, results = _said(items)
    last = max((index for index, (role, _) in enumerate(said) if role == "user"), default=-1)
    question = said[last][1] if last >= 0 else ""
    files = [element for element in _ELEMENT.finditer(question) if element[2] == details.get("mark")]
    for element in files:
        question = question.replace(element[0], "")
    named = [one for element in files for one in _list(element[3])]
    instructions = str(body.get("instructions") or "")
    return Reading(
        instructions=instructions,
        tools=tuple(str(tool["name"]) for tool in body.get("tools") or ()),
        parallel=body.get("parallel_tool_calls", True),
        language=str(details.get("language", "en"))[:2],
        customer_address=str(details.get("customerAddress", "")),
        question=question.strip(),
        files=tuple(named),
        earlier=tuple(said[:last]) if last >= 0 else (),
        results=tuple(results),
        facts=_facts(instructions),
    )
