"""Runs the checks over one text and turns what they find into a verdict; implements ``metta.ports.Guardrails``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from metta.actions import Action, Direction
from metta.errors import GuardrailBroken
from metta.guardrails.asked import InputRules
from metta.guardrails.chars import strip_invisible
from metta.guardrails.hits import Check, Hit
from metta.guardrails.injection import InjectionCheck
from metta.guardrails.kept import kept
from metta.guardrails.leak import LeakCheck, SecretCheck
from metta.guardrails.lists import lists_version
from metta.guardrails.normalise import View
from metta.guardrails.personal import InputPersonalData, masked_for_keeps
from metta.guardrails.shorten import Excerpt, excerpt, shorten
from metta.guardrails.toxicity import InputToxicity

if TYPE_CHECKING:
    from metta.guardrails.replies import ReplyChecks
    from metta.messages import Finding, MessageContext, Verdict
    from metta.policy import Policy

RULES = "1"
"""Raised by hand when the code of a check changes what it finds."""

_REVERSING = "\u202e"
_MOST_FINDINGS = 200
"""Findings that a verdict lists; a text with more is hostile, and all of it is treated just the same."""
_LOG = logging.getLogger(__name__)
_SEVERITY = {Action.ALLOW: 0, Action.REDACT: 1, Action.BLOCK: 2, Action.HANDOFF: 3}


class Guardrails:
    """The checks before and after the agent. Built once per process; pure CPU, packaged data read when first needed.

    Args:
        policy: actions, thresholds, phrases and facts.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._leak = LeakCheck(policy)
        self._input: tuple[tuple[str, Check], ...] = (
            ("pii", InputPersonalData(policy)),
            ("leak", SecretCheck()),
            ("injection", InjectionCheck(policy)),
            ("toxicity", InputToxicity(policy)),
            ("rules", InputRules(policy)),
        )
        self.version = f"rules-{RULES}.{lists_version()}+policy-{policy.version or 'unversioned'}"

    @kept
    def _replies(self) -> ReplyChecks:
        from metta.guardrails.replies import ReplyChecks  # what judges messages need not wait for it

        return ReplyChecks(self._policy, self._leak)

    @kept
    def _verdict_type(self) -> type[Verdict]:
        from metta.messages import Verdict  # whoever has a context has read it already

        return Verdict

    @property
    def canary(self) -> str:
        """A word to put into the instructions; a reply that holds it repeats them and is stopped."""
        return self._leak.canary

    def protect(self, *texts: str) -> None:
        """Name texts (instructions, tool descriptions) that no reply may repeat: eight words in a row are a leak.

        The policy's facts are meant to be told and do not count.
        """
        self._leak.protect(*texts)

    @staticmethod
    def prepare() -> None:
        """Compile the patterns of all injection rules, since no single text needs all; 30 ms that a turn then saves."""
        from metta.guardrails.injection_rules import foreign_rules, rule_set

        for rule in (*rule_set().rules, *foreign_rules().rules):
            rule.pattern.search("")

    def validate_input(self, text: str, context: MessageContext) -> Verdict:
        """Judge a customer's text. What goes on is masked and shortened to the policy's ``input_chars``.

        Of a longer text only what can go on is judged, so that no length makes a message dear.
        """
        parts = excerpt(text, self._policy.limits.input_chars)
        return self._judge(Direction.INPUT, parts.text if parts else text, context, parts)

    def validate_output(self, text: str, context: MessageContext) -> Verdict:
        """Judge a text that a model wrote.

        Figures are checked only when the context says what the turn knew (``tool_results`` or ``customer_text``).
        """
        return self._judge(Direction.OUTPUT, text, context)

    def sanitize(self, text: str) -> str:
        """The text without invisible characters, cards, SSNs and secrets; idempotent, at any length.

        Raises:
            GuardrailBroken: the text could not be judged and must not be kept.
        """
        try:
            return masked_for_keeps(text, self._policy)
        except Exception as error:  # noqa: BLE001 - one answer to whatever breaks (I6)
            raise GuardrailBroken(f"sanitize failed ({type(error).__name__})") from None

    def _judge(
        self,
        direction: Direction,
        text: str,
        context: MessageContext,
        parts: Excerpt | None = None,
    ) -> Verdict:
        hits: list[Hit] = []
        below: dict[str, float] = {}
        name = "normalise"
        try:
            view = View(text)
            name = "rules"
            checks = self._input if direction is Direction.INPUT else self._replies.checks
            for name, check in checks:  # noqa: B007 - read when a check breaks
                for hit in check(view, context):
                    if hit.below:
                        below[hit.check] = max(hit.score, below.get(hit.check, 0.0))
                    else:
                        hits.append(hit)
            name = "redaction"
            safe = self._redacted(direction, text, hits, context)
            if direction is Direction.OUTPUT and safe != text:
                hits += _brought_together(safe, text, context, checks)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the text must not pass (I6)
            # no traceback, since it could show the customer's text
            _LOG.error(
                "guardrail broken", extra={"check": name, "direction": direction.value, "error": type(error).__name__}
            )
            return self._verdict(direction, Action.HANDOFF, f"broken/{name}", hits, "", parts=parts)
        action, reason = _worst(hits) if hits else (Action.ALLOW, "")
        if direction is Direction.OUTPUT and action is Action.REDACT and not safe.strip():
            action, reason = Action.BLOCK, "rules/nothing_left"
        return self._verdict(direction, action, reason, hits, safe, below, parts)

    def _redacted(self, direction: Direction, text: str, hits: list[Hit], context: MessageContext) -> str:
        safe = replaced(text, hits)
        if direction is Direction.OUTPUT and safe != text:
            safe = self._replies.rules.without_markup(safe, context)
        if _REVERSING in text or safe != text:
            # what stands there now may read differently: a mask, or an invisible sign gone, brings neighbours together
            safe = masked_for_keeps(safe, self._policy)
        return shorten(safe, self._policy.limits.input_chars) if direction is Direction.INPUT else safe

    def _verdict(
        self,
        direction: Direction,
        action: Action,
        reason: str,
        hits: list[Hit],
        text: str,
        below: Mapping[str, float] = MappingProxyType({}),
        parts: Excerpt | None = None,
    ) -> Verdict:
        return self._verdict_type(
            direction=direction,
            action=action,
            findings=_findings(hits, parts) if hits else (),
            text=text,
            reason=reason,
            version=self.version,
            below={check: round(score, 3) for check, score in below.items()},
        )


