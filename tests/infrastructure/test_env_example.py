"""`.env.example` is the list of variables that a newcomer copies: complete, truthful and loadable."""

from __future__ import annotations

from pathlib import Path

import pytest

from metta import settings
from metta.settings import SECRET_NAMES, Settings

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"


def lines() -> list[str]:
    return EXAMPLE.read_text().splitlines()


def values() -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines() if line and not line.startswith("#"))


def test_it_lists_exactly_the_variables_that_exist() -> None:
    names = [line.split("=", 1)[0] for line in lines() if line and not line.startswith("#")]

    assert sorted(names) == sorted(name.upper() for name in Settings.model_fields)


def test_copied_unchanged_it_says_what_holds_anyway() -> None:
    assert settings.load(values()) == settings.load({})


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_each_variable_is_explained_in_the_settings_own_words(name: str) -> None:
    at = next(place for place, line in enumerate(lines()) if line.startswith(f"{name.upper()}="))
    explanation = lines()[at - 1]

    assert str(Settings.model_fields[name].description) in explanation
    assert ("Secret." in explanation) == (name.upper() in SECRET_NAMES)


def test_it_holds_no_secret() -> None:
    assert {name: values()[name] for name in SECRET_NAMES if values()[name]} == {}
