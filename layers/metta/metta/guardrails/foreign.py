"""Judges texts that a tool brings from the shop: whether they tell about goods, or tell the assistant what to do.

A product's text is no customer's message: it may speak of games, voices and safety instructions, but it has no reason
to address an assistant, to name a tool or to say what a customer is to be told.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from metta.guardrails.injection import Evidence, InjectionCheck, matches, rule_evidence, words_in
from metta.guardrails.injection_rules import foreign_rules
from metta.guardrails.normalise import View

if TYPE_CHECKING:
    from metta.policy import Policy

_REMEMBERED = 4096
"""Texts whose verdict is kept; a shop repeats itself."""
_LOG = logging.getLogger(__name__)


def foreign_evidence(view: View, folded: str) -> Iterator[Evidence]:
    """What speaks for an instruction in a text about goods."""
    known = foreign_rules()
    found = list(rule_evidence(view, folded, framed=False))
    spared = [match.span() for match in known.harmless.finditer(folded)] if found else []
    for item in found:
        if not any(start <= item.start and item.end <= end for start, end in spared):
            factor = known.factors.get(item.rule, known.factors.get(item.rule.partition(".")[0], 1.0))
            yield item._replace(score=item.score * factor)
    for rule, start, end in matches(known.rules, words_in(view, folded), folded):
        yield Evidence(rule.id, start, end, rule.score)


class ForeignTextCheck:
    """Whether a text from the shop is an instruction; remembers its answers.

    Args:
        policy: the threshold of ``injection``; its action is about customers' messages and plays no part here.
    """

    def __init__(self, policy: Policy) -> None:
        from metta.messages import Contact, ConversationKey, MessageContext

        key = ConversationKey(account_id=0, conversation_id=0)
        self._nowhere = MessageContext(key=key, inbox_id=0, contact=Contact(id=0))
        self._check = InjectionCheck(policy, (foreign_evidence,))
        self._remembered = functools.lru_cache(maxsize=_REMEMBERED)(self._judge)
        foreign_rules()

    def __call__(self, text: str) -> bool:
        """True when the text must not reach a model; also when it could not be judged."""
        return self._remembered(text)

    def _judge(self, text: str) -> bool:
        try:
            return any(not hit.below for hit in self._check(View(text), self._nowhere))
        except Exception as error:  # noqa: BLE001 - whatever breaks, the text must not pass (I6)
            _LOG.error("a text from the shop could not be judged: %s", type(error).__name__)
            return True
