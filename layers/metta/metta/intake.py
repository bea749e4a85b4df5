"""Takes in what a customer wrote: guarded as a whole and one by one, with the identity and language that it gives."""

from __future__ import annotations

from collections.abc import Sequence

from metta.customer import bounded, bounded_together, claim, weakest, with_transcripts
from metta.guardrails import detect_language
from metta.integrations.chatwoot.identity import identify
from metta.messages import (
    Action,
    Attachment,
    Author,
    HistoryEntry,
    Identity,
    IncomingMessage,
    MessageContext,
    Turn,
    Verdict,
)
from metta.policy import Policy
from metta.ports import Guardrails

_STRENGTH = (Action.ALLOW, Action.REDACT, Action.BLOCK, Action.HANDOFF)


class Intake:
    """Judges customers' messages before anything else is done with them.

    Args:
        guardrails: the checks.
        policy: limits, languages and identity rules.
    """

    def __init__(self, guardrails: Guardrails, policy: Policy) -> None:
        self._guardrails = guardrails
        self._policy = policy

    def judge(self, turn: Turn, raw: Sequence[IncomingMessage]) -> tuple[Verdict, Identity | None]:
        """Guard all messages together (an attack may be split over a burst); their own texts are sanitized too.

        Returns:
            The verdict, and the identity that an address typed in these messages claims.
        """
        limit = self._policy.limits.input_chars
        context = context_of(turn, None)
        texts = bounded_together([with_transcripts(message) for message in raw], limit)
        original = bounded("\n".join(texts), limit)
        single = [self._guardrails.validate_input(text, context) for text in texts]
        whole = single[0] if len(single) == 1 else self._guardrails.validate_input(original, context)
        strongest = max((whole, *single), key=lambda verdict: _STRENGTH.index(verdict.action))
        verdict = whole.model_copy(update={"action": strongest.action, "reason": strongest.reason})
        turn.messages = tuple(
            message.model_copy(update={"text": one.text, "attachments": self._clean(message)})
            for message, one in zip(raw, single, strict=True)
        )
        turn.input_verdict = verdict
        newest = raw[-1]
        known = weakest([identify(one, self._policy.identity) for one in raw])
        claimed = claim(known, original, verdict)
        turn.identity = claimed or known
        turn.language = detect_language(
            verdict.text or original, newest.language_hint, self._policy.default_language, self._policy.languages
        )
        return verdict, claimed

    def claimed_earlier(self, identity: Identity, shown: Sequence[HistoryEntry], context: MessageContext) -> Identity:
        """With nothing proved, the address that the customer typed last in this conversation counts."""
        for entry in reversed(shown):
            if entry.author is Author.CUSTOMER and "@" in entry.text:
                claimed = claim(identity, entry.text, self._guardrails.validate_input(entry.text, context))
                if claimed is not None:
                    return claimed
        return identity

    def _clean(self, message: IncomingMessage) -> tuple[Attachment, ...]:
        """Attachments with sanitized names; their transcripts are part of the message's text by now."""
        return tuple(
            file.model_copy(update={"name": self._guardrails.sanitize(file.name)[:100], "transcript": ""})
            for file in message.attachments
        )


def context_of(turn: Turn, verdict: Verdict | None) -> MessageContext:
    """What is known of the conversation; the customer's text only where a verdict gives the checked one."""
    return MessageContext(
        key=turn.key,
        inbox_id=turn.inbox_id,
        channel=turn.channel,
        contact=turn.contact,
        identity=turn.identity,
        language=turn.language,
        customer_text=verdict.text if verdict else "",
        turn_id=turn.id,
    )
