"""Makes the next release out of this one: the same build, after a change of a line in the layer's sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from samcli.yamlhelper import yaml_parse

from metta_local.deploy import ROOT

Change = Callable[[str], str]
"""A file's text, empty when it does not exist yet -> what it says in the next release."""


def next_release(built: Path, directory: Path, changes: Mapping[str, Change]) -> Path:
    """Build our own code again from changed sources; the packages stay those of ``built``.

    Args:
        built: artifacts of this release, as ``deploy.build`` leaves them.
        directory: where sources and artifacts of the next one go.
        changes: by path below ``layers/metta/metta``.

    Returns:
        Its built template.
    """
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("layers", "functions", "requirements"):
        shutil.copytree(ROOT / name, directory / name, ignore=ignore)
    for name, change in changes.items():
        path = directory / "layers" / "metta" / "metta" / name
        path.write_text(change(path.read_text() if path.exists() else ""))
    template = yaml_parse((built / "template.yaml").read_text())
    for name, one in template["Resources"].items():
        for place in ("CodeUri", "ContentUri"):
            if place in one.get("Properties", {}):
                one["Properties"][place] = str(built / name)
                if what := _source(name):
                    one["Properties"][place] = str(directory / "built" / name)
                    _build(directory, what, directory / "built" / name)
    changed = directory / "template.yaml"
    changed.write_text(json.dumps(template))  # JSON is YAML, too
    return changed


def _source(artifact: str) -> str | None:
    """What of the sources an artifact is built from, unless it is packages."""
    if artifact == "MettaLayer":
        return "layers/metta/metta"
    return f"functions/{artifact.removesuffix('Function').lower()}" if artifact.endswith("Function") else None


def _build(directory: Path, what: str, target: Path) -> None:
    build_for = {
        "PATH": os.environ["PATH"],
        "METTA_BUILD_ARCH": "x86_64",  # of no matter: our own code is the same for all
        "METTA_BUILD_PYTHON": f"{sys.version_info.major}.{sys.version_info.minor}",
    }
    inside = target / "python" / "metta" if what.startswith("layers/") else target
    command = [sys.executable, str(directory / "layers" / "build.py"), what, str(inside)]
    subprocess.run(command, env=build_for, check=True, capture_output=True)
