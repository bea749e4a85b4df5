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
_WORD = regex(r"[^\W\d_]+(?:\d[^\W_]{0,20})?")
"""A number alone is none, so that numbered lines repeat what they number."""
_CANARY = regex(r"\bcanary-[0-9a-f]{8,64}\b")
_INTERNAL_NAME = regex(r"\b[a-z]{2,30}(?:[A-Z][a-z]{1,30}){1,6}\b")
_JOINED_NAME = regex(r"(?<![^\W_])[a-z]{2,30}(?:_[a-z]{1,30}){1,6}(?![^\W_])")
_CAPITAL = regex(r"(?=[A-Z])")
_RECORD = regex(
    r"\b(?:res|sale|account|stock|product|ir|mail|crm|delivery|purchase)\."
    r"(?:partner|users|company|country|order(?:\.line)?|move(?:\.line)?|picking|product|template|quant|carrier"
    r"|config_parameter|message|lead|payment)\b(?=[ ]?[(\[,:#]| \d)"
)
"""What Odoo calls its records."""
_OWN_RULES = regex(
    r"(?<![^\W_])(?:"
    r"(?:my|these are my|here are my|here is my) (?:system prompt|prompt|(?:internal |hidden )?guidelines"
    r"|(?:system |hidden |initial |internal |original )?instructions?) ?"
    r"(?:says?|states?|reads?|tells? me|requires?|forbids?|(?:is|are) as follows|(?:is|are)? ?:)"
    r"|i (?:was|have been) (?:instructed|programmed|prompted|configured) (?:to|not to|never to|that)\b"
    r"|in mein(?:em|en) (?:system-?prompt|anweisungen|vorgaben) (?:steht|stehen)"
    r"|(?:meine (?:system)?(?:anweisungen?|instruktionen|vorgaben)|mein (?:system-?)?prompt) ?"
    r"(?:lautet|lauten|besag(?:t|en)|sag(?:t|en)|:)"
    r"|mis instrucciones ?(?:dicen|son|indican|:)|mi prompt ?(?:dice|es|:)"
    r"|mes (?:instructions|consignes) ?(?:disent|sont|indiquent|:)"
    r"|(?:as )?minhas instrucoes ?(?:dizem|sao|indicam|:)|(?:le )?mie istruzioni ?(?:dicono|sono|indicano|:)"
    r"|mijn (?:instructies|systeemprompt) ?(?:zeggen|zegt|luiden|luidt|zijn|:))"
    r"(?! ?(?:internal|confidential|private|secret|not|intern|vertraulich|nicht|confidencial\w{0,2}|internas?|no"
    r"|confidentielles?|internes?|pas|nao|riservate|interne|non|vertrouwelijk|niet)\b)"
)
"""A reply that tells what it was told, in whatever words and language."""


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
            names = _INTERNAL_NAME.findall(text)
            self._names.update(names)
            self._names.update(_CAPITAL.sub("_", name).lower() for name in names)
            folded = fold(text)
            for told in self._told:
                folded = folded.replace(told, " \x00 ")
            for part in folded.split("\x00"):
                words = _WORD.findall(part)
                for order in (words, words[::-1]):
                    self._runs.update(hash(tuple(order[i : i + RUN])) for i in range(len(order) - RUN + 1))

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
                for pattern, text in ((_INTERNAL_NAME, view.text), (_JOINED_NAME, view.folded))
                for m in pattern.finditer(text)
                if m.group() in self._names
            ]
        found += [("INTERNAL_NAME", m.start(), m.end()) for m in _RECORD.finditer(view.folded)]
        found += [("INSTRUCTIONS", m.start(), m.end()) for m in _OWN_RULES.finditer(view.folded)]
        if self._runs:
            found += self._repeated(view.folded)
            if view.unleeted is not None:
                found += self._repeated(view.unleeted)
        return found

    def _repeated(self, folded: str) -> list[tuple[str, int, int]]:
        words = [(m.group(), m.start(), m.end()) for m in _WORD.finditer(folded)]
        found: list[tuple[str, int, int]] = []
        for i in range(len(words) - RUN + 1):
            if hash(tuple(word for word, _, _ in words[i : i + RUN])) in self._runs:
                start, end = words[i][1], words[i + RUN - 1][2]
                if found and found[-1][2] >= start:
                    start = found.pop()[1]
                found.append(("INSTRUCTIONS", start, end))
        return found
