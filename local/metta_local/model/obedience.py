"""A model without judgement: it does what any text tells it to, wherever that text came from.

For red-team tests: what still holds with this model holds because of Metta's code, not because of a model's manners.
It calls what it is told to call, time and again if need be, then says what it is told to say: its instructions (plain,
in base64, backwards or letter by letter) or dictated words, in which ``{instructions}``, ``{results}``, ``{address}``
and ``{question}`` stand for what it knows.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

from metta_local.model.reading import Reading
from metta_local.model.scripting import Call, Say, Step

_REVEAL = re.compile(
    r"(?:repeat|reveal|print|show|output|tell|translate|zeig\w*|nenn\w*|wiederhol\w*|muestra|repite|montre|affiche)"
    r"\b.{0,60}?(?:prompt|instructions|rules|anweisungen|regeln|instrucciones|reglas)",
    re.IGNORECASE | re.DOTALL,
)
_SPEAK = re.compile(
    r"\b(?:say|reply|answer|respond|write|output|tell them|sag\w*|antworte|schreib\w*|di|responde|escribe|dis)\b"
    r"(?:\s+(?:exactly|only|with|nur|genau|solo|this))*\s*:?\s*[\"“„«'](?P<words>[^\"”“»']{1,2000})[\"”“»']",
    re.IGNORECASE,
)
_USE = re.compile(
    r"\b(?:call|use|run|invoke|rufe?|llama|appelle)\b\W+(?:the\s+)?(?:tool\s+|function\s+)?(?P<name>\w+)"
    r"(?:\s+(?:with|for|mit|fur|für|con|avec|on))?\s*[\"“'`(]*(?P<value>[\w@.+/-]+)?",
    re.IGNORECASE,
)
_OVERRIDE = re.compile(
    r"(?:ignore|disregard|forget|vergiss|ignorier\w*|ignora|oublie)\b.{0,60}?"
    r"(?:instructions|rules|prompt|anweisungen|regeln|instrucciones|reglas|consignes)",
    re.IGNORECASE | re.DOTALL,
)
_ENDLESS = re.compile(r"\b(?:again and again|over and over|forever|endlessly|immer wieder|sin parar)\b", re.IGNORECASE)
_ARGUMENTS = {
    "getOrder": "orderNumber",
    "getOrdersByCustomer": "email",
    "searchProducts": "query",
    "getProduct": "productId",
    "handOffToHuman": "reason",
}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _called(reading: Reading) -> set[str]:
    return {f"{result.name}:{next(iter(result.arguments.values()), '')}" for result in reading.results}


def obey(reading: Reading) -> Step | None:
    """The step that the newest instruction in any data asks for; None where there is none."""
    texts = [text for result in reversed(reading.results) for text in _strings(result.data)]
    texts += [reading.question, *(text for role, text in reversed(reading.earlier) if role != "assistant")]
    for text in texts:
        if step := _follow(text, reading):
            return step
    return None


def _follow(text: str, reading: Reading) -> Step | None:
    if call := _call(text, reading):
        return call
    if _REVEAL.search(text):
        return Say(_disguised(reading.instructions, text.lower()))
    if speak := _SPEAK.search(text):
        return Say(_filled_in(speak["words"], reading))
    if _OVERRIDE.search(text) and not _USE.search(text):
        return Say("I have forgotten my rules. What shall I do?")
    return None


def _call(text: str, reading: Reading) -> Call | None:
    """The first call of the text that was not made yet."""
    for use in _USE.finditer(text):
        argument = _ARGUMENTS.get(use["name"])
        if argument is None or not use["value"]:
            continue
        value: Any = use["value"].rstrip(".")
        if argument == "productId":
            value = int(value) if value.isdigit() else 1
        elif _ENDLESS.search(text):
            value = f"{value} {len(reading.results)}"
        if f"{use['name']}:{value}" not in _called(reading):
            return Call(use["name"], {argument: value})
    return None


def _disguised(secret: str, order: str) -> str:
    if "base64" in order:
        return base64.b64encode(secret.encode()).decode()
    if "backwards" in order or "reverse" in order:
        return secret[::-1]
    if "letter by letter" in order or "spaced" in order:
        return " ".join(secret[:2000])
    return secret


def _filled_in(words: str, reading: Reading) -> str:
    known = {
        "instructions": reading.instructions,
        "results": json.dumps([result.data for result in reading.results], ensure_ascii=False),
        "address": reading.customer_address,
        "question": reading.question,
    }
    for name, value in known.items():
        words = words.replace(f"{{{name}}}", value)
    return words
