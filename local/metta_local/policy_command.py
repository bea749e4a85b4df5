"""``metta policy``: checks a policy file, or prints its JSON schema or every field with default and meaning."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from metta.errors import SettingsError
from metta.messages import JsonObject
from metta.policy import Policy, load_policy, policy_schema
from metta_local.console import CommandError, complain, say, say_json

_LONGEST_DEFAULT = 48
_MOST_BYTES = 1_000_000
_LINE = re.compile(r"line (\d+): ")
_NONE = re.compile(r"\bNone\b")


def run(*, check: str | None, schema: bool, reference: bool, as_json: bool = False) -> int:
    """Do one of the three.

    Args:
        check: name of a policy file to look for mistakes in.
        schema: print the JSON schema.
        reference: print every field.
        as_json: with ``check``: ``{"file", "ok", "version", "problems": [{"line", "problem"}]}``.

    Returns:
        1 when ``check`` found mistakes, else 0.

    Raises:
        CommandError: not exactly one was asked for, or the file cannot be read.
    """
    if sum((check is not None, schema, reference)) != 1:
        raise CommandError("say one of --check FILE, --schema, --reference")
    if check is not None:
        return _check(check, as_json=as_json)
    if schema:
        say(json.dumps(described_schema(), indent=2, ensure_ascii=False))
        return 0
    if as_json:
        raise CommandError("--reference is Markdown; --json goes with --check, and --schema is JSON anyway")
    sys.stdout.write(reference_text())
    return 0


def _check(name: str, *, as_json: bool) -> int:
    try:
        with Path(name).open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise CommandError(f"--check {name}: more than {_MOST_BYTES} bytes; is this a policy file?")
        raw.decode()
    except OSError as error:
        raise CommandError(f"--check {name}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise CommandError(f"--check {name}: not UTF-8 (byte {error.start + 1})") from None
    version, wrong = None, list[str]()
    try:
        version = load_policy(name).version
    except SettingsError as error:
        found = str(error).removeprefix("METTA_POLICY: ").removeprefix(name).strip(": \n")
        wrong = [line.strip() for line in found.splitlines()]
    if as_json:
        problems = [_problem(line) for line in wrong]
        say_json({"file": name, "ok": not wrong, "version": version, "problems": problems})
    elif wrong:
        complain(f"{name}: {wrong[0]}" if len(wrong) == 1 else "\n  ".join([f"{name}:", *wrong]))
    else:
        say(f"{name} is fine; its version is {version}")
    return 1 if wrong else 0


def _problem(line: str) -> JsonObject:
    at = _LINE.match(line)
    return {"line": int(at[1]) if at else None, "problem": line[at.end() :] if at else line}


def described_schema() -> JsonObject:
    """The policy's JSON schema with each field's meaning."""
    schema = policy_schema()
    models: list[type[BaseModel]] = [Policy, *_models(Policy)]
    for model in models:
        place = schema if model is Policy else schema["$defs"][model.__name__]
        for name, meaning in meanings(model).items():
            if name in place["properties"]:
                place["properties"][name]["description"] = meaning
    return schema


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Field -> the text below it in the model's source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        told = text.value if isinstance(text, ast.Expr) else None
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(told, ast.Constant):
            found[field.target.id] = _plain(str(told.value))
    return found


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The models inside of a model, each before those inside of it."""
    for field in model.model_fields.values():
        inner = _model_in(field.annotation)
        if inner is not None:
            yield inner
            yield from _models(inner)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _model_in(part))), None)


def reference_text() -> str:
    """Markdown tables of all fields: what is possible, the packaged default, the meaning."""
    return "\n".join(_section(Policy, "", load_policy(), described_schema()))


def _section(model: type[BaseModel], path: str, packaged: BaseModel | None, schema: JsonObject) -> Iterator[str]:
    place = schema if model is Policy else schema["$defs"][model.__name__]
    title = f"`{path.rstrip('.')}`" if path else "Top level"
    yield f"## {title}\n"
    if model is not Policy:
        yield f"{_docstring(model)}\n"
    yield "| field | possible | default | meaning |\n|---|---|---|---|"
    deeper = []
    for name, field in model.model_fields.items():
        if name not in place["properties"]:
            continue
        told = place["properties"][name]
        inner = _model_in(field.annotation)
        value = getattr(packaged, name) if packaged is not None else None
        if inner is not None:
            deeper.append((inner, name, value if isinstance(value, inner) else None))
        meaning = told.get("description") or (_docstring(inner) if inner is not None else "")
        default = _shown(value if packaged is not None else field.get_default(call_default_factory=True))
        if field.is_required():
            default = "required"
        yield f"| `{path}{name}` | {_possible(told, schema)} | {default} | {meaning} |".replace("\n", " ")
    yield ""
    for inner, name, value in deeper:
        suffix = "" if isinstance(value, inner) or inner.__name__ == "WorkingHours" else "[]"
        yield from _section(inner, f"{path}{name}{suffix}.", value, schema)


def _docstring(model: type[BaseModel]) -> str:
    return _plain(inspect.getdoc(model) or "")


def _plain(text: str) -> str:
    """A docstring for people who write YAML and Markdown."""
    return _NONE.sub("null", " ".join(text.split()).replace("``", "`"))


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, dict | list | tuple) and any(isinstance(one, BaseModel) for one in _values(value)):
        return "packaged"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return f"`{text}`" if len(text) <= _LONGEST_DEFAULT else "packaged"


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value)


def _possible(told: JsonObject, schema: JsonObject) -> str:
    """What a value may be, in words."""
    if "$ref" in told:
        return _possible(schema["$defs"][told["$ref"].rpartition("/")[2]], schema)
    if "anyOf" in told:
        return " or ".join(dict.fromkeys(_possible(one, schema) for one in told["anyOf"]))
    if "allOf" in told:
        return _possible(told["allOf"][0], schema)
    if "enum" in told:
        return ", ".join(f"`{value}`" for value in told["enum"])
    kind = told.get("type", "any")
    if kind == "array":
        return f"list of: {_possible(told.get('items', {}), schema)}"
    if kind == "object" and "properties" not in told:
        names = told.get("propertyNames", {})
        patterns = list(told.get("patternProperties", {}).values())
        of = _possible(patterns[0] if patterns else told.get("additionalProperties") or {}, schema)
        keys = f" by {_possible(names, schema)}" if names.get("enum") else ""
        return f"table{keys} of: {of}"
    bounds = [
        f"{word} {told[name]:g}"
        for name, word in (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"))
        if name in told
    ]
    if told.get("format") == "date":
        return "date"
    names_of = {"object": "section", "null": "null", "string": "text", "integer": "whole number", "boolean": "yes/no"}
    return " ".join((names_of.get(str(kind), str(kind)), *bounds))