def _findings(hits: list[Hit], parts: Excerpt | None) -> tuple[Finding, ...]:
    """Each thing once, by its place in the whole text."""
    found = {(h.start, h.end, h.check, h.kind, round(h.score, 3)) for h in hits}
    if parts is not None:
        found = {(parts.place(start), parts.place(end), check, kind, score) for start, end, check, kind, score in found}
    from metta.messages import Finding

    return tuple(
        Finding(check=check, kind=kind, start=start, end=end, score=score)
        for start, end, check, kind, score in sorted(found)[:_MOST_FINDINGS]
    )


def replaced(text: str, hits: Iterable[Hit]) -> str:
    """``text`` with the places of hits that carry a replacement exchanged, invisible characters gone."""
    places = sorted([(hit.start, hit.end, hit.instead) for hit in hits if hit.instead is not None], key=_by_place)
    if not places:
        return strip_invisible(text)
    pieces: list[str] = []
    done = 0
    for start, end, instead in places:
        if start < done:
            continue
        pieces += (text[done:start], instead or "")
        done = end
    pieces.append(text[done:])
    return strip_invisible("".join(pieces))


def _brought_together(
    safe: str, text: str, context: MessageContext, checks: tuple[tuple[str, Check], ...]
) -> list[Hit]:
    """What stops a text only after something was taken out of it; nobody can say where that was before."""
    view = View(safe)
    hits = [hit for _, check in checks for hit in check(view, context)]
    return [
        hit._replace(start=0, end=len(text), instead=None)
        for hit in hits
        if hit.action in (Action.BLOCK, Action.HANDOFF)
    ]


def _worst(hits: list[Hit]) -> tuple[Action, str]:
    """What the gravest hit wants done, and its name; that of nothing to be done is empty."""
    worst = max(hits, key=lambda hit: (_SEVERITY[hit.action], hit.score))
    return worst.action, "" if worst.action is Action.ALLOW else f"{worst.check}/{worst.kind}"


def _by_place(place: tuple[int, int, str | None]) -> tuple[int, int]:
    return place[0], -place[1]
