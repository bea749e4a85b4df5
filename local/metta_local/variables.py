"""The table of variables in the README, made from the settings so that it cannot go out of date."""

from __future__ import annotations

import sys
from pathlib import Path

from metta.settings import SECRET_NAMES, Settings

BEGIN, END = "<!-- variables -->", "<!-- /variables -->"


def table() -> str:
    """A Markdown table of every variable with its meaning and default."""
    lines = ["| variable | meaning | default |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = name.upper()
        default = "" if field.default is None or field.default == frozenset() else str(field.default).lower()
        shown = f"`{default}`" if default else ("secret" if variable in SECRET_NAMES else "")
        lines.append(f"| `{variable}` | {field.description} | {shown} |")
    return "\n".join(lines)


def filled(readme: str) -> str:
    """``readme`` with the table between its markers."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
