"""Reads the packaged word lists and texts; their common version reaches the audit log with every verdict."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).with_name("data")


def read_data(name: str) -> dict[str, Any]:
    """The mapping in ``data/<name>``."""
    import yaml  # so that whoever only imports the guardrails does without

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = yaml.load((_DATA / name).read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader
    if not isinstance(content, dict):
        raise TypeError(f"{name} must hold a mapping")
    return content


@cache
def lists_version() -> str:
    """First 8 hex digits of the SHA-256 over all data files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in _DATA.iterdir() if path.suffix in (".yaml", ".txt", ".bin")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]
