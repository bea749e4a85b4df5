"""``metta completion``: real shells complete commands, options, choices and files from what it prints."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from metta_local.bench.command import KNOWN
from metta_local.commands import bench

from .processes import metta, variables

BASH = """\
source ./script
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
function=$(complete -p metta | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
"$function" metta "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = "source ./script; complete -C (string join ' ' -- $argv)"
ZSH = "fpath=($PWD $fpath); autoload -U compinit; compinit -D -u; print $_comps[metta]"

CASES = [
    (["au"], {"audit"}),
    (["audit", ""], {"show", "verify", "export", "stats", "erase"}),
    (["audit", "show", "--"], {"--help", "--account", "--turn", "--without-heads", "--json"}),
    (["chaos", "--without", ""], {"idempotency", "reread", "backoff"}),
    (["help", "au"], {"audit"}),
    (["help", "audit", "sh"], {"show"}),
    (["tool", "get"], {"getProduct", "getOrder", "getOrdersByCustomer"}),
    (["bench", "overhead", "ba"], {"batch"}),
    (["send", "bod"], {"body.json"}),
    (["up", "--directory", "nov"], {"november"}),
    (["--env-file", "bod"], {"body.json"}),
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A directory per shell with its script, a file and a directory."""
    made = {}
    for shell in ("bash", "zsh", "fish"):
        here = made[shell] = tmp_path_factory.mktemp(shell)
        done = metta("completion", shell)
        assert (done.returncode, done.stderr) == (0, "")
        (here / ("_metta" if shell == "zsh" else "script")).write_text(done.stdout)
        (here / "body.json").touch()
        (here / "november").mkdir()
    return made


def run(shell: str, *arguments: str, cwd: Path) -> str:
    if shutil.which(shell) is None and not os.environ.get("METTA_CI"):
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [shell, *arguments],
        cwd=cwd,
        env=variables(HOME=str(cwd), TERM="dumb"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(("typed", "offered"), CASES, ids=[" ".join(typed) for typed, _ in CASES])
def test_bash_offers_what_may_follow(places: dict[str, Path], typed: list[str], offered: set[str]) -> None:
    assert set(run("bash", "--norc", "-c", BASH, "bash", "metta", *typed, cwd=places["bash"]).split()) == offered


@pytest.mark.parametrize(("typed", "offered"), CASES, ids=[" ".join(typed) for typed, _ in CASES])
def test_fish_offers_what_may_follow(places: dict[str, Path], typed: list[str], offered: set[str]) -> None:
    shown = run("fish", "--no-config", "-c", FISH, "--", "metta", *typed, cwd=places["fish"])
    assert {line.partition("\t")[0].rstrip("/") for line in shown.splitlines()} == offered


def test_zsh_takes_the_script_from_its_functions(places: dict[str, Path]) -> None:
    run("zsh", "-f", "-n", "_metta", cwd=places["zsh"])
    assert run("zsh", "-f", "-c", ZSH, cwd=places["zsh"]).strip() == "_metta"


def test_what_is_offered_is_what_there_is() -> None:
    assert set(bench.NAMES) == set(KNOWN)
