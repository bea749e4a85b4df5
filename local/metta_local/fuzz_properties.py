"""What holds for every text whatever: each property looks at a text and says what is wrong, or nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from metta.guardrails import ForeignTextCheck, Guardrails
from metta.guardrails.hidden import readings
from metta.guardrails.normalise import View
from metta.messages import Action, Contact, ConversationKey, MessageContext, Verdict
from metta.policy import load_policy

NOWHERE = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))
TURN = NOWHERE.model_copy(
    update={
        "turn_id": "3:7:1",
        "contact": Contact(id=901, name="Lena Vogt", email="lena@example.org", phone="+4915112345678"),
        "customer_text": "Where is S00042? I paid 60 euros on June 1st.",
        "tool_results": ('{"found": true, "orderNumber": "S00042", "total": "57.39 €", "promisedFor": "2026-06-20"}',),
    }
)
_INSTRUCTIONS = "You are the assistant of this shop and you follow these rules always and everywhere, call getOrder"
_NEVER_LEFT = ("CARD", "SSN", "IBAN")
_MOST_READINGS = 64
_MOST_SHOWN = 150
_LONG_WORD = 4

Property = Callable[[str], str | None]
"""Gives what is wrong with the answer to a text, or None."""


class Subject:
    """The guardrails with the packaged policy, as a worker builds them."""

    def __init__(self) -> None:
        policy = load_policy()
        self.guardrails = Guardrails(policy)
        self.guardrails.protect(_INSTRUCTIONS)
        self.foreign = ForeignTextCheck(policy)

    def properties(self) -> Mapping[str, Property]:
        """Name -> property; each may be asked about any text."""
        return {
            "input is judged": lambda text: self._judged(text, self.guardrails.validate_input(text, NOWHERE)),
            "output is judged": self._output,
            "sanitized text is final": self._sanitized,
            "masked text is final": self._masked,
            "a text from the shop is judged": self._foreign,
            "every character of the view has a place": _placed,
            "every other reading has a place": _read,
        }

    def _output(self, text: str) -> str | None:
        for context in (NOWHERE, TURN):
            verdict = self.guardrails.validate_output(text, context)
            wrong = self._judged(text, verdict) or self._reply_left(verdict, context)
            if wrong:
                return wrong
        return None

    def _reply_left(self, verdict: Verdict, context: MessageContext) -> str | None:
        """A reply out of which something was taken leaves as it is then: judged again, nothing more is taken out."""
        if verdict.action is not Action.REDACT:
            return None
        again = self.guardrails.validate_output(verdict.text, context)
        if again.text == verdict.text:
            return None
        return f"what was taken out leaves {_shown(verdict.text)}, of which {_shown(again.text)} is left"

    def _judged(self, text: str, verdict: Verdict) -> str | None:
        if verdict.reason.startswith("broken/"):
            return f"the verdict is {verdict.reason}"
        for found in verdict.findings:
            if not 0 <= found.start <= found.end <= len(text):
                return f"{found.check}/{found.kind} at {found.start}-{found.end} of {len(text)} characters"
            if not 0 <= found.score <= 1:
                return f"{found.check}/{found.kind} has the score {found.score}"
        if (verdict.action is Action.ALLOW) != (verdict.reason == ""):
            return f"{verdict.action.value} for the reason {verdict.reason!r}"
        try:
            verdict.text.encode()
        except UnicodeEncodeError:
            return "the verdict's text holds a lone surrogate"
        line = json.dumps({"text": verdict.text, "findings": [f.model_dump() for f in verdict.findings]})
        if not line.isascii() or json.loads(line)["text"] != verdict.text:
            return "the answer does not survive JSON"
        return None

    def _sanitized(self, text: str) -> str | None:
        once = self.guardrails.sanitize(text)
        twice = self.guardrails.sanitize(once)
        if twice != once:
            return f"sanitizing again gives {_shown(twice)} in place of {_shown(once)}"
        try:
            once.encode()
        except UnicodeEncodeError:
            return "the sanitized text holds a lone surrogate"
        return self._left(once, "the sanitized text")

    def _masked(self, text: str) -> str | None:
        """What goes on to the model, judged again, holds nothing that had to be masked, and stays as it is."""
        once = self.guardrails.validate_input(text, NOWHERE).text
        twice = self.guardrails.validate_input(once, NOWHERE).text
        if twice != once:
            return f"masking again gives {_shown(twice)} in place of {_shown(once)}"
        return self._left(once, "the masked text")

    def _left(self, text: str, what: str) -> str | None:
        for found in self.guardrails.validate_input(text, NOWHERE).findings:
            if found.kind in _NEVER_LEFT or found.check == "leak":
                return f"{what} still has {found.check}/{found.kind}: {_shown(text)}"
        return None

    def _foreign(self, text: str) -> str | None:
        first = self.foreign(text)
        return None if self.foreign(text) == first else "the second answer is another"


def _shown(text: str) -> str:
    shown = ascii(text)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."


def _placed(text: str) -> str | None:
    view = View(text)
    if len(view.folded) != len(view.text):
        return f"the folded view has {len(view.folded)} characters, the view {len(view.text)}"
    if view.unleeted is not None and len(view.unleeted) != len(view.folded):
        return f"without leetspeak the view has {len(view.unleeted)} characters, with it {len(view.folded)}"
    for at in range(len(view.text)):
        start, end = view.span(at, at + 1)
        if not 0 <= start < end <= len(text):
            return f"character {at} of the view ({_shown(view.text[at])}) stands for {start}-{end} of {len(text)}"
    start, end = view.span(0, len(view.text))
    if not 0 <= start <= end <= len(text):
        return f"the whole view stands for {start}-{end} of {len(text)}"
    for inner, start, end in view.hidden:
        if not 0 <= start <= end <= len(text):
            return f"{_shown(inner.text)} is hidden in {start}-{end} of {len(text)}"
    return None


def _read(text: str) -> str | None:
    view = View(text)
    found = list(readings(text, view.text, view.folded, view.words, view.octets))
    if len(found) > _MOST_READINGS:
        return f"there are {len(found)} other readings"
    for reading in found:
        if not 0 <= reading.start <= reading.end <= len(view.text):
            return f"{_shown(reading.text)} is read in {reading.start}-{reading.end} of {len(view.text)}"
    return None


def unchanged(text: str) -> str | None:
    """For plain English in ASCII only: the view is the text itself, place for place, and hides nothing."""
    view = View(text)
    if view.text != text:
        return f"the view reads {_shown(view.text)}"
    if view.hidden:
        return f"{_shown(view.hidden[0][0].text)} is said to be hidden"
    moved = next((i for i in range(len(text)) if view.span(i, i + 1) != (i, i + 1)), None)
    return None if moved is None else f"character {moved} stands for {view.span(moved, moved + 1)}"


def share_read_back(disguised: str, text: str) -> float:
    """Which part of the long words of ``text`` the view of its disguise holds in some reading; 1 when it holds all."""
    found = [_letters(reading) for reading in _all_readings(View(disguised))]
    if any(_letters(text) in letters for letters in found):
        return 1.0
    words = [word for word in map(_letters, text.split()) if len(word) >= _LONG_WORD]
    return max(sum(word in letters for word in words) for letters in found) / len(words)


def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalpha())


def _all_readings(view: View) -> Iterator[str]:
    yield view.folded
    if view.unleeted is not None:
        yield view.unleeted
    for inner, _, _ in view.hidden:
        yield from _all_readings(inner)


class _Complaints(logging.Handler):
    """Keeps what the guardrails log as errors, since a broken check says so there and nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record, and stay short."""
        self.lines.append(
            f"{record.getMessage()} {getattr(record, 'check', '')} {getattr(record, 'error', '')}".strip()
        )


@contextmanager
def _listening() -> Iterator[list[str]]:
    logger = logging.getLogger("metta.guardrails")
    handler, told_others = _Complaints(), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = told_others


def complaint(check: Property, text: str) -> str | None:
    """What ``check`` finds wrong with ``text``: also that it raises, or that the guardrails log an error."""
    with _listening() as lines:
        try:
            wrong = check(text)
        except Exception as error:  # noqa: BLE001 - that nothing is raised is what is checked
            return f"raises {type(error).__name__}: {str(error)[:_MOST_SHOWN]}"
    if wrong or not lines:
        return wrong
    return f"an error is logged: {lines[0]}"


def shrunk(check: Property, text: str, looks: int = 400) -> str:
    """A shorter text that ``check`` still complains of: halves, quarters and so on are left out while it does."""
    size = len(text) // 2
    while size and looks:
        at = 0
        while at < len(text) and looks:
            shorter = text[:at] + text[at + size :]
            looks -= 1
            if complaint(check, shorter):
                text = shorter
            else:
                at += size
        size //= 2
    return text
