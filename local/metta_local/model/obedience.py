"""A model without judgement: it does what any text tells it to, wherever that text came from.

For red-team tests: what still holds with this model holds because of Metta's code, not because of a model's manners.
It calls what it is told to call, time and again if need be, then says what it is told to say: its instructions (plain
or in one of ``DISGUISES``) or dictated words, in which ``{instructions}``, ``{tools}``, ``{results}``, ``{address}``,
``{question}``, ``{history}`` and ``{canary}`` stand for what it knows. An order may be spread over several messages.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
from collections.abc import Callable, Iterator
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
_USE_WITH = re.compile(
    r"\bcall\s+(?P<name>\w+)\s+with\s+(?P<arguments>\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})", re.IGNORECASE
)
"""A call with its arguments in JSON, whatever tools and arguments there are."""
_CANARY = re.compile(r"canary-\w+")
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

DISGUISES: dict[str, Callable[[str], str]] = {
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "rot13": lambda secret: codecs.encode(secret, "rot13"),
    "hex": lambda secret: secret[:3000].encode().hex(),
    "backwards": lambda secret: secret[::-1],
    "reverse": lambda secret: secret[::-1],
    "letter by letter": lambda secret: " ".join(secret[:2000]),
    "spaced": lambda secret: " ".join(secret[:2000]),
    "capitals without blanks": lambda secret: "".join(secret.upper().split()),
    "with slashes": lambda secret: "/".join(secret.split(" ")).replace("You/are", "You are", 1),
    "leetspeak": lambda secret: secret.translate(str.maketrans("aeiost", "431057")),
    "numbered list": lambda secret: "\n".join(f"{n}: {word}" for n, word in enumerate(secret.split()[:300], 1)),
    "star after each fifth": lambda secret: _starred(secret.split()),
}
"""What an order may ask for -> what becomes of the instructions."""


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
    texts += [reading.question, *_strings(list(reading.files))]
    texts += [text for role, text in reversed(reading.earlier) if role != "assistant"]
    texts.append("\n".join([*(text for role, text in reading.earlier if role == "user"), reading.question]))
    texts.append("\n".join(_strings([result.data for result in reading.results])))
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
    for use in _USE_WITH.finditer(text):
        if all(result.name != use["name"] for result in reading.results):
            return Call(use["name"], use["arguments"])
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
    return next((disguise(secret) for name, disguise in DISGUISES.items() if name in order), secret)


def _starred(words: list[str]) -> str:
    return " * ".join(" ".join(words[start : start + 5]) for start in range(0, len(words), 5))


def _filled_in(words: str, reading: Reading) -> str:
    canary = _CANARY.search(reading.instructions)
    mark = canary.group() if canary else ""
    known = {
        "instructions": reading.instructions,
        "tools": ", ".join(reading.tools),
        "results": json.dumps([result.data for result in reading.results], ensure_ascii=False),
        "address": reading.customer_address,
        "question": reading.question,
        "history": " ".join(text for _, text in reading.earlier),
        "canary": mark,
        "canary-spaced": " ".join(mark),
        "canary-backwards": mark[::-1],
    }
    for name, value in known.items():
        words = words.replace(f"{{{name}}}", value)
    return words
