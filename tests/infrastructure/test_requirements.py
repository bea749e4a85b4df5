"""What is installed is pinned by content, and nothing in the repository says from where."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPILED = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[\w, -]+\])?==(\S+)")


def pins(path: Path) -> dict[str, str]:
    found = (PIN.match(line) for line in path.read_text().splitlines())
    return {match[1].lower(): match[2] for match in found if match}


def entries(path: Path) -> list[str]:
    """Requirements with their continuation lines."""
    lines = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    return [entry for entry in re.split(r"(?<!\\)\n", lines) if entry.strip()]


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.name)
def test_every_package_is_pinned_with_hashes(path: Path) -> None:
    assert entries(path)
    for entry in entries(path):
        assert PIN.match(entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


@pytest.mark.parametrize(
    "path",
    [*COMPILED, *(ROOT / name for name in ("pyproject.toml", "Makefile", ".ci/run", "layers/build.py"))],
    ids=lambda path: path.name,
)
def test_no_registry_is_named(path: Path) -> None:
    assert re.findall(r"https?://\S+|--(?:extra-)?index-url|--find-links", path.read_text()) == []


def test_what_is_shipped_is_what_is_tested() -> None:
    tested = pins(ROOT / "requirements" / "dev.txt")

    for name, version in pins(ROOT / "requirements" / "runtime.txt").items():
        assert tested[name] == version, name


def test_every_dependency_of_the_project_is_compiled() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    shipped = pins(ROOT / "requirements" / "runtime.txt")

    for requirement in project["dependencies"]:
        assert re.split(r"[^A-Za-z0-9_-]", requirement)[0].lower() in shipped, requirement
