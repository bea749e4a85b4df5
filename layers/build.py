"""Builds the layers and functions for Lambda; `sam build` calls it through the Makefile of each.

``METTA_BUILD_ARCH`` (aarch64 or x86_64, default aarch64) and ``METTA_BUILD_PYTHON`` (default 3.13) name the target;
the host's own values make an artifact that runs on the host. Needs only the standard library, and uv for packages.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT_MB = 130
"""What both layers and all functions may weigh together, unzipped; Lambda takes 250 for a function and its layers."""
SHARES_MB = {"dependencies": 115.0, "layers/metta/metta": 10.0}
"""Of the limit, so that each build by itself keeps the whole below it; what is left is for the functions."""
FUNCTIONS = 5

AWS_SERVICES = frozenset({"dynamodb", "secretsmanager", "sqs", "sts", "xray"})
"""Services whose models stay in botocore; the other 430 are two thirds of its size."""

UNUSED = {
    "agents/extensions": "other models, sandboxes and session stores",
    "agents/testing": "for tests of agents",
    "agents/voice": "speech",
    "cffi": "makes C bindings; those in use need _cffi_backend alone",
    "pycparser": "reads C for cffi",
    "websockets": "for realtime sessions",
}
"""Parts of packages that no function imports, and what they are for; the packages ask for them at no import."""

TEST_DIRECTORIES = frozenset({"tests", "_tests", "__pycache__"})
BUILD_LEFTOVERS = frozenset({".pyi", ".c", ".h", ".pyx", ".pxd"})

LAYER_SOURCES = ("layers/metta/metta", "requirements/runtime.txt", "layers/build.py")
"""All that the two layers are made of."""


def dependencies(target: Path, arch: str, python: str) -> None:
    """Install the pinned packages of the target platform, without what the worker never reads."""
    uv = shutil.which("uv", path=os.pathsep.join((str(ROOT / ".venv" / "bin"), os.environ.get("PATH", ""))))
    if uv is None:
        sys.exit("uv was found neither in .venv/bin nor on PATH: run `make setup`, or install uv")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--python-version", python, "--python-platform", f"{arch}-manylinux_2_34"]
    command += ["--target", str(target), "--requirement", str(ROOT / "requirements" / "runtime.txt")]
    subprocess.run(command, check=True)
    slim(target)


def slim(target: Path) -> None:
    """Remove scripts, tests, type stubs, C sources and the models of AWS services that are not used."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    for directory in [path for path in target.rglob("*") if path.is_dir() and path.name in TEST_DIRECTORIES]:
        shutil.rmtree(directory, ignore_errors=True)
    for path in [path for path in target.rglob("*") if path.suffix in BUILD_LEFTOVERS]:
        path.unlink()
    for path in (target / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in AWS_SERVICES:
            shutil.rmtree(path)
    for name in UNUSED:
        shutil.rmtree(target / name)  # fails where it is gone: then the list is to be read again


def copy(source: Path, target: Path) -> None:
    """Copy our own code, without caches and build files."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "Makefile")
    shutil.copytree(source, target, ignore=ignore, dirs_exist_ok=True)


def name_layers(target: Path, arch: str, python: str) -> None:
    """Leave the digest of what the layers are made of in a function's artifact, as ``layers.sha256``.

    All logic is in the layers, and SAM publishes a new version only where the function's own artifact is another one.
    """
    digest = hashlib.sha256(f"{arch} {python}\0".encode())
    for source in LAYER_SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT).as_posix()}\0{file.stat().st_size}\0".encode())
                digest.update(file.read_bytes())
    (target / "layers.sha256").write_text(f"{digest.hexdigest()}\n", encoding="ascii")


def interpreters(python: str) -> Iterator[str]:
    """Commands that may be an interpreter of that version, likeliest first; each has still to be tried."""
    yield sys.executable
    yield str(ROOT / ".venv" / "bin" / "python")
    yield f"python{python}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from (str(path) for path in sorted(pyenv.glob(f"versions/{python}.*/bin/python")))


def compile_all(target: Path, python: str) -> None:
    """Byte-compile for the target version: ``/opt`` is read-only, so Lambda itself would compile at each cold start.

    The pyc files carry a hash that is not checked, since unpacking gives the sources new times.
    """
    version = ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    for command in interpreters(python):
        if shutil.which(command) is None:
            continue
        tried = subprocess.run([command, *version], capture_output=True, text=True, check=False)
        if tried.returncode == 0 and tried.stdout.strip() == python:
            compileall = ["-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
            # No path of the build machine in the artifact: the same sources give the same bytes.
            compileall += ["-s", str(target), str(target)]
            subprocess.run([command, "-I", *compileall], check=True)
            return
    print(f"warning: no Python {python} here, so the layer is not byte-compiled and starts slower")


def size_mb(directory: Path) -> float:
    """Sum of the file sizes below, in megabytes as Lambda counts them (2**20)."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) / 2**20


def share_mb(what: str) -> float:
    """What an artifact may weigh, in megabytes."""
    return SHARES_MB.get(what, (LIMIT_MB - sum(SHARES_MB.values())) / FUNCTIONS)


def total(built: Path) -> None:
    """Print what all that `sam build` made weighs, and end with an error when that is too much."""
    sizes = {path.name: size_mb(path) for path in sorted(built.iterdir()) if path.is_dir()}
    megabytes = sum(sizes.values())
    parts = ", ".join(f"{name} {size:.1f}" for name, size in sizes.items())
    print(f"all layers and functions: {megabytes:.1f} MB of {LIMIT_MB} ({parts})")
    if megabytes > LIMIT_MB:
        sys.exit(f"all layers and functions together are over {LIMIT_MB} MB")


def main() -> None:
    """Build one artifact (the packages, or a copy of our own code), or add up what was built."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", help="`dependencies`, a directory whose code is copied, or `total`")
    parser.add_argument("target", type=Path, help="directory to fill; with `total`, the one that `sam build` filled")
    arguments = parser.parse_args()
    target: Path = arguments.target
    if arguments.what == "total":
        total(target)
        return
    arch = os.environ.get("METTA_BUILD_ARCH") or "aarch64"
    python = os.environ.get("METTA_BUILD_PYTHON") or "3.13"
    if arch not in ("aarch64", "x86_64"):
        sys.exit(f"METTA_BUILD_ARCH is {arch!r}; it must be aarch64 or x86_64")
    if not re.fullmatch(r"3\.\d{1,2}", python):
        sys.exit(f"METTA_BUILD_PYTHON is {python!r}; it must be a minor version, such as 3.13")
    target.mkdir(parents=True, exist_ok=True)
    if arguments.what == "dependencies":
        dependencies(target, arch, python)
    else:
        copy(ROOT / arguments.what, target)
        if Path(arguments.what).parts[0] == "functions":
            name_layers(target, arch, python)
    compile_all(target, python)
    megabytes = size_mb(target)
    print(f"{arguments.what}: {megabytes:.1f} MB for Python {python} on {arch}")
    if megabytes > share_mb(arguments.what):
        share, limit = share_mb(arguments.what), LIMIT_MB
        sys.exit(f"{arguments.what} is over its {share:.0f} MB; all together may have {limit} MB")


if __name__ == "__main__":
    main()
