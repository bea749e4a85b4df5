"""What can be checked of a block that cannot run here: its commands, options, files and variables exist."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise

import botocore.session
import click
from botocore import xform_name

from metta.settings import Settings
from metta_local import cli

from .blocks import ROOT, Block

_ASSIGNED = re.compile(r"[A-Z][A-Z0-9_]*=.*", re.DOTALL)
_JOINS = re.compile(r"&&|\|\||[|;]")
_FOREIGN = {"METTA_BUILD_ARCH", "METTA_BUILD_PYTHON", "METTA_TEST_ODOO_URL", "DATA", "AWS_REGION", "AWS_PROFILE"}
"""Variables of commands that are not Metta's settings."""
_PLAIN = {
    "cd",
    "rm",
    "git",
    "echo",
    "cat",
    "openssl",
    "export",
    "set",
    "read",
    "unset",
    "zip",
    "source",
    "psql",
    "open",
}
"""Programs whose options are not looked at."""


class Wrong(AssertionError):
    """A block says what is not so."""


def check(block: Block) -> None:
    """Look at each command of a block that is not run.

    Raises:
        Wrong: a command, option, file or variable does not exist.
    """
    if block.language in ("text", "diff", "python", "sql", "mermaid", "yaml", "json"):
        return
    for words in commands(block.text):
        try:
            _check(words)
        except Wrong as error:
            raise Wrong(f"{block.place}: {shlex.join(words)}: {error}") from None


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command, with neither redirections nor what is joined by a pipe."""
    begun = ""
    for line in text.replace("\\\n", " ").splitlines():
        begun += line.removeprefix("$ ")
        try:
            words = _words(begun)
        except ValueError:  # a quotation goes on in the next line
            begun += "\n"
            continue
        begun = ""
        yield from _apart(words)
    if begun:
        raise Wrong(f"a quotation does not end: {begun}")


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>")
    lexer.whitespace_split = True
    return list(lexer)


def _apart(words: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif re.fullmatch(r"[<>&]+", word) and word not in ("&", "&&"):
            skip = True
        elif _JOINS.fullmatch(word) or word == "&":
            if command:
                yield command
            command = []
        else:
            command.append(word)
    if command:
        yield command


def _check(words: list[str]) -> None:
    while words and _ASSIGNED.fullmatch(words[0]):
        name = words.pop(0).partition("=")[0]
        if name.lower() not in Settings.model_fields and name not in _FOREIGN:
            raise Wrong(f"{name} is no variable of Metta's")
    if not words:
        return
    program, *rest = words
    program = program.removeprefix(".venv/bin/")
    if program in _PLAIN:
        return
    if program not in CHECKS:
        raise Wrong(f"nobody knows how to check {program}; add it to tests/functional/docs/standing.py")
    CHECKS[program](rest)
    for word in rest:
        path = word.removeprefix("file://")
        if re.fullmatch(r"(?:docs|events|tests|layers|local|functions)/[\w./-]+", path) and not (ROOT / path).exists():
            raise Wrong(f"{path} is not there")


def _metta(words: list[str]) -> None:
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            cli.parser().parse_args(words)
    except SystemExit as ended:
        if ended.code:
            raise Wrong(told.getvalue().strip().splitlines()[-1]) from None


def _make(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        if "=" not in word and not re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE):
            raise Wrong(f"there is no target {word}")


@cache
def _sam_options(name: str, *below: str) -> frozenset[str]:
    try:
        module = import_module(f"samcli.commands.{name}.local" if below else f"samcli.commands.{name}")
    except ModuleNotFoundError:
        raise Wrong(f"sam has no command {name}") from None
    command: click.Command | None = module.cli
    for inner in below:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), inner)
        if command is None:
            raise Wrong(f"sam {name} has no command {inner}")
    assert command is not None
    return frozenset(option for param in command.params for option in param.opts)


def _sam(words: list[str]) -> None:
    names = [words[0], words[1]] if words[0] == "local" else [words[0]]
    options = _sam_options(*names)
    for word in words:
        if word.startswith("--") and word.partition("=")[0] not in options:
            raise Wrong(f"sam {' '.join(names)} has no option {word}")


def _aws(words: list[str]) -> None:
    session = botocore.session.get_session()
    service, operation, *rest = words
    if service not in session.get_available_services():
        raise Wrong(f"AWS has no service {service}")
    model = session.get_service_model(service)
    known = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in known:
        raise Wrong(f"{service} has no {operation}")
    shape = model.operation_model(known[operation]).input_shape
    takes = {xform_name(name, "-") for name in (shape.members if shape else ())}
    takes |= {f"no-{name}" for name in takes} | {"query", "region", "profile", "output", "cli-input-json"}
    for word in rest:
        if word.startswith("--") and word[2:] not in takes:
            raise Wrong(f"{service} {operation} has no {word}")


def _curl(words: list[str]) -> None:
    for flag, value in pairwise(words):
        if flag in ("-d", "--data") and value.lstrip().startswith("{"):
            json.loads(value)


def _python(words: list[str]) -> None:
    if words[:1] == ["-m"]:
        try:
            spec = find_spec(words[1])
        except ModuleNotFoundError:
            spec = None
        if spec is None:
            raise Wrong(f"there is no module {words[1]}")
        module = f"{words[1]}.__main__" if spec.submodule_search_locations else words[1]
        place = find_spec(module)
        source = place.loader.get_source(module) if place and place.loader else ""  # type: ignore[attr-defined]
        for word in words[2:]:
            if module.startswith("metta") and word.startswith("--") and f'"{word}"' not in source:
                raise Wrong(f"{words[1]} has no option {word}")
    elif words[:1] != ["-c"] and not (ROOT / words[0]).exists():
        raise Wrong(f"{words[0]} is not there")


def _tool(_words: list[str]) -> None:
    """A tool of the development environment; its own options are its own matter."""


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "metta": _metta,
    "make": _make,
    "sam": _sam,
    "aws": _aws,
    "curl": _curl,
    "python": _python,
    "python3": _python,
    "ruff": _tool,
    "mypy": _tool,
    "lint-imports": _tool,
    "pytest": _tool,
}


def described(kind: str, text: str) -> None:
    """Check a JSON block against what its ``json:`` note says that it is.

    Raises:
        Wrong: it is not.
    """
    given = json.loads(text)
    if kind == "secret":
        from metta.settings import SECRET_NAMES

        unknown = set(given) - set(SECRET_NAMES)
        if unknown:
            raise Wrong(f"no secrets: {sorted(unknown)}")
    elif kind == "health":
        from metta.console.health import Health

        Health.model_validate(given)
    else:
        raise Wrong(f"nobody knows what a {kind} is")
