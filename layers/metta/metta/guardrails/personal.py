"""What happens to personal data: masked on input as the policy says, stopped on output unless it is the customer's own.

``masked_for_keeps`` is what logs, audit and history get: no cards, SSNs or secrets, and nothing invisible.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from metta.actions import Action
from metta.guardrails.chars import strip_invisible
from metta.guardrails.hits import Hit
from metta.guardrails.normalise import View
from metta.guardrails.patterns import regex
from metta.guardrails.pii import MASKS, Found, find_pii
from metta.guardrails.secrets import SECRET_MASK, find_secrets

if TYPE_CHECKING:
    from metta.messages import MessageContext
    from metta.policy import PiiKind, Policy

_INPUT: dict[PiiKind, Action] = {
    "EMAIL": Action.ALLOW,
    "PHONE": Action.ALLOW,
    "SSN": Action.REDACT,
    "CARD": Action.REDACT,
    "IBAN": Action.REDACT,
}
_NEVER_KEPT = ("CARD", "SSN")
_ROUNDS = 4
"""Masking may bring a number nearer to a word that says what it is; more rounds than this are not worth it."""
_LONG_NUMBER = regex(r"\d(?:[^\w\n]{0,4}\d){8,}+")


class InputPersonalData:
    """Masks, blocks or passes personal data that a customer typed."""

    def __init__(self, policy: Policy) -> None:
        self._actions = _INPUT | policy.pii.input
        self._threshold = policy.checks.thresholds.pii

    def __call__(self, view: View, _context: MessageContext) -> list[Hit]:
        """Every kind is reported; what the policy does not allow is masked as well."""
        hits = []
        for found in find_pii(view):
            action: Action = self._actions[found.kind]  # type: ignore[index]
            if found.score >= self._threshold:
                instead = MASKS[found.kind] if action is not Action.ALLOW else None
                start, end = view.span(found.start, found.end)
                hits.append(Hit("pii", found.kind, start, end, found.score, action, instead))
        return hits


class OutputPersonalData:
    """Stops personal data that is neither the customer's own nor from this turn's sources nor from the facts."""

    def __init__(self, policy: Policy) -> None:
        self._actions = dict.fromkeys(_INPUT, Action.BLOCK) | policy.pii.output
        self._threshold = policy.checks.thresholds.pii
        self._facts = _values(" \n".join(policy.facts.values()))

    def __call__(self, view: View, context: MessageContext) -> list[Hit]:
        """Only what may not leave is reported."""
        suspects = [found for found in find_pii(view) if found.score >= self._threshold]
        if not suspects:
            return []
        own = self._own(context)
        hits = []
        for found in suspects:
            if found.kind in _NEVER_KEPT or not _known(found, own):
                action: Action = self._actions[found.kind]  # type: ignore[index]
                instead = MASKS[found.kind] if action is not Action.ALLOW else None
                start, end = view.span(found.start, found.end)
                hits.append(Hit("pii", found.kind, start, end, found.score, action, instead))
        return hits

    def _own(self, context: MessageContext) -> set[str]:
        from metta.guardrails.sources import read_told  # nothing but a reply has tool results

        own = set(self._facts)
        addresses = (context.contact.email, context.contact.phone, context.identity.email, context.identity.phone)
        own.update(_comparable(address) for address in addresses if address)
        told = read_told(context.tool_results)
        for text in (context.customer_text, *told.typed, *told.codes):
            own |= _values(text)
        return own


def _comparable(address: str) -> str:
    return address.strip().lower() if "@" in address else "".join(c for c in address if c.isdigit())


def _values(text: str) -> set[str]:
    return {found.value for found in find_pii(View(text))} | {
        digits for token in re.findall(r"\+?\d[\d ()./-]{6,20}\d", text) if len(digits := _comparable(token)) >= 7
    }


def _known(found: Found, own: set[str]) -> bool:
    if found.value in own:
        return True
    if found.kind != "PHONE":
        return False
    national = found.value.lstrip("0")
    return any(_same_line(national, value.lstrip("0")) for value in own if value.isdigit())


def _same_line(one: str, other: str) -> bool:
    """Whether two numbers are one line, with and without the country's prefix."""
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= 7 and longer.endswith(shorter)


def masked_for_keeps(text: str, policy: Policy) -> str:
    """``text`` without invisible characters, cards, SSNs, secrets and whatever else the policy masks on input."""
    text = strip_invisible(text)
    for _ in range(_ROUNDS):
        masked = _masked_once(text, policy)
        if masked == text:
            return text
        text = masked
    return strip_invisible(_LONG_NUMBER.sub("[NUMBER]", text))


def _masked_once(text: str, policy: Policy) -> str:
    view = View(text)
    actions = _INPUT | policy.pii.input
    places = [
        (*view.span(found.start, found.end), MASKS[found.kind])
        for found in find_pii(view)
        if found.kind in _NEVER_KEPT or actions[found.kind] is not Action.ALLOW  # type: ignore[index]
    ]
    places += [(*view.span(start, end), SECRET_MASK) for _, start, end in find_secrets(view)]
    if not places:
        return text
    pieces: list[str] = []
    done = 0
    for start, end, mask in sorted(places):
        if start >= done:
            pieces += (text[done:start], mask)
            done = end
    pieces.append(text[done:])
    return strip_invisible("".join(pieces))
