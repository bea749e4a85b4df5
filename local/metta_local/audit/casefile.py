"""A conversation's audit rows as a case file: what happened, in its order, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from metta.messages import JsonObject
from metta_local.audit import words
from metta_local.audit.plain import Paper, counted, inline
from metta_local.audit.turnfile import attachments, clock, turn_file, written

_MOST_PROBLEMS = 20
_KNOWN = (
    ("name", "contact_name"),
    ("e-mail", "contact_email"),
    ("phone", "contact_phone"),
    ("the shop's own id", "contact_identifier"),
)


def case_file(record: JsonObject, paper: Paper, *, only_turn: bool = False) -> None:
    """Write the file of a conversation.

    Args:
        record: as ``read_conversation`` gives it, with ``chain``.
        paper: where to.
        only_turn: leave out what is not the turn's.
    """
    _title(record, paper)
    number = 0
    for kind, row in events(record):
        if only_turn and kind != "turn":
            continue
        paper.line()
        if kind == "turn":
            number += 1
            turn_file(row, f"Turn {number} of {len(record['turns'])}", paper)
        elif kind == "contact":
            _contact(row, paper)
        elif kind == "skip":
            _skip(row, paper)
        else:
            _erasure(row, paper)
    paper.line()
    _chain(record["chain"], paper)


def events(record: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Kind and row of everything that happened, in its order."""
    order = {"contact": 0, "turn": 1, "skip": 2, "erasure": 3, "retention": 3}
    found: list[tuple[str, str, JsonObject]] = [
        *((row["observed_at"], "contact", row) for row in record["metadata"]),
        *((row["started_at"], "turn", row) for row in record["turns"]),
        *((row["created_at"], "skip", row) for row in record["skips"]),
        *((row["written_at"], row["kind"], row) for row in record["erasures"]),
    ]
    for _, kind, row in sorted(found, key=lambda one: (datetime.fromisoformat(one[0]), order[one[1]])):
        yield kind, row


def _title(record: JsonObject, paper: Paper) -> None:
    paper.line(f"Conversation {record['account_id']}:{record['conversation_id']}", style="bold")
    turns, skips, erasures = (len(record[name]) for name in ("turns", "skips", "erasures"))
    parts = [counted(turns, "turn")]
    if skips:
        parts.append(f"{counted(skips, 'message')} not answered")
    if erasures:
        parts.append(counted(erasures, "erasure"))
    contacts = sorted({row["contact_id"] for name in ("turns", "skips", "metadata") for row in record[name]})
    paper.line(
        f"{', '.join(parts)}; contact {', '.join(map(str, contacts)) or 'unknown'} of Chatwoot; all times are UTC.",
        indent=2,
    )


def _contact(row: JsonObject, paper: Paper) -> None:
    paper.line(f"{clock(row['observed_at'])}  The customer as Chatwoot knew them from here on", style="bold")
    known = [f"{name} {inline(row[column])}" for name, column in _KNOWN if row[column]]
    if not known and all(row[column] is None for _, column in _KNOWN):
        known = ["nothing is left: it was erased"]
    blocked = ", blocked in Chatwoot" if row["contact_blocked"] else ""
    paper.line(f"Contact {row['contact_id']}{blocked}: {', '.join(known) or 'no name and no address'}.", indent=2)
    paper.line("Anyone may have edited these; what was proved stands in each turn.", indent=2, style="dim")


def _skip(row: JsonObject, paper: Paper) -> None:
    paper.line(f"{clock(row['created_at'])}  Message {row['message_id']} was not answered", style="bold")
    paper.field("Why", f"{words.not_answered(inline(row['reason']))} ({inline(row['reason'])})")
    where = f"{inline(words.channel(row['channel']))}, inbox {row['inbox_id']}, contact {row['contact_id']}"
    paper.field("Where", f"{where}; kind of message: {inline(row['content_type'])}")
    written(row["text"], paper)
    attachments(row["attachments"], paper)
    paper.line(f"Written down at {clock(row['saved_at'])}.{_escaped(row)}", indent=2, style="dim")


def _erasure(row: JsonObject, paper: Paper) -> None:
    facts = row["facts"] if isinstance(row["facts"], dict) else {}
    through = facts.get("through", "?")
    if row["kind"] == "erasure":
        said = f"Contents were erased: entries up to {inline(through)} keep their structure and their proof alone"
    else:
        said = f"Entries up to {inline(through)} were removed, since they were old"
    paper.line(f"{clock(row['written_at'])}  {said}", style="magenta")
    paper.field("On the word of", inline(row["subject"] or "nobody named"))
    others = [f"{inline(name)} {inline(value)}" for name, value in facts.items() if name not in ("through", "mac")]
    if others:
        paper.field("What it says of itself", ", ".join(others))
    paper.line(f"Entry {row['number']} of the chain.", indent=2, style="dim")


def _escaped(row: JsonObject) -> str:
    return " It held what PostgreSQL cannot keep, escaped as \\u0000." if row["escaped"] else ""


def _chain(chain: JsonObject, paper: Paper) -> None:
    if chain["sound"] is None:
        paper.line(f"Whether this is what Metta wrote was not checked: {chain['why']}.", style="yellow")
        return
    if not chain["sound"]:
        paper.line("THE LOG OF THIS CONVERSATION IS NOT AS METTA WROTE IT:", style="red")
        for problem in chain["problems"][:_MOST_PROBLEMS]:
            paper.line(inline(problem), indent=2, style="red")
        if (more := len(chain["problems"]) - _MOST_PROBLEMS) > 0:
            paper.line(f"and {more} more; `metta audit verify` names all", indent=2)
        return
    sound = f"The chain is sound: {counted(chain['entries'], 'entry', 'entries')} with {counted(chain['rows'], 'row')}"
    paper.line(f"{sound}, each as Metta wrote it{_erased(chain['erased'])}.", style="green")
    if chain["unkeyed"]:
        unkeyed = counted(chain["unkeyed"], "entry was", "entries were")
        paper.line(f"{unkeyed} sealed without a key (AUDIT_KEY), which proves nothing against people.", style="yellow")
    if not chain["end_compared"]:
        paper.line(
            f"Its end was not compared with the one kept outside the database ({chain['why']}): "
            "whether the newest entries were cut off is not known.",
            style="yellow",
        )


def _erased(count: int) -> str:
    return f"; the contents of {counted(count, 'entry', 'entries')} were erased" if count else ""
