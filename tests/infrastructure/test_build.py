"""The artifacts for Lambda: right platform, complete, small and ready to start."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "layers" / "metta" / "metta"
LAYERS = ("DependenciesLayer", "MettaLayer")


@pytest.fixture(scope="session")
def build() -> object:
    """``layers/build.py``, which is no package."""
    spec = importlib.util.spec_from_file_location("metta_build", ROOT / "layers" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files(directory: Path) -> set[str]:
    return {
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_extension_module_is_for_lambda_s_processor_and_python(arm64: Path) -> None:
    extensions = list((arm64 / "DependenciesLayer").rglob("*.so"))
    tagged = [path for path in extensions if ".cpython-" in path.name]

    assert {"_psycopg", "_pydantic_core", "jiter"} <= {path.name.split(".")[0] for path in extensions}
    assert [path.name for path in tagged if not path.name.endswith(".cpython-313-aarch64-linux-gnu.so")] == []
    for path in extensions:
        header = path.read_bytes()[:20]
        assert header[:4] == b"\x7fELF", path.name
        assert int.from_bytes(header[18:20], "little") == 0xB7, f"{path.name} is not for aarch64"


def test_every_wheel_fits_amazon_linux_2023(arm64: Path) -> None:
    tags = {
        line.removeprefix("Tag: ").strip()
        for wheel in (arm64 / "DependenciesLayer" / "python").glob("*.dist-info/WHEEL")
        for line in wheel.read_text().splitlines()
        if line.startswith("Tag: ")
    }
    native = {tag for tag in tags if not tag.endswith("-any")}

    assert native
    for tag in native:
        python, _, platforms = tag.split("-")
        assert python == "cp313" or re.fullmatch(r"cp3\d+", python), tag
        assert "aarch64" in platforms, tag
        assert all(int(minor) <= 34 for minor in re.findall(r"manylinux_2_(\d+)_", platforms)), tag


def test_everything_together_stays_below_the_limit_and_the_build_says_so(
    arm64: Path, build: object, capsys: pytest.CaptureFixture[str]
) -> None:
    build.total(arm64)  # type: ignore[attr-defined]

    said = re.search(r"all layers and functions: ([\d.]+) MB of (\d+)", capsys.readouterr().out)
    assert said is not None
    assert 30 < float(said[1]) < 130
    assert int(said[2]) == 130


def test_shares_of_all_artifacts_together_are_the_limit(build: object) -> None:
    functions = [path.name for path in (ROOT / "functions").iterdir() if (path / "handler.py").exists()]
    shares = [build.share_mb(f"functions/{name}") for name in functions]  # type: ignore[attr-defined]
    shares += [build.share_mb(name) for name in ("dependencies", "layers/metta/metta")]  # type: ignore[attr-defined]

    assert sum(shares) <= 130


def test_a_build_that_is_too_heavy_fails(build: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "DependenciesLayer").mkdir()
    (tmp_path / "DependenciesLayer" / "heavy.bin").write_bytes(b"0" * 3 * 2**20)
    monkeypatch.setattr(build, "LIMIT_MB", 2)

    with pytest.raises(SystemExit, match="over 2 MB"):
        build.total(tmp_path)  # type: ignore[attr-defined]


def test_what_no_function_imports_is_left_out(arm64: Path, build: object) -> None:
    python = arm64 / "DependenciesLayer" / "python"

    assert [name for name in build.UNUSED if (python / name).exists()] == []  # type: ignore[attr-defined]


def test_our_own_code_is_shipped_whole_and_alone(arm64: Path) -> None:
    assert files(arm64 / "MettaLayer" / "python" / "metta") == files(SHIPPED)
    assert files(arm64 / "MettaLayer") == {f"python/metta/{name}" for name in files(SHIPPED)}
    for function in ("WorkerFunction", "WatchdogFunction"):
        assert files(arm64 / function) == {"handler.py", "layers.sha256"}


def test_only_what_a_worker_reads_is_shipped(arm64: Path, build: object) -> None:
    python = arm64 / "DependenciesLayer" / "python"
    models = {path.name for path in (python / "botocore" / "data").iterdir() if path.is_dir()}

    assert models == build.AWS_SERVICES  # type: ignore[attr-defined]
    assert not (python / "bin").exists()
    assert [path.name for path in python.rglob("tests")] == []
    assert not {"pytest", "moto", "ministack", "samcli", "metta_local"} & {path.name for path in python.iterdir()}


def test_modules_are_compiled_where_an_interpreter_for_them_is_found(arm64: Path, build: object) -> None:
    can = [command for command in build.interpreters("3.13") if runs(command, "3.13")]  # type: ignore[attr-defined]
    compiled = list(arm64.glob("*Layer/python/**/*.cpython-313.pyc"))

    if not can:
        assert compiled == []
        return
    sources = list(arm64.glob("*Layer/python/**/*.py"))
    assert len(compiled) > 0.95 * len(sources)  # a few packages carry templates that are no Python
    for path in compiled:
        # PEP 552: bit 0 says that a hash is there, bit 1 (unset) that it is checked.
        assert int.from_bytes(path.read_bytes()[4:8], "little") == 0b01, path


def runs(command: str, python: str) -> bool:
    try:
        done = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.startswith(f"Python {python}.")


def test_without_an_interpreter_the_build_warns_and_goes_on(
    build: object, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "module.py").write_text("x = 1\n")

    build.compile_all(tmp_path, "3.99")  # type: ignore[attr-defined]

    assert "warning: no Python 3.99" in capsys.readouterr().out
    assert files(tmp_path) == {"module.py"}


@pytest.mark.parametrize(
    "wrong", [{"METTA_BUILD_ARCH": "riscv"}, {"METTA_BUILD_PYTHON": "3"}, {"METTA_BUILD_PYTHON": "3.13.1"}]
)
def test_a_target_that_there_is_not_is_named(wrong: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "layers" / "build.py", "functions/worker", tmp_path / "out"],
        env=wrong,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert [name for name in wrong if name in done.stderr] == [*wrong]
    assert not (tmp_path / "out").exists()
