"""From waiting messages to what shall leave: context, input guardrails, agent, output guardrails."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

from metta.bounds import Bounds
from metta.conversation import as_incoming, closed_reason, history, is_customers, read_thread, unanswered
from metta.customer import bounded, bounded_together, claim, weakest, with_transcripts
from metta.errors import ChatwootRefused, HandOff, NotStarted
from metta.guardrails import FixedText, detect_language, fixed_text
from metta.integrations.chatwoot.identity import identify
from metta.looking import refused
from metta.messages import (
    Action,
    Attachment,
    Author,
    HistoryEntry,
    Identity,
    IncomingMessage,
    MessageContext,
    Outcome,
    Turn,
    Verdict,
)
from metta.policy import Policy
from metta.ports import Agent, Chatwoot, Guardrails
from metta.settings import ChatwootSettings
from metta.state import ConversationState
from metta.timing import timed

STRENGTH = (Action.ALLOW, Action.REDACT, Action.BLOCK, Action.HANDOFF)
RESERVE_SECONDS = 8.0
"""Kept free of the model's time, for guards, sending and the audit."""
LEAST_RUN_SECONDS = 5.0
"""With less time than this the agent is not asked: it would be paid for an answer that it can hardly finish."""


class Answering:
    """Decides what a turn says; sends nothing.

    Args:
        chatwoot, agent, guardrails: the rooms.
        policy: limits and identity rules.
        settings: what is answered.
        bounds: what contact, conversation and day may still use.
    """

    def __init__(
        self,
        chatwoot: Chatwoot,
        agent: Agent,
        guardrails: Guardrails,
        policy: Policy,
        settings: ChatwootSettings,
        bounds: Bounds,
    ) -> None:
        self._chatwoot = chatwoot
        self._agent = agent
        self._guardrails = guardrails
        self._policy = policy
        self._settings = settings
        self._bounds = bounds

    async def prepare(
        self,
        turn: Turn,
        raw: Sequence[IncomingMessage],
        state: ConversationState,
        *,
        deadline: float,
        give_up: str | None,
    ) -> None:
        """Decide what shall leave: sets outcome, reason and reply.

        Args:
            turn: the turn; its messages are sanitized already, as all that is stored must be.
            raw: the same messages as the customer wrote them.
            state: the conversation.
            deadline: ``time.monotonic()`` value at which the whole turn must be over.
            give_up: why no model and no tool may be called any more.

        Raises:
            Retry: a dependency is down.
        """
        try:
            with timed(turn, "context"):
                view = await self._chatwoot.get_conversation(turn.key)
                if reason := (state.takeover and "human_took_over") or closed_reason(view, self._settings):
                    turn.outcome, turn.reason = Outcome.SKIPPED, reason
                    return
                thread = await read_thread(self._chatwoot, view, state)
                joined = {m.id: as_incoming(m, raw[-1]) for m in thread.waiting(state, turn.covered)}
                joined |= {message.message_id: message for message in raw}
                joined = unanswered(joined, thread, state)
                if not joined:
                    turn.outcome, turn.reason = Outcome.SKIPPED, "human_reply"
                    return
            with timed(turn, "guard_input"):
                verdict, claimed = self._judge_input(turn, [joined[id_] for id_ in sorted(joined)])
                context = self._context(turn, verdict)
                shown = history(thread, set(joined), context, self._guardrails, self._policy.limits)
                if claimed is None:
                    turn.identity = self._claimed_earlier(turn.identity, shown, context)
                context = context.model_copy(
                    update={"history": shown, "history_complete": thread.complete, "identity": turn.identity}
                )
            turn.history_complete = thread.complete
            turn.covered = tuple(sorted({*joined, *(m.id for m in thread.messages if is_customers(m))}))
            await self._decide(turn, state, context, verdict, deadline, give_up)
        except ChatwootRefused as error:
            refused(turn, error)
        except HandOff as error:
            turn.outcome, turn.reason = Outcome.HANDED_OFF, error.reason

    async def _decide(
        self,
        turn: Turn,
        state: ConversationState,
        context: MessageContext,
        verdict: Verdict,
        deadline: float,
        give_up: str | None,
    ) -> None:
        text = context.customer_text
        if verdict.action is Action.HANDOFF:
            raise HandOff("input", reason=verdict.reason.removeprefix("rules/").replace("/", ":"))
        if give_up:
            raise HandOff("last try", reason=give_up)
        with timed(turn, "bounds"):
            await self._bounds.check(turn, state)
        turn.outcome = Outcome.ANSWERED
        if verdict.action is Action.BLOCK:
            toxic = verdict.reason.startswith("toxicity")
            turn.reply = fixed_text(FixedText.ABUSE if toxic else FixedText.BLOCKED, turn.language)
            turn.reason = f"input_blocked:{verdict.reason}"
            return
        if not text.strip():
            files = any(message.attachments for message in turn.messages)
            turn.reply = fixed_text(FixedText.ATTACHMENT_ONLY if files else FixedText.EMPTY, turn.language)
            turn.reason = "attachment_only" if files else "empty"
            return
        await self._ask_agent(turn, context, deadline)

    async def _ask_agent(self, turn: Turn, context: MessageContext, deadline: float) -> None:
        typing = asyncio.create_task(self._chatwoot.set_typing(turn.key, on=True))
        try:
            async with self._bounds.paid(turn):
                seconds = min(self._policy.limits.run_seconds, deadline - time.monotonic() - RESERVE_SECONDS)
                if seconds < min(LEAST_RUN_SECONDS, self._policy.limits.run_seconds):
                    raise NotStarted("too little time left for the model", after_seconds=1)
                with timed(turn, "agent"):
                    reply = await self._agent.run(turn.messages, context, turn.work, seconds=seconds)
        finally:
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)
        if reply.handoff_reason is not None:
            raise HandOff("tool", reason="model_request")
        with timed(turn, "guard_output"):
            results = tuple(json.dumps(call.result, ensure_ascii=False) for call in turn.work.tool_calls)
            checked = self._guardrails.validate_output(reply.text, context.model_copy(update={"tool_results": results}))
        turn.output_verdict = checked
        if checked.action in (Action.BLOCK, Action.HANDOFF):
            raise HandOff("output", reason=f"output_blocked:{checked.reason}")
        if not checked.text.strip():
            raise HandOff("output", reason="output_blocked:empty")
        turn.reply = checked.text

    def _judge_input(self, turn: Turn, raw: Sequence[IncomingMessage]) -> tuple[Verdict, Identity | None]:
        """Guard all messages together (an attack may be split over a burst); their own texts are sanitized too.

        Returns:
            The verdict, and the identity that an address typed in these messages claims.
        """
        limit = self._policy.limits.input_chars
        context = self._context(turn, None)
        texts = bounded_together([with_transcripts(message) for message in raw], limit)
        original = bounded("\n".join(texts), limit)
        single = [self._guardrails.validate_input(text, context) for text in texts]
        whole = single[0] if len(single) == 1 else self._guardrails.validate_input(original, context)
        strongest = max((whole, *single), key=lambda verdict: STRENGTH.index(verdict.action))
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
            verdict.text, newest.language_hint, self._policy.default_language, self._policy.languages
        )
        return verdict, claimed

    def _claimed_earlier(self, identity: Identity, shown: Sequence[HistoryEntry], context: MessageContext) -> Identity:
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

    def _context(self, turn: Turn, verdict: Verdict | None) -> MessageContext:
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
