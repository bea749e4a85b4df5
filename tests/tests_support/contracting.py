"""Finds in a migration what code of the release before could not live with."""

from __future__ import annotations

import re

MARK = re.compile(r"--\s*contract: since v\d+")
"""Stands on the line above a statement that takes something away which no release since then uses."""
_PARTS = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|;|\$(\w*)\$.*?\$\1\$|[^;'\"$/-]+|.", re.DOTALL)
_CONTRACTING = {
    "takes something away": r"\bDROP\s+(?!NOT\s+NULL\b)\w+",
    "gives a new name": r"\bRENAME\b",
    "demands a value that older code does not write": (
        r"\bSET\s+NOT\s+NULL\b|\bADD\s+(?:COLUMN\s+)?(?!CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)"
        r"(?=[^,]*\bNOT\s+NULL\b)(?![^,]*\b(?:DEFAULT|GENERATED)\b)"
    ),
    "changes a type": r"\bALTER\s+(?:COLUMN\s+)?\S+\s+(?:SET\s+DATA\s+)?TYPE\b",
    "forbids what was allowed": (
        r"^\s*ALTER\s+TABLE\b.*\bADD\s+(?:CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)\b|\bCREATE\s+UNIQUE\s+INDEX\b"
        r"|\bCREATE\s+(?:CONSTRAINT\s+)?TRIGGER\b|\bENABLE\s+ROW\s+LEVEL\b"
    ),
    "takes rights or rows away": r"^\s*(?:REVOKE|DELETE|TRUNCATE)\b",
}


def contracting(sql: str) -> list[str]:
    """Each statement that takes away, renames or tightens, without the mark that says since when nobody needs it.

    Constraints and indexes of a table that the same file makes are no matter: no older code knows the table.
    """
    found = []
    new = {
        name.lower() for name in re.findall(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.]+)", sql, re.IGNORECASE)
    }
    for statement, marked in _statements(sql):
        table = re.search(r"(?:ALTER\s+TABLE|\bON)\s+(?:IF\s+EXISTS\s+|ONLY\s+)*([\w.]+)", statement, re.IGNORECASE)
        if marked or (table is not None and table[1].lower() in new and "DROP" not in statement.upper()):
            continue
        found += [
            f"{what}: {' '.join(statement.split())}"
            for what, pattern in _CONTRACTING.items()
            if re.search(pattern, statement, re.IGNORECASE | re.DOTALL)
        ]
    return found


def _statements(sql: str) -> list[tuple[str, bool]]:
    """The statements without texts and comments, each with whether it is marked."""
    found, words, marked = [], "", False
    for part in _PARTS.finditer(sql):
        text = part[0]
        if text.startswith("--"):
            marked = marked or MARK.fullmatch(text.strip()) is not None
        elif text == ";":
            found.append((words, marked))
            words, marked = "", False
        else:
            words += " " if text[0] in "'$" or text.startswith("/*") else text
    return [*found, (words, marked)]
