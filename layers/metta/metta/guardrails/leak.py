"""Stops replies that repeat the instructions, name the tools, or show keys, tokens and internal ids.

Overlap is measured in runs of eight words against what ``Guardrails.protect`` was given; the policy's facts stand in
the instructions too but are meant to be told, so they do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metta.actions import Action
from metta.guardrails.chars import fold
from metta.guardrails.hits import Hit
from metta.guardrails.normalise import View
from metta.guardrails.patterns import regex
from metta.guardrails.secrets import SECRET_MASK, find_secrets

if TYPE_CHECKING:
    from metta.messages import MessageContext
    from metta.policy import Policy

RUN = 8
"""Words in a row that make a repetition."""
_WORD = regex(r"[^\W_]+(?:-[^\W_]+){0,5}")
_CANARY = regex(r"\bcanary-[0-9a-f]{8,64}\b")
_INTERNAL_NAME = regex(r"\b[a-z]{2,30}(?:[A-Z][a-z]{1,30}){1,6}\b")


class SecretCheck:
    """Masks keys and tokens that a customer pasted; they reach neither model nor log."""

    def __call__(self, view: View, _context: MessageContext) -> list[Hit]:
        """One hit a secret."""
        return [
            Hit("leak", kind, *view.span(start, end), 0.99, Action.REDACT, SECRET_MASK)
            for kind, start, end in find_secrets(view)
        ]


class LeakCheck:
    """Judges replies for repeated instructions, internal names and secrets."""

    def __init__(self, policy: Policy) -> None:
        self._action = policy.checks.leak
        self._told = [fold(fact) for fact in (*policy.facts.values(), policy.tone, policy.company) if fact]
        self._runs: set[int] = set()
        self._names: set[str] = set()
        self.canary = policy.canary
        self._canaries = {self.canary}

    def protect(self, *texts: str) -> None:
        """Add texts that no reply may repeat."""
        for text in texts:
            self._canaries.update(_CANARY.findall(text))
            self._names.update(_INTERNAL_NAME.findall(text))
            folded = fold(text)
            for told in self._told:
                folded = folded.replace(told, " \x00 ")
            for part in folded.split("\x00"):
                words = _WORD.findall(part)
                self._runs.update(hash(tuple(words[i : i + RUN])) for i in range(len(words) - RUN + 1))

    def __call__(self, view: View, _context: MessageContext) -> list[Hit]:
        """Everything in the reply that must not be seen outside, also encoded or backwards."""
        hits = [Hit("leak", kind, *view.span(start, end), 0.95, self._action) for kind, start, end in self._found(view)]
        for inner, start, end in view.hidden:
            if found := self._found(inner):
                hits.append(Hit("leak", found[0][0], start, end, 0.95, self._action))
        return hits

    def _found(self, view: View) -> list[tuple[str, int, int]]:
        found = list(find_secrets(view))
        found += [("CANARY", m.start(), m.end()) for m in _CANARY.finditer(view.folded) if m.group() in self._canaries]
        squashed = "".join(char for char in view.folded if char.isalnum()) if not found else ""
        if any(canary.removeprefix("canary-") in squashed for canary in self._canaries):
            found.append(("CANARY", 0, len(view.text)))
        if self._names:
            found += [
                ("INTERNAL_NAME", m.start(), m.end())
                for m in _INTERNAL_NAME.finditer(view.text)
                if m.group() in self._names
            ]
        if self._runs:
            found += self._repeated(view)
        return found

    def _repeated(self, view: View) -> list[tuple[str, int, int]]:
        words = [(m.group(), m.start(), m.end()) for m in _WORD.finditer(view.folded)]
        found: list[tuple[str, int, int]] = []
        for i in range(len(words) - RUN + 1):
            if hash(tuple(word for word, _, _ in words[i : i + RUN])) in self._runs:
                start, end = words[i][1], words[i + RUN - 1][2]
                if found and found[-1][2] >= start:
                    start = found.pop()[1]
                found.append(("INSTRUCTIONS", start, end))
        return found
