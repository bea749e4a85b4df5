"""Business rules from the policy on customers' messages: requests for a person, and topics that a person answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metta.actions import Action
from metta.guardrails.hits import Hit
from metta.guardrails.normalise import View
from metta.guardrails.patterns import regex
from metta.guardrails.phrases import phrases_of

if TYPE_CHECKING:
    from metta.messages import MessageContext
    from metta.policy import Policy, RuleKind

_ACTIONS: dict[RuleKind, Action] = {
    "human_request": Action.HANDOFF,
    "forbidden_topic": Action.HANDOFF,
    "forbidden_promise": Action.BLOCK,
    "competitor": Action.BLOCK,
    "unsupported_claim": Action.BLOCK,
    "other_language": Action.BLOCK,
}
_NOT_WANTED = regex(
    r"(?:\b(?:don'?t|do not|didn'?t|no need|not|never|without|rather than|instead of|are you|is this|is it|am i"
    r"|was that|nicht|kein\w{0,2}|no (?:quiero|necesito|hace falta)|ne (?:veux|souhaite) pas|nao (?:quero|preciso)"
    r"|non (?:voglio|serve)|niet|geen)\b(?: [^\W_]{1,14}){0,3} ?|\beres (?:un|una) ?)$"
)
"""Right before a phrase, this turns a request for a person into something else."""
BACK = 60
"""Characters before a phrase in which words may turn it round."""


def action_of(policy: Policy, kind: RuleKind) -> Action:
    """What the policy wants done where a rule fires."""
    return policy.rules.actions.get(kind, _ACTIONS[kind])


class InputRules:
    """Requests for a person and topics that Metta does not answer itself."""

    def __init__(self, policy: Policy) -> None:
        self._human = phrases_of(policy.rules.human_request)
        self._human_action = action_of(policy, "human_request")
        topics = [word for words in policy.rules.forbidden_topics.values() for word in words]
        self._topic = phrases_of(topics)
        self._topic_action = action_of(policy, "forbidden_topic")

    def __call__(self, view: View, _context: MessageContext) -> list[Hit]:
        """One hit a phrase."""
        hits = []
        for match in self._human.find(view.words, view.folded):
            if not _NOT_WANTED.search(view.folded, max(0, match.start() - BACK), match.start()):
                hits.append(Hit("rules", "human_request", *view.span(*match.span()), 1.0, self._human_action))
        for match in self._topic.find(view.words, view.folded):
            hits.append(Hit("rules", "forbidden_topic", *view.span(*match.span()), 1.0, self._topic_action))
        return hits
