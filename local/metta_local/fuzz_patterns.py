"""Collects every regular expression of the guardrails and reads from its syntax what texts could make it slow.

A pattern is dangerous on texts that nearly match it, so its own literals, samples of what its repeats repeat, and the
way to each repeat are the pieces that hostile texts are made of.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import random
import re
from collections.abc import Iterable, Iterator
from typing import Any

import metta.guardrails

_PARSER: Any = importlib.import_module("re._parser")
_MOST = 4
"""How often a sample repeats what may be repeated without end."""
_DEEPEST = 6
_LONGEST = 60
"""Characters of a piece; a longer one repeats too seldom in a text to be its own danger."""
_CATEGORIES = {
    "CATEGORY_DIGIT": "7",
    "CATEGORY_NOT_DIGIT": "x",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": "x",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_WORD": "-",
}
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


def guardrail_patterns() -> dict[str, re.Pattern[str]]:
    """Name -> pattern, for all that the modules of the guardrails hold: constants, rules, word lists."""
    found: dict[str, re.Pattern[str]] = {}
    seen: set[int] = set()
    for module in pkgutil.iter_modules(metta.guardrails.__path__):
        loaded = importlib.import_module(f"{metta.guardrails.__name__}.{module.name}")
        for name, value in list(vars(loaded).items()):
            held = value() if _is_loader(value) else value
            _collect(f"{module.name}.{name}", held, found, seen, _DEEPEST)
    return found


def _is_loader(value: Any) -> bool:
    """A remembered function without arguments reads packaged data."""
    return hasattr(value, "cache_info") and not inspect.signature(value).parameters


def _collect(name: str, value: Any, found: dict[str, re.Pattern[str]], seen: set[int], depth: int) -> None:
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str) and id(value) not in seen:
            seen.add(id(value))
            found[name] = value
        return
    if depth == 0 or isinstance(value, str | bytes | int | float | type):
        return
    for label, inner in _inside(value):
        _collect(f"{name}.{label}", inner, found, seen, depth - 1)


def _inside(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(str(key)[:30], inner) for key, inner in list(value.items())[:1000]]
    if dataclasses.is_dataclass(value) or type(value).__module__.startswith("metta.guardrails"):
        names = {*getattr(value, "__dict__", {}), *getattr(value, "_fields", ()), *_slots(value)}
        fields = [(name, getattr(value, name, None)) for name in sorted(names)]
        label = getattr(value, "id", None)
        return [(f"{label}.{name}" if isinstance(label, str) else name, inner) for name, inner in fields]
    if isinstance(value, list | tuple):
        return [(str(number), inner) for number, inner in enumerate(value[:1000])]
    return []


def _slots(value: Any) -> Iterator[str]:
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        yield from (slots,) if isinstance(slots, str) else slots


def pieces_of(pattern: re.Pattern[str], dice: random.Random) -> list[str]:
    """Texts that the pattern is built of: its literals, whole samples, what each repeat repeats, and the way there."""
    parsed = _parsed(pattern)
    sample = _sampled(parsed, dice)
    pieces = dict.fromkeys([sample, sample[:-1], sample[1:], *_literals(parsed), *_pumps(parsed, "", dice)])
    return [piece[:_LONGEST] for piece in pieces if piece]


def sample_of(pattern: re.Pattern[str], dice: random.Random) -> str:
    """A text that matches the pattern, but for what it looks ahead or back for."""
    return _sampled(_parsed(pattern), dice)


def _parsed(pattern: re.Pattern[str]) -> Any:
    return _PARSER.parse(pattern.pattern, pattern.flags)


def _sampled(parsed: Any, dice: random.Random) -> str:
    return "".join(_one(str(code), value, dice) for code, value in parsed)


def _one(code: str, value: Any, dice: random.Random) -> str:
    if code == "LITERAL":
        return chr(value)
    if code == "NOT_LITERAL":
        return "x" if value != ord("x") else "y"
    if code == "ANY":
        return "x"
    if code == "IN":
        return _member(value, dice)
    if code in _REPEATS:
        low, high, inner = value
        times = dice.randint(low, min(int(high), low + _MOST))
        return "".join(_sampled(inner, dice) for _ in range(min(times, _LONGEST)))
    if code == "BRANCH":
        return _sampled(dice.choice(value[1]), dice)
    if code == "SUBPATTERN":
        return _sampled(value[3], dice)
    if code == "ATOMIC_GROUP":
        return _sampled(value, dice)
    return ""


def _member(members: Any, dice: random.Random) -> str:
    named = [(str(code), value) for code, value in members]
    if named and named[0][0] == "NEGATE":
        barred = re.compile("[" + "".join(map(_class, named[1:])) + "]")
        allowed = [char for char in "a7 -é界.@<%\n" if not barred.match(char)]
        return dice.choice(allowed or ["\ufffc"])
    code, value = dice.choice(named)
    if code == "LITERAL":
        return chr(value)
    if code == "RANGE":
        return chr(dice.randint(*value))
    return _CATEGORIES.get(str(value), "a")


def _class(member: tuple[str, Any]) -> str:
    code, value = member
    if code == "LITERAL":
        return re.escape(chr(value))
    if code == "RANGE":
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return {
        "CATEGORY_DIGIT": r"\d",
        "CATEGORY_NOT_DIGIT": r"\D",
        "CATEGORY_SPACE": r"\s",
        "CATEGORY_NOT_SPACE": r"\S",
        "CATEGORY_WORD": r"\w",
        "CATEGORY_NOT_WORD": r"\W",
    }[str(value)]


def _children(code: str, value: Any) -> list[Any]:
    if code in _REPEATS:
        return [value[2]]
    if code == "BRANCH":
        return list(value[1])
    if code == "SUBPATTERN":
        return [value[3]]
    if code == "ATOMIC_GROUP":
        return [value]
    return [value[1]] if code in ("ASSERT", "ASSERT_NOT") else []


def _literals(parsed: Any) -> Iterator[str]:
    """Runs of characters that stand in the pattern as they are."""
    run = ""
    for code, value in parsed:
        if str(code) == "LITERAL":
            run += chr(value)
            continue
        if run:
            yield run
        run = ""
        if str(code) == "IN":
            yield from (chr(inner) for kind, inner in value if str(kind) == "LITERAL")
        for child in _children(str(code), value):
            yield from _literals(child)
    if run:
        yield run


def _pumps(parsed: Any, before: str, dice: random.Random) -> Iterator[str]:
    """What each repeat repeats, alone and behind the way that leads to it."""
    way = before
    for code, value in parsed:
        name = str(code)
        if name in _REPEATS and int(value[1]) > 1:
            body = _sampled(value[2], dice)
            if body:
                yield body * (8 // len(body) + 1)
                yield way[-_LONGEST // 2 :] + body * (8 // len(body) + 1)
        for child in _children(name, value):
            yield from _pumps(child, way, dice)
        way += _one(name, value, dice)
