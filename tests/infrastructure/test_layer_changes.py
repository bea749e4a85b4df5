"""A changed line in a layer is a new release: all logic is there, where SAM's version hash does not look."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from samcli.lib.utils.hash import dir_checksum
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

from infrastructure.evaluate import NoManagedPolicies

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("layers", "functions", "requirements/runtime.txt", "template.yaml")
ARTIFACTS = {
    "MettaLayer": "layers/metta/metta",
    "WorkerFunction": "functions/worker",
    "MigrateFunction": "functions/migrate",
}
"""What of the template is built here; the packages would take a network."""


@dataclass(frozen=True)
class Release:
    """What CloudFormation is given."""

    resources: dict[str, Any]

    def only(self, kind: str, prefix: str) -> str:
        """Logical id of the resource of that type whose name begins so."""
        (name,) = [name for name, one in self.resources.items() if one["Type"] == kind and name.startswith(prefix)]
        return name

    @property
    def worker_version(self) -> str:
        return self.only("AWS::Lambda::Version", "WorkerFunction")

    @property
    def layer(self) -> str:
        return self.only("AWS::Lambda::LayerVersion", "MettaLayer")

    @property
    def alias(self) -> Any:
        return self.resources[self.only("AWS::Lambda::Alias", "WorkerFunction")]["Properties"]["FunctionVersion"]

    @property
    def migration(self) -> Any:
        return self.resources["SchemaMigration"]["Properties"]

    def code_of(self, function: str) -> str:
        return str(self.resources[function]["Properties"]["Code"]["S3Key"])


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of what is built, which a test may change."""
    for name in SOURCES:
        source, target = ROOT / name, tmp_path / "sources" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tmp_path / "sources"


def released(sources: Path) -> Release:
    """Build, put the artifacts under names made of their content, as `sam package` does, and transform."""
    built = sources.parent / "built"
    shutil.rmtree(built, ignore_errors=True)
    template = yaml_parse((sources / "template.yaml").read_text())
    for name, one in template["Resources"].items():
        key = "same"
        if what := ARTIFACTS.get(name):
            command = [sys.executable, str(sources / "layers" / "build.py"), what, str(built / name)]
            # Of no version that is installed: compiling would take seconds and change nothing here.
            environment = {"PATH": os.environ["PATH"], "METTA_BUILD_PYTHON": "3.99", "PYTHONDONTWRITEBYTECODE": "1"}
            subprocess.run(command, env=environment, check=True, capture_output=True)
            key = dir_checksum(str(built / name))
        for place in ("CodeUri", "ContentUri"):
            if place in one.get("Properties", {}):
                one["Properties"][place] = {"Bucket": "artifacts", "Key": key}
    return Release(transform(template, {}, NoManagedPolicies())["Resources"])


def test_the_same_sources_are_the_same_release(sources: Path) -> None:
    assert released(sources) == released(sources)


def test_a_changed_line_of_our_own_code_is_a_new_version_that_the_alias_moves_to(sources: Path) -> None:
    before = released(sources)
    with (sources / "layers/metta/metta/turn.py").open("a") as code:
        code.write("CHANGED = True\n")

    after = released(sources)

    assert after.code_of("WorkerFunction") != before.code_of("WorkerFunction"), "SAM's version hash sees this alone"
    assert after.worker_version != before.worker_version
    assert after.layer != before.layer
    assert after.alias == {"Fn::GetAtt": [after.worker_version, "Version"]}


def test_another_package_is_a_new_version_too(sources: Path) -> None:
    before = released(sources)
    with (sources / "requirements/runtime.txt").open("a") as pins:
        pins.write("# one more package\n")

    after = released(sources)

    assert after.worker_version != before.worker_version
    assert after.layer == before.layer, "our own code is the same"
    assert after.migration == before.migration, "and nothing is to be migrated"


def test_a_new_migration_makes_cloudformation_ask_again(sources: Path) -> None:
    before = released(sources)
    (sources / "layers/metta/metta/persistence/migrations/0900_more.sql").write_text("CREATE TABLE metta.more ();")

    after = released(sources)

    assert after.migration != before.migration
    assert after.migration["Code"] == {"Ref": after.layer}
    assert after.layer != before.layer


def test_the_worker_s_new_code_waits_for_the_schema(sources: Path) -> None:
    worker = released(sources).resources["WorkerFunction"]

    assert "SchemaMigration" in str(worker["Properties"]["Tags"]), "a reference is what makes CloudFormation wait"


def test_no_artifact_is_taken_from_a_cache_that_knows_nothing_of_layers() -> None:
    """`sam build --cached` looks at the function's directory alone, and would leave the old digest in it."""
    assert "cached" not in (ROOT / "samconfig.toml").read_text()
