"""What to do about an error of the shared code, for whoever sits at the command line."""

from __future__ import annotations

from metta import errors

_AREAS: dict[type[errors.MettaError], str] = {
    errors.ChatwootDown: "chatwoot",
    errors.ChatwootRefused: "chatwoot",
    errors.OdooDown: "odoo",
    errors.ModelDown: "model",
    errors.AuditDown: "database",
    errors.StateDown: "state",
}
_MISSING = "not set: "


def told(error: errors.MettaError) -> str:
    """The error's own words, and what to do next."""
    area = next((area for kind, area in _AREAS.items() if isinstance(error, kind)), None)
    if area is not None:
        return f"{error}; {doctor(area)}"
    if isinstance(error, errors.SettingsError) and str(error).startswith(_MISSING):
        return f"{error}; .env.example explains each variable, and `metta --env-file FILE` reads them from a file"
    return str(error)


def doctor(area: str) -> str:
    """Who knows more."""
    return f"`metta doctor --only {area}` says what is wrong"
