"""The template as CloudFormation sees it, and the artifacts that `sam build` makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from metta_local import deploy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """``template.yaml`` as it is written."""
    parsed: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    return parsed


@pytest.fixture(scope="session")
def arm64() -> Path:
    """What is shipped: the build for Lambda."""
    return deploy.build(ROOT / ".aws-sam" / "tests-arm64", arch="aarch64", python="3.13").parent
