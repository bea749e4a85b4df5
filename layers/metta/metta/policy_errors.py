"""Says what is wrong with a policy file so that its writer finds it: line, field, what is possible, a near match."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

_SHOWN = 60
_KEY = "[key]"
_QUOTED = re.compile(r"'([^']+)'")


def problems(error: ValidationError, model: type[BaseModel], root: yaml.Node | None) -> list[str]:
    """One line for each mistake that ``error`` holds.

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
    return list(dict.fromkeys(text for _, text in sorted(told, key=lambda one: one[0])))


def repeated(root: yaml.Node | None, path: str = "") -> Iterator[str]:
    """Fields that stand twice in one mapping, of which YAML silently takes the last."""
    if isinstance(root, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in root.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                yield f"line {line}: {path}{name}: stands here and in line {seen[name]}; only one can hold"
            seen[name] = line
            yield from repeated(value, f"{path}{name}.")
    elif isinstance(root, yaml.SequenceNode):
        for index, value in enumerate(root.value):
            yield from repeated(value, f"{path}{index}.")


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


def _model_in(annotation: Any) -> Any:
    """The model that an annotation names, inside containers and unions too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((found for found in inner if found is not None), None)


def _near(word: str, known: Sequence[str]) -> str:
    """``, did you mean ...?`` where one of ``known`` is near."""
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f", did you mean {folded[close[0]]}?" if close else ""


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
