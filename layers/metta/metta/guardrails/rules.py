"""Business rules from the policy on replies: promises, competitors, language, links and markup."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, get_args

from metta.actions import Action
from metta.guardrails.asked import BACK, action_of
from metta.guardrails.chars import fold, strip_invisible
from metta.guardrails.hits import Hit
from metta.guardrails.language import surely_other
from metta.guardrails.links import find_markup
from metta.guardrails.normalise import View
from metta.guardrails.patterns import regex
from metta.guardrails.phrases import phrases_of
from metta.guardrails.promises import PromiseFinder
from metta.policy import Policy, PromiseKind

if TYPE_CHECKING:
    from metta.messages import MessageContext

_CANNOT = regex(
    r"\b(?:cannot|can'?t|can not|unable|not|never|don'?t|won'?t|no|nicht|kein\w{0,2}|leider|nao|non|niet|geen|ne|pas"
    r"|unfortunately)\b(?:[ ,][^\W_']{1,16}){0,4} ?$"
)
"""Right before a phrase, this turns a promise into a refusal."""
LONGEST_REPLY = 20_000
"""Characters; a longer reply is not one, since the policy bounds what a model may write."""
_ROUNDS = 8
"""Times that markup is taken out of a reply; what then still holds some was made to, and loses its brackets."""
_UNNESTED = {ord(bracket): None for bracket in "[]()<>{}"}
_PATTERN = 0.9
"""Score of a promise found by pattern: less than that of a phrase the policy names, or of a figure without source."""


class OutputRules:
    """Promises and names a reply must not hold; links and markup that could fetch or leak are taken out of it.

    Args:
        policy: phrases, facts and actions.
        today: the current date, which the model is told as well.
    """

    def __init__(self, policy: Policy, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> None:
        self._promise = phrases_of(policy.rules.forbidden_promises)
        self._promise_action = action_of(policy, "forbidden_promise")
        self._competitor = phrases_of(policy.rules.competitors)
        self._competitor_action = action_of(policy, "competitor")
        self._hosts = tuple(host.strip().lower().lstrip("*.") for host in policy.rules.allowed_link_hosts)
        self._facts = " ".join(policy.facts.values()).lower()
        self._promised = fold(" \n".join(policy.facts.values()))
        kinds: tuple[PromiseKind, ...] = get_args(PromiseKind)
        wanted = tuple(kind for kind in kinds if not policy.rules.promises.get(kind, False))
        self._promises = PromiseFinder(wanted, self._promised, today)
        self._language_action = action_of(policy, "other_language")

    def without_markup(self, text: str, context: MessageContext) -> str:
        """``text`` in which something was exchanged, without the links and markup that this brought together.

        Raises:
            ValueError: it does not come to rest.
        """
        for number in range(2 * _ROUNDS):
            if number == _ROUNDS:
                text = text.translate(_UNNESTED)
            found = find_markup(text, self._hosts, self._facts, context)
            if not found:
                return text
            pieces: list[str] = []
            done = 0
            for item in found:
                pieces += (text[done : item.start], item.instead)
                done = item.end
            text = strip_invisible("".join((*pieces, text[done:])))
        raise ValueError("markup within markup without end")

    def __call__(self, view: View, context: MessageContext) -> list[Hit]:
        """One hit a place; those of links and markup carry what stands there instead."""
        if len(view.original) > LONGEST_REPLY:
            return [Hit("rules", "too_long", LONGEST_REPLY, len(view.original), 1.0, Action.BLOCK)]
        hits = []
        for match in self._promise.find(view.words, view.folded):
            if match.group() in self._promised:  # the operator's own facts promise it
                continue
            if not _CANNOT.search(view.folded, max(0, match.start() - BACK), match.start()):
                hits.append(Hit("rules", "forbidden_promise", *view.span(*match.span()), 1.0, self._promise_action))
        for place in self._promises.find(view.folded, context.tool_results):
            hits.append(Hit("rules", "forbidden_promise", *view.span(*place), _PATTERN, self._promise_action))
        if context.turn_id and surely_other(view.text, context.language):  # elsewhere nobody knows who reads it
            hits.append(Hit("rules", "other_language", 0, len(view.original), 1.0, self._language_action))
        for match in self._competitor.find(view.words, view.folded):
            hits.append(Hit("rules", "competitor", *view.span(*match.span()), 1.0, self._competitor_action))
        for found in find_markup(view.original, self._hosts, self._facts, context):
            hits.append(Hit("rules", found.kind, found.start, found.end, 1.0, Action.REDACT, found.instead))
        return hits
