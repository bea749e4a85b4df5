"""docs/doctor.md explains every check that ``metta doctor`` makes, and none that it does not."""

from __future__ import annotations

import re
from pathlib import Path

from metta_local import doctor
from metta_local.doctor.abilities import ABILITIES

PAGE = Path(__file__).parents[3] / "docs" / "doctor.md"
CODE = Path(doctor.__file__).parent
NAME = rf"({'|'.join(doctor.AREAS)})\.[a-z_]+"
IN_EVERY_AREA = {
    f"{area}.{subject}" for area in doctor.AREAS for subject in ("variables", "time", "doctor", "tls", "clock")
}
FROM_PARTS = {f"database.{role}_role{part}" for role in ("migrate", "erase") for part in ("", "_tls")}
"""Names that the code puts together."""


def explained() -> set[str]:
    """The checks that have a row."""
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {found for row in rows for found in re.findall(r"`([^`]+)`", row) if re.fullmatch(NAME, found)}


def made() -> set[str]:
    """The checks that the code names."""
    code = "".join(path.read_text(encoding="utf-8") for path in CODE.glob("*.py"))
    return {found[0] for found in re.finditer(rf'(?<="){NAME}(?=")', code)} | {each.check for each in ABILITIES}


def test_every_check_is_explained_and_no_other() -> None:
    assert explained() == (made() | FROM_PARTS) - IN_EVERY_AREA


def test_what_every_area_has_is_explained_once() -> None:
    rows = re.findall(r"^\| `AREA\.([a-z]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(rows) == ["clock", "connection", "doctor", "time", "tls", "variables"]


def test_every_area_has_its_section() -> None:
    sections = re.findall(r"^## ([a-z]+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sections == list(doctor.AREAS)
