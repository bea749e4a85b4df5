"""Builds ``template.yaml`` for this machine and deploys it onto a local AWS, as `sam` does for the real one.

MiniStack runs functions with its own interpreter, so the packages must be those of this platform and Python version.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

from metta_local.aws import MiniStack

ROOT = Path(__file__).resolve().parents[2]
SAM = Path(sys.executable).with_name("sam")
LOCAL = {"Stage": "dev", "GradualDeployment": "false", "SavedQueries": "false"}
"""Not production, and without what the embedded AWS does not have: CodeDeploy and saved queries."""
_SOURCES = ("template.yaml", "layers", "functions", "requirements/runtime.txt")


def build(directory: Path, *, arch: str | None = None, python: str | None = None) -> Path:
    """Run `sam build`, unless what lies in ``directory`` was built from the very same sources.

    Args:
        directory: where the artifacts go, one subdirectory each.
        arch: ``aarch64`` or ``x86_64``; this machine's when None.
        python: minor version such as ``3.13``; this interpreter's when None.

    Returns:
        The built template.

    Raises:
        RuntimeError: it does not build; the text is sam's.
    """
    arch = arch or {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    python = python or f"{sys.version_info.major}.{sys.version_info.minor}"
    template, stamp = directory / "template.yaml", directory / "built-from"
    fingerprint = f"{arch} {python} {_fingerprint()}"
    build_for = {"METTA_BUILD_ARCH": arch, "METTA_BUILD_PYTHON": python}
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f"{directory.name}.lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)  # a build begins with emptying the directory
        if template.exists() and stamp.exists() and stamp.read_text() == fingerprint:
            return template
        stamp.unlink(missing_ok=True)
        _sam(["build", "--build-dir", str(directory)], _environment(build_for))
        stamp.write_text(fingerprint)
    return template


def deploy(
    aws: MiniStack, template: Path, parameters: Mapping[str, str], *, stack: str = "metta-local"
) -> dict[str, str]:
    """Run `sam deploy` against the local AWS; an existing stack of that name is updated.

    Args:
        aws: a started local AWS.
        template: as ``build`` returns it.
        parameters: template parameters; the others are those of ``LOCAL`` or keep their defaults.
        stack: name of the stack and of what it makes.

    Returns:
        The stack's outputs.

    Raises:
        RuntimeError: it does not deploy; the text is sam's.
    """
    given = {**LOCAL, **parameters}
    changed = _with_defaults(template, given)
    command = ["deploy", "--template-file", str(changed), "--stack-name", stack]
    command += [
        "--resolve-s3",
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
    ]
    command += ["--parameter-overrides", *(f"{name}={value}" for name, value in given.items())]
    try:
        _sam(command, _environment(aws.environment))
    finally:
        changed.unlink()
    described = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def _with_defaults(template: Path, given: Mapping[str, str]) -> Path:
    """A copy whose defaults are what is given, for what SAM's transform itself decides by.

    CloudFormation hands the transform the parameters' values; the embedded AWS does not, and it reads the defaults.
    """
    from samcli.yamlhelper import yaml_parse

    source = yaml_parse(template.read_text())
    source["Parameters"]["GradualDeployment"]["Default"] = given["GradualDeployment"]
    changed = template.with_name(f"{template.stem}-{uuid.uuid4().hex}.json")  # two deployments may read one build
    changed.write_text(json.dumps(source))
    return changed


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for source in _SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without AWS profiles and credentials, so that nothing real is ever reached."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "METTA_BUILD_"))}
    return {
        **own,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",  # between looks at a stack; seconds are for stacks that take minutes
        **more,
    }


def _sam(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [str(SAM), *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise RuntimeError(f"sam {arguments[0]} failed:\n{tail}")
