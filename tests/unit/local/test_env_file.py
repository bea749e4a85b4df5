"""``metta --env-file FILE``: a file of variables is read as a shell would read it, and nothing in it is run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from metta import settings
from metta_local import env_file
from metta_local.console import CommandError
from metta_local.playground.exports import export_lines, exported_to

EXAMPLE = Path(__file__).parents[3] / ".env.example"


def read(folder: Path, text: str) -> dict[str, str]:
    path = folder / "some.env"
    path.write_bytes(text.encode())
    return env_file.read(str(path))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=shop", "shop"),
        ("export NAME=shop", "shop"),
        ("  NAME=shop  # ours", "shop"),
        ("NAME=", ""),
        ("NAME='two words'", "two words"),
        ('NAME="it\'s"', "it's"),
        ("NAME=a#b", "a#b"),
        ("NAME=a=b", "a=b"),
        ("NAME='$HOME `id`'", "$HOME `id`"),
        ("NAME=$(id)", "$(id)"),
        ("NAME=Grüße\r", "Grüße"),
    ],
)
def test_a_line_is_read_as_a_shell_reads_it_but_nothing_is_run(tmp_path: Path, line: str, value: str) -> None:
    assert read(tmp_path, f"# a comment\n\n{line}\n") == {"NAME": value}


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeffNAME=shop\n") == {"NAME": "shop"}


def test_what_metta_up_writes_is_read_back(tmp_path: Path) -> None:
    variables = {"A": "plain", "B": 'it\'s "quoted" $HOME', "C": "", "D": "#not a comment", "E": "back\\slash"}
    assert read(tmp_path, "\n".join(export_lines(variables))) == variables


def test_the_example_is_such_a_file() -> None:
    given = env_file.read(str(EXAMPLE))
    assert settings.load(given) == settings.load({})
    assert set(given) == {name.upper() for name in settings.Settings.model_fields}


@pytest.mark.parametrize(
    "line", ["NAME", "hush hush", "NAME=two hush", "NAME = hush", "1NAME=hush", "NAME='hush", "N-M=hush"]
)
def test_a_line_at_fault_is_named_by_its_number_and_not_shown(tmp_path: Path, line: str) -> None:
    with pytest.raises(CommandError, match=r"some\.env: line 2: ") as refused:
        read(tmp_path, f"FINE=1\n{line}\n")
    assert "hush" not in str(refused.value)


def test_the_environment_wins_but_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METTA_TEST_SET", "mine")
    monkeypatch.setenv("METTA_TEST_EMPTY", "")
    monkeypatch.delenv("METTA_TEST_NEW", raising=False)

    with env_file.applied({"METTA_TEST_SET": "file", "METTA_TEST_EMPTY": "file", "METTA_TEST_NEW": "file"}):
        seen = [os.environ[f"METTA_TEST_{name}"] for name in ("SET", "EMPTY", "NEW")]

    assert seen == ["mine", "file", "file"]
    assert os.environ["METTA_TEST_EMPTY"] == ""
    assert "METTA_TEST_NEW" not in os.environ


def test_a_file_that_a_killed_stack_left_is_taken_and_one_of_a_living_stack_is_not(tmp_path: Path) -> None:
    path = tmp_path / "up.env"
    with exported_to(path) as file:
        file.write({"ODOO_DB": "shop"})
        left = path.read_text()
        with pytest.raises(CommandError, match="a stack that is running"), exported_to(path):
            pass
        assert path.read_text() == left
    assert not path.exists()

    path.write_text(left)
    with exported_to(path) as file:
        file.write({"ODOO_DB": "other"})
        assert env_file.read(str(path)) == {"ODOO_DB": "other"}
    assert list(tmp_path.iterdir()) == []
