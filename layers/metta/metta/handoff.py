"""The private note with which a conversation goes to a person: what is wanted, what was tried, why it stopped.

In the team's language, from checked texts only, at most ``NOTE_CHARS`` long. What a stranger or a model wrote stands in
quotes (``metta.quoting``); everything else is words of our own (``guardrails/data/handoff_note.yaml``) and numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from metta.guardrails.note_texts import NoteWords, note_words
from metta.messages import Action, IdentityLevel, OutgoingKind, ToolCall, Turn
from metta.policy import TeamLanguage
from metta.quoting import quoted

NOTE_CHARS = 6000
"""No note is longer."""
WANTED_CHARS = 1500
"""Of the customer's text, from its beginning and its end."""
DRAFT_CHARS = 1500
MOST_LOOKUPS = 8
_ORDER_NUMBER = re.compile(r"[A-Za-z]{1,4}-?\d{1,8}")
"""The only argument of a tool that is told: all others are free text of a model."""
_WHATSAPP_SOURCE = "whatsapp:"


def note(
    turn: Turn,
    language: TeamLanguage = "en",
    *,
    now: datetime | None = None,
    waiting_since: datetime | None = None,
) -> str:
    """The note for ``turn``, in Markdown.

    Args:
        turn: a turn that ends with a person; its texts are sanitized.
        language: the team's.
        now: when the note is written; the present when None.
        waiting_since: since when something is unfinished, for turns that hold no message of the customer.
    """
    say = note_words(language)
    blocks = [f"**{say.words['title']}**: {say.reason(turn.reason)}."]
    if turn.delivery_unknown:
        blocks.append(f"**{say.words['maybe_delivered']}**")
    facts = list(_facts(turn, say, now or datetime.now(UTC), waiting_since))
    if facts:
        blocks.append("\n".join(f"- {fact}" for fact in facts))
    blocks += _wanted(turn, say)
    blocks += _draft(turn, say)
    return "\n\n".join(blocks)


def _facts(turn: Turn, say: NoteWords, now: datetime, waiting_since: datetime | None) -> Iterator[str]:
    if turn.input_verdict is not None or turn.identity.level is not IdentityLevel.ANONYMOUS:
        yield say.words["identity"].format(level=say.words[_identity(turn)])
    since = min((message.created_at for message in turn.messages), default=waiting_since)
    if since is not None:
        when = f"{since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        yield say.words["waiting"].format(when=when, long=_how_long((now - since).total_seconds(), say))
    yield say.words["tries"].format(n=turn.attempt)
    calls = turn.work.model_calls
    if failed := sum(bool(call.error) for call in calls):
        yield say.words["model_failures"].format(failed=failed, n=len(calls))
    lookups = list(dict.fromkeys(said for call in turn.work.tool_calls if (said := _lookup(call, say))))
    if lookups:
        shown = lookups if len(lookups) <= MOST_LOOKUPS else [*lookups[:MOST_LOOKUPS], "..."]
        yield say.words["looked_up"].format(what="; ".join(shown))
    files = Counter(file.file_type for message in turn.messages for file in message.attachments)
    named: Counter[str] = Counter()
    for kind, number in files.items():
        named[say.words.get(f"file_{kind}", say.words["file_other"])] += number
    if named:
        what = ", ".join(word if number == 1 else f"{number} x {word}" for word, number in named.items())
        yield say.words["attachments"].format(what=what)


def _identity(turn: Turn) -> str:
    """The name of the words that say how well the customer is known."""
    identity = turn.identity
    if identity.level is IdentityLevel.ANONYMOUS:
        return "not_known"
    if identity.level is IdentityLevel.CLAIMED:
        return "claimed"
    if identity.phone is not None:
        source = turn.messages[-1].contact_source_id if turn.messages else ""
        whatsapp = turn.channel == "Channel::Whatsapp" or source.startswith(_WHATSAPP_SOURCE)
        return "verified_whatsapp" if whatsapp else "verified_phone"
    return "verified_email" if turn.channel == "Channel::Email" else "verified_login"


def _how_long(seconds: float, say: NoteWords) -> str:
    minutes = max(0, int(seconds // 60))
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return say.words["days"].format(n=minutes // (24 * 60))


def _lookup(call: ToolCall, say: NoteWords) -> str:
    """What was looked up and what came of it; empty for a tool that looks up nothing."""
    name = say.words.get(f"tool_{call.name}", "")
    if not name:
        return ""
    number = call.arguments.get("orderNumber")
    if isinstance(number, str) and _ORDER_NUMBER.fullmatch(number):
        name = f"{name} {number}"
    if not call.ok:
        return f"{name} ({say.words['failed']})"
    found = call.result.get("found")
    return f"{name} ({say.words['found' if found else 'nothing_found']})" if isinstance(found, bool) else name


def _wanted(turn: Turn, say: NoteWords) -> Iterator[str]:
    """The customer's words: as judged together where they were, since a number may be split over two messages."""
    verdict = turn.input_verdict
    text = verdict.text if verdict is not None else "\n".join(message.text for message in turn.messages)
    if quote := quoted(text, WANTED_CHARS):
        yield f"**{say.words['wrote']}**:\n\n{quote}"
    elif verdict is not None and verdict.reason.startswith("broken"):
        yield say.words["not_shown"]


def _draft(turn: Turn, say: NoteWords) -> Iterator[str]:
    """The reply that the customer did not get, or not surely; never one that the guardrails stopped."""
    checked = turn.output_verdict
    if not turn.reply or (checked is not None and checked.action in (Action.BLOCK, Action.HANDOFF)):
        return
    kinds = {sent.kind for sent in turn.sent}
    if OutgoingKind.NOTE in kinds:  # shadow mode: the team has it already
        return
    name = "draft"
    if turn.delivery_unknown:
        name = "draft_unknown"
    elif OutgoingKind.REPLY in kinds:
        name = "draft_begun"
    if quote := quoted(turn.reply, DRAFT_CHARS):
        yield f"**{say.words[name]}**:\n\n{quote}"
