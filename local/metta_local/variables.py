"""The table of variables in the README, made from the settings so that it cannot go out of date."""

from __future__ import annotations

from metta.settings import SECRET_NAMES, Settings


def table() -> str:
    """A Markdown table of every variable with its meaning and default."""
    lines = ["| variable | meaning | default |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = name.upper()
        default = "" if field.default is None or field.default == frozenset() else str(field.default).lower()
        shown = f"`{default}`" if default else ("secret" if variable in SECRET_NAMES else "")
        lines.append(f"| `{variable}` | {field.description} | {shown} |")
    return "\n".join(lines)
