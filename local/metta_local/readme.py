"""``python -m metta_local.readme [--check]``: writes what documents say of the code itself."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from metta_local import commands_page, openapi, variables
from metta_local.policy_command import described_schema, reference_text

ROOT = Path(__file__).parents[2]
README = "README.md"
POLICY = "docs/policy.md"
FIELDS = "## Top level\n"
"""Begins what the policy's model says of itself, which goes on to the end of the page."""


def between(text: str, marker: str, table: str) -> str:
    """``text`` with the table between ``<!-- marker -->`` and ``<!-- /marker -->``.

    Raises:
        ValueError: the text has no such markers.
    """
    begin, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"{begin} and {end} are missing")
    return f"{before}{begin}\n{table}\n{end}{after}"


def wanted(root: Path = ROOT) -> Mapping[str, str]:
    """File -> what it has to say."""
    readme = (root / README).read_text(encoding="utf-8")
    readme = between(readme, "commands", commands_page.table())
    readme = between(readme, "variables", variables.table())
    words = (root / POLICY).read_text(encoding="utf-8").partition(FIELDS)[0]
    return {
        README: readme,
        commands_page.PAGE: commands_page.page(),
        POLICY: words + reference_text(),
        "docs/policy.schema.json": json.dumps(described_schema(), indent=2, ensure_ascii=False) + "\n",
        "docs/openapi.json": openapi.document(),
    }


def outdated(root: Path = ROOT) -> Mapping[str, str]:
    """File -> how it differs from what it has to say; empty when all are current."""
    found = {}
    for name, text in wanted(root).items():
        path = root / name
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        if there != text:
            lines = difflib.unified_diff(there.splitlines(), text.splitlines(), name, "from the code", lineterm="", n=0)
            found[name] = "\n".join(lines)
    return found


def main() -> int:
    """Write the files, or with ``--check`` only say which are not current; 1 when one is not."""
    parser = argparse.ArgumentParser(prog="python -m metta_local.readme", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 and the difference where one is stale")
    found = outdated()
    if parser.parse_args().check:
        print("\n".join(found.values()), end="\n" if found else "")
        return 1 if found else 0
    for name, text in wanted().items():
        (ROOT / name).write_text(text, encoding="utf-8")
    print(f"written: {', '.join(found)}" if found else "all current")
    return 0


if __name__ == "__main__":
    sys.exit(main())
