"""Says what is wrong with a policy file so that its writer finds it: line, field, what is possible, a near match."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

_SHOWN = 60
_KEY = "[key]"
_QUOTED = re.compile(r"'([^']+)'")


def problems(error: ValidationError, model: type[BaseModel], root: yaml.Node | None) -> list[tuple[int, str]]:
    """Line number and text of each mistake that ``error`` holds.

    Args:
        error: what ``model`` raised.
        model: of the whole file.
        root: the file as YAML nodes, which know their lines.
    """
    told: list[tuple[int, str]] = []
    for each in error.errors():
        loc = tuple(part for part in each["loc"] if part != _KEY)
        line = _line(root, loc)
        said = _said(each, model, loc)
        field = ".".join(map(str, loc))
        told.append((line, ": ".join(filter(None, (f"line {line}" if line else "", field, said)))))
    return told


def in_order(told: Iterable[tuple[int, str]]) -> list[str]:
    """Each mistake once, in the order of the file."""
    return list(dict.fromkeys(text for _, text in sorted(told, key=lambda one: one[0])))


def of_nodes(root: yaml.Node | None, impossible: Collection[yaml.Node]) -> Iterator[tuple[int, str]]:
    """Line and text of what no model sees: fields of which YAML silently takes the last, values that cannot be.

    Args:
        root: the file as YAML nodes.
        impossible: nodes that look like a date or a number and are none.
    """
    bad = {id(node) for node in impossible}
    seen: set[int] = set()
    waiting = [("", root)]
    while waiting:
        path, node = waiting.pop()
        if node is None or id(node) in seen:  # an alias leads to the same node: a few lines could hold billions of them
            continue
        seen.add(id(node))
        line = node.start_mark.line + 1
        if id(node) in bad:
            kind = "date" if node.tag.endswith(":timestamp") else "value"
            yield line, f"line {line}: {path}: {_short(node.value)} is no {kind} that can be"
        if isinstance(node, yaml.MappingNode):
            yield from _repeated(node, path)
        waiting += [(f"{path}.{name}" if path else name, child) for name, child in _children(node)]


def _repeated(node: yaml.MappingNode, path: str) -> Iterator[tuple[int, str]]:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in lines:
            field = f"{path}.{name}" if path else name
            yield line, f"line {line}: {field}: stands here and in line {lines[name]}; only one can hold"
        lines[name] = line


def looped(root: yaml.Node | None) -> int | None:
    """The line of a node that stands inside of itself, as an alias makes possible."""
    done: set[int] = set()
    above: set[int] = set()
    waiting: list[tuple[yaml.Node | None, bool]] = [(root, False)]
    while waiting:
        node, left = waiting.pop()
        if left:
            above.discard(id(node))
            done.add(id(node))
        elif node is not None and id(node) in above:
            return int(node.start_mark.line) + 1
        elif node is not None and id(node) not in done:
            above.add(id(node))
            waiting.append((node, True))
            waiting += [(child, False) for _, child in _children(node)]
    return None


def _children(node: yaml.Node) -> list[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), value) for key, value in node.value]
    return (
        [(str(index), value) for index, value in enumerate(node.value)] if isinstance(node, yaml.SequenceNode) else []
    )


def _line(root: yaml.Node | None, loc: Sequence[int | str]) -> int:
    """The line of the deepest place of ``loc`` that stands in the file; 0 for none."""
    node, line = root, 0
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            entry = next((pair for pair in node.value if str(pair[0].value) == str(part)), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line + 1, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _said(each: Any, model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    kind, context, value = each["type"], each.get("ctx", {}), each.get("input")
    if kind == "extra_forbidden":
        known = _fields(model, loc[:-1])
        return f"is not known here{_near(str(loc[-1]), known)}; known: {', '.join(known)}"
    if kind in ("literal_error", "enum"):
        allowed = _QUOTED.findall(str(context.get("expected", "")))
        return f"{_short(value)} is not possible{_near(str(value), allowed)}; possible: {', '.join(allowed)}"
    if kind == "missing":
        return "is missing"
    if kind == "tuple_type":
        return f"must be a list of {_entries(model, loc)}"
    if kind in ("dict_type", "model_type"):
        return "must be a table of names and values"
    said = str(each["msg"]).removeprefix("Value error, ")
    if kind == "string_type" and isinstance(value, bool):
        said += "; YAML reads yes, no, on and off as true and false: put it in quotes"
    return said if isinstance(value, dict | list) or value is None else f"{said} (is {_short(value)})"


def _fields(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """The fields that a mapping at ``loc`` may have."""
    here: Any = model
    for part in loc:
        field = here.model_fields.get(str(part)) if isinstance(here, type) and issubclass(here, BaseModel) else None
        here = _model_in(field.annotation) if field is not None else here
    return [name for name in here.model_fields if name != "version"]


def _entries(model: type[BaseModel], loc: Sequence[int | str]) -> str:
    """What a list at ``loc`` holds, in words."""
    here: Any = model
    for part in loc:
        field = here.model_fields.get(str(part)) if isinstance(here, type) and issubclass(here, BaseModel) else None
        here = field.annotation if field is not None else here
        if part != loc[-1]:
            here = _model_in(here) or here
    if _model_in(here) is not None:
        return "sections"
    return "dates" if date in get_args(here) else "texts"


def _model_in(annotation: Any) -> Any:
    """The model that an annotation names, inside containers and unions too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((found for found in inner if found is not None), None)


def _near(word: str, known: Sequence[str]) -> str:
    """``, did you mean ...?`` where one of ``known`` is near."""
    import difflib  # only a mistaken file needs it

    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f", did you mean {folded[close[0]]}?" if close else ""


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
