"""What becomes of contents before they are sealed and stored: cleaned always, masked or encrypted as the policy says.

Contents are the columns that ``grants.CONTENTS`` names. A card or social security number is stored in none of them,
whatever the mode. ``vault`` has the keys of encrypted contents and reads them again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from metta.messages import JsonObject
from metta.persistence.columns import columns
from metta.persistence.grants import CONTENTS
from metta.persistence.text import digest

Rows = dict[str, list[JsonObject]]
Mask = Callable[[str, Sequence[str]], str]
"""Masks personal data in a text, and the names that are given."""

UNCHECKED = "[not kept: it could not be checked]"
MASKED = {
    "contact_name": "[NAME]",
    "contact_email": "[EMAIL]",
    "contact_phone": "[PHONE]",
    "identity_email": "[EMAIL]",
    "identity_phone": "[PHONE]",
}
"""Columns that are masked whole, however their value is written."""
SEALED = "enc1:"
"""What the text of encrypted contents begins with."""
AS_WRITTEN = "enc0:"
"""Stands before a text that itself begins like encrypted contents, or like this."""
_NINE_DIGITS = re.compile(r"(?:[^0-9]*[0-9]){9}")
"""A shorter number is neither a card's nor a social security number."""


class Mode(StrEnum):
    """How contents are stored."""

    PLAIN = "plain"
    MASKED = "masked"
    ENCRYPTED = "encrypted"


def cleaned(rows: Rows, clean: Callable[[str], str]) -> Rows:
    """The rows without card and social security numbers in their contents.

    Args:
        rows: table -> rows.
        clean: gives a text without them; asked only about texts and numbers with nine digits or more.
    """
    seen: dict[str, str] = {}

    def checked(text: str) -> str:
        if text not in seen:
            try:
                seen[text] = clean(text)
            except Exception:  # noqa: BLE001 - whatever breaks, the text must not be kept (I6)
                seen[text] = UNCHECKED
        return seen[text]

    return _digested(rows, _changed(rows, lambda _, text: checked(text) if _has_nine_digits(text) else text))


def masked(rows: Rows, mask: Mask, names: Sequence[str]) -> Rows:
    """The rows with addresses, phones, IBANs and the contact's names masked.

    Args:
        rows: table -> rows.
        mask: masks a text.
        names: what the contact is called.
    """

    def one(column: str, text: str) -> str:
        if not text:
            return text
        try:
            return MASKED.get(column) or mask(text, names)
        except Exception:  # noqa: BLE001 - as above
            return UNCHECKED

    return _digested(rows, _changed(rows, one))


def emptied(rows: Rows) -> Rows:
    """The rows without contents: what was erased before it was written."""
    return {
        table: [{name: None if name in CONTENTS.get(table, ()) else value for name, value in row.items()} for row in of]
        for table, of in rows.items()
    }


def encrypted(rows: Rows, encrypt: Callable[[str, str, Any], str]) -> Rows:
    """The rows with their contents encrypted; numbers of bigint columns stay as they are.

    Args:
        rows: table -> rows.
        encrypt: makes one text of a table, a column and its JSON value.
    """
    return {
        table: [
            {
                name: encrypt(table, name, value) if value is not None and is_encryptable(table, name) else value
                for name, value in row.items()
            }
            for row in of
        ]
        for table, of in rows.items()
    }


def is_encryptable(table: str, column: str) -> bool:
    """Whether the column holds contents that a text or a JSON string may stand for."""
    return column in CONTENTS.get(table, ()) and columns(table)[column] in ("text", "jsonb")


def marked(rows: Rows) -> Rows:
    """The rows with every text told apart that itself looks as if it were encrypted."""
    return {
        table: [{name: _mark(table, name, value) for name, value in row.items()} for row in of]
        for table, of in rows.items()
    }


def unmarked(text: str) -> str:
    """The text as it was written."""
    return text.removeprefix(AS_WRITTEN)


def _mark(table: str, column: str, value: Any) -> Any:
    told_apart = isinstance(value, str) and value.startswith((SEALED, AS_WRITTEN)) and is_encryptable(table, column)
    return f"{AS_WRITTEN}{value}" if told_apart else value


def _has_nine_digits(text: str) -> bool:
    if text.isascii():
        return _NINE_DIGITS.match(text) is not None
    return sum(map(str.isdigit, text)) >= 9  # figures of all scripts, circled ones included


def _changed(rows: Rows, change: Callable[[str, str], str]) -> Rows:
    return {
        table: [
            {
                name: _walk(value, name, change) if name in CONTENTS.get(table, ()) else value
                for name, value in row.items()
            }
            for row in of
        ]
        for table, of in rows.items()
    }


def _walk(value: Any, column: str, change: Callable[[str, str], str]) -> Any:
    """The JSON value with every text in it changed, names of fields and numbers that are written as such included."""
    if isinstance(value, str):
        return change(column, value)
    if isinstance(value, Mapping):
        found: JsonObject = {}
        for name, item in value.items():
            kept = unlike = change(column, str(name))
            number = 2
            while unlike in found:
                unlike, number = f"{kept} ({number})", number + 1
            found[unlike] = _walk(item, column, change)
        return found
    if isinstance(value, list | tuple):
        return [_walk(item, column, change) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 1e8:
        text = f"{value:.0f}" if isinstance(value, float) else str(value)
        kept = change(column, text)
        return value if kept == text else kept
    return value


def _digested(before: Rows, rows: Rows) -> Rows:
    """A digest of what a tool gave before it was changed would let anyone try out what is not kept."""
    kept = [
        row | {"result_digest": was["result_digest"] if row["result"] == was["result"] else digest(row["result"])}
        if row.get("result_digest")
        else row
        for was, row in zip(before.get("tool_calls", ()), rows.get("tool_calls", ()), strict=True)
    ]
    return rows | {"tool_calls": kept} if kept else rows
