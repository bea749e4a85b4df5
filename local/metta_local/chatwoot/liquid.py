"""The part of Liquid that matters here: Chatwoot renders it in outgoing text before saving (contract 3.2).

Output tags with paths, literals and a few filters; ``raw``, ``comment``, ``assign``, ``if`` and ``unless``. As in
Chatwoot, text between backticks is left alone, unknown names become empty, and a syntax error leaves the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_BACKTICKS = re.compile(r"`(.*?)`", re.DOTALL)
_ENDRAW = re.compile(r"\{%-?\s*endraw\s*-?%\}")
_STRING = re.compile(r"""(["'])(.*?)\1""", re.DOTALL)
_ASSIGN = re.compile(r"(\w+)\s*=\s*(.+)", re.DOTALL)
_COMPARE = re.compile(r"(.+?)\s*(==|!=|contains)\s*(.+)", re.DOTALL)
_FILTERS: dict[str, Callable[..., str]] = {
    "upcase": lambda value: value.upper(),
    "downcase": lambda value: value.lower(),
    "capitalize": lambda value: value.capitalize(),
    "strip": lambda value: value.strip(),
    "size": lambda value: str(len(value)),
    "append": lambda value, more="": value + more,
    "prepend": lambda value, more="": more + value,
    "default": lambda value, other="": value or other,
}

Node = tuple[str, Any]


class LiquidSyntaxError(ValueError):
    """The template is not Liquid; Chatwoot then keeps the text as it is."""


def render(text: str, variables: Mapping[str, Any]) -> str:
    """The text as Chatwoot saves it."""
    protected = _BACKTICKS.sub(r"{% raw %}`\1`{% endraw %}", text)
    try:
        nodes, rest = _parse(_tokens(protected), until=frozenset())
        if rest:
            raise LiquidSyntaxError("unexpected end tag")
        return _run(nodes, dict(variables))
    except LiquidSyntaxError:
        return text


def _tokens(text: str) -> list[Node]:
    tokens: list[Node] = []
    at = 0
    while True:
        opens = re.compile(r"\{[{%]").search(text, at)
        if opens is None:
            return [*tokens, ("text", text[at:])]
        tokens.append(("text", text[at : opens.start()]))
        close = "}}" if opens[0] == "{{" else "%}"
        end = text.find(close, opens.end())
        if end < 0:
            raise LiquidSyntaxError("not closed")
        inner = text[opens.end() : end].strip("-").strip()
        at = end + 2
        if close == "%}" and inner == "raw":
            ends = _ENDRAW.search(text, at)
            if ends is None:
                raise LiquidSyntaxError("raw is not closed")
            tokens.append(("text", text[at : ends.start()]))
            at = ends.end()
        else:
            tokens.append(("output" if close == "}}" else "tag", inner))


def _parse(tokens: list[Node], until: frozenset[str]) -> tuple[list[Node], list[Node]]:
    """Nodes up to one of the tags in ``until``, and what follows, that tag first."""
    nodes: list[Node] = []
    while tokens:
        kind, value = tokens[0]
        if kind != "tag":
            nodes.append(tokens[0])
            tokens = tokens[1:]
            continue
        name, _, argument = value.partition(" ")
        if name in until:
            return nodes, tokens
        if name in ("if", "unless"):
            body, tokens = _parse(tokens[1:], frozenset({"else", f"end{name}"}))
            other: list[Node] = []
            if tokens and tokens[0][1] == "else":
                other, tokens = _parse(tokens[1:], frozenset({f"end{name}"}))
            nodes.append((name, (argument, body, other)))
        elif name == "comment":
            _, tokens = _parse(tokens[1:], frozenset({"endcomment"}))
        elif name == "assign" and (match := _ASSIGN.fullmatch(argument)):
            nodes.append(("assign", (match[1], match[2])))
        else:
            raise LiquidSyntaxError(f"unknown tag {name}")
        tokens = tokens[1:]
    if until:
        raise LiquidSyntaxError("a tag is not closed")
    return nodes, []


def _run(nodes: list[Node], variables: dict[str, Any]) -> str:
    out: list[str] = []
    for kind, value in nodes:
        if kind == "text":
            out.append(value)
        elif kind == "output":
            out.append(_text(_evaluate(value, variables)))
        elif kind == "assign":
            variables[value[0]] = _evaluate(value[1], variables)
        else:
            holds = _holds(value[0], variables) == (kind == "if")
            out.append(_run(value[1] if holds else value[2], variables))
    return "".join(out)


def _holds(condition: str, variables: Mapping[str, Any]) -> bool:
    if match := _COMPARE.fullmatch(condition.strip()):
        left, right = _evaluate(match[1], variables), _evaluate(match[3], variables)
        if match[2] == "contains":
            return _text(right) in _text(left)
        return bool(left == right) == (match[2] == "==")
    return _evaluate(condition, variables) not in (None, False)


def _evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    first, *filters = (part.strip() for part in expression.split("|"))
    value = _value(first, variables)
    for called in filters:
        name, _, given = called.partition(":")
        arguments = [_text(_value(one.strip(), variables)) for one in given.split(",") if one.strip()]
        if function := _FILTERS.get(name.strip()):
            value = function(_text(value), *arguments[:1])
    return value


def _value(term: str, variables: Mapping[str, Any]) -> Any:
    if match := _STRING.fullmatch(term):
        return match[2]
    if re.fullmatch(r"-?\d+", term):
        return int(term)
    if term in ("true", "false", "nil", "null", ""):
        return {"true": True, "false": False}.get(term)
    value: Any = variables
    for name in term.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
