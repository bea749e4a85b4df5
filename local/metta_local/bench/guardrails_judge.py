"""What ``metta bench guardrails`` asks of a text, and Metta's answer: the same as ``metta guard`` gives."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from metta.guardrails import Guardrails
from metta.messages import Action, Contact, ConversationKey, MessageContext
from metta.policy import load_policy
from metta_local.bench.guardrails_stats import Span

NOWHERE = MessageContext(key=ConversationKey(account_id=0, conversation_id=0), inbox_id=0, contact=Contact(id=0))
TYPES = ("EMAIL", "PHONE", "SSN", "CARD", "IBAN")
"""The kinds of personal data that rows are labelled with."""
_NOTE_ONLY = "profanity"
_BROKEN = "broken/"


@dataclass(frozen=True)
class Seen:
    """What a detector says of a text; a peer answers only what it is asked for."""

    pii: tuple[Span, ...] = ()
    injection: bool = False
    toxic: bool = False
    stopped: bool = False
    """Whatever the reason, the text goes no further."""
    broken: str = ""
    """The check that broke; it and those after it found nothing because they did not look."""


Look = Callable[[str], Seen]


def metta(guardrails: Guardrails | None = None) -> Look:
    """Metta's input checks under the packaged policy.

    A check that breaks stops the text, as in a turn, but has found nothing: else a broken check would have full recall.
    """
    built = guardrails or Guardrails(load_policy())
    # breaks are counted here; a log line for each of thousands would bury the figures
    logging.getLogger("metta.guardrails").addHandler(logging.NullHandler())

    def look(text: str) -> Seen:
        verdict = built.validate_input(text, NOWHERE)
        broken = verdict.reason.removeprefix(_BROKEN) if verdict.reason.startswith(_BROKEN) else ""
        found = verdict.findings
        return Seen(
            pii=tuple(sorted({Span(f.start, f.end, f.kind) for f in found if f.check == "pii"})),
            injection=any(f.check == "injection" for f in found),
            toxic=any(f.check == "toxicity" and f.kind != _NOTE_ONLY for f in found),
            stopped=verdict.action in (Action.BLOCK, Action.HANDOFF),
            broken=broken,
        )

    return look


def remembered(look: Look) -> Look:
    """``look``, asked once for each text: several figures are taken from the same rows."""
    known: dict[str, Seen] = {}

    def asked(text: str) -> Seen:
        if text not in known:
            known[text] = look(text)
        return known[text]

    return asked


class Watch:
    """Counts the texts that a check broke on, so that no figure is taken from them unawares."""

    def __init__(self) -> None:
        self.texts = 0
        self.broken: Counter[str] = Counter()

    def over(self, look: Look) -> Look:
        """``look``, with its breaks counted here."""

        def watched(text: str) -> Seen:
            seen = look(text)
            self.texts += 1
            if seen.broken:
                self.broken[seen.broken] += 1
            return seen

        return watched
