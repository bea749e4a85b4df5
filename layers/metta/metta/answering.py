"""From waiting messages to what shall leave: context, input guardrails, agent, output guardrails."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import NoReturn

from metta.bounds import Bounds
from metta.conversation import as_incoming, closed_reason, history, is_customers, read_thread, unanswered, vouched
from metta.disclosing import disclose, due, room_taken
from metta.errors import ChatwootRefused, HandOff, NotStarted
from metta.guardrails import FixedText, fixed_text
from metta.guardrails.fit import fit
from metta.intake import Intake, context_of
from metta.looking import refused
from metta.messages import Action, IncomingMessage, MessageContext, Outcome, Turn, Verdict
from metta.policy import Policy, ToxicityAction, channel_name
from metta.ports import Agent, Chatwoot, Guardrails, SecondOpinion
from metta.settings import ChatwootSettings
from metta.state import ConversationState
from metta.timing import timed

RESERVE_SECONDS = 8.0
"""Kept free of the model's time, for guards, sending and the audit."""
LEAST_REPLY_CHARS = 100
"""However much room disclosures take, so long a reply may be."""
LEAST_RUN_SECONDS = 5.0
"""With less time than this the agent is not asked: it would be paid for an answer that it can hardly finish."""


class Answering:
    """Decides what a turn says; sends nothing.

    Args:
        chatwoot, agent, guardrails: the rooms.
        policy: limits and identity rules.
        settings: what is answered.
        bounds: what contact, conversation and day may still use.
        second_opinion: who else is asked about a customer's text; nobody when None.
    """

    def __init__(
        self,
        chatwoot: Chatwoot,
        agent: Agent,
        guardrails: Guardrails,
        policy: Policy,
        settings: ChatwootSettings,
        bounds: Bounds,
        *,
        second_opinion: SecondOpinion | None = None,
    ) -> None:
        self._chatwoot = chatwoot
        self._agent = agent
        self._guardrails = guardrails
        self._policy = policy
        self._settings = settings
        self._bounds = bounds
        self._second_opinion = second_opinion
        self._intake = Intake(guardrails, policy)

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
                raw = [vouched(message, view) for message in raw]
                thread = await read_thread(self._chatwoot, view, state)
                joined = {m.id: as_incoming(m, raw[-1]) for m in thread.waiting(state, turn.covered)}
                joined |= {message.message_id: message for message in raw}
                joined = unanswered(joined, thread, state)
                if not joined:
                    turn.outcome, turn.reason = Outcome.SKIPPED, "human_reply"
                    return
            with timed(turn, "guard_input"):
                verdict, claimed = self._intake.judge(turn, [joined[id_] for id_ in sorted(joined)])
                context = context_of(turn, verdict)
                shown = history(thread, set(joined), context, self._guardrails, self._policy.limits)
                if claimed is None:
                    turn.identity = self._intake.claimed_earlier(turn.identity, shown, context)
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
            self._hand_over(verdict)
        if give_up:
            raise HandOff("last try", reason=give_up)
        with timed(turn, "bounds"):
            await self._bounds.check(turn, state)
        turn.outcome = Outcome.ANSWERED
        disclosures = due(self._policy, state)
        if verdict.action is Action.BLOCK:
            self._decline(turn, verdict)
        elif not text.strip():
            files = any(message.attachments for message in turn.messages)
            turn.reply = fixed_text(FixedText.ATTACHMENT_ONLY if files else FixedText.EMPTY, turn.language)
            turn.reason = "attachment_only" if files else "empty"
        else:
            taken = room_taken(disclosures, self._policy, turn.language)
            await self._ask(turn, context, verdict, deadline, taken=taken)
        disclose(turn, disclosures, self._policy)

    def _hand_over(self, verdict: Verdict) -> NoReturn:
        raise HandOff("input", reason=verdict.reason.removeprefix("rules/").replace("/", ":"))

    def _decline(self, turn: Turn, verdict: Verdict) -> None:
        """Answer with a fixed text; which one depends on what the policy has for it, and none says why."""
        check, _, kind = verdict.reason.partition("/")
        wanted = {str(name): action for name, action in self._policy.checks.towards_toxicity.items()}
        calm = check == "toxicity" and wanted.get(kind) is ToxicityAction.CALM
        turn.reply = fixed_text(FixedText.ABUSE if calm else FixedText.BLOCKED, turn.language)
        turn.reason = f"input_blocked:{verdict.reason}"

    async def _ask(self, turn: Turn, context: MessageContext, verdict: Verdict, deadline: float, *, taken: int) -> None:
        """Let the agent answer, unless a second opinion on the customer's text is against it.

        Args:
            turn, context: as prepared.
            verdict: of the guardrails, on the customer's text.
            deadline: of the whole turn.
            taken: characters of the reply that disclosures need.
        """
        longest = self._longest(turn, taken)
        typing = asyncio.create_task(self._chatwoot.set_typing(turn.key, on=True))
        try:
            async with self._bounds.paid(turn):
                seconds = self._seconds_left(deadline, verdict)
                verdict = await self._with_second_opinion(turn, verdict)
                if verdict.action in (Action.BLOCK, Action.HANDOFF):
                    reply = None
                else:
                    turn.upset = self._is_upset(verdict)
                    context = context.model_copy(update={"reply_chars": longest, "upset": turn.upset})
                    with timed(turn, "agent"):
                        reply = await self._agent.run(turn.messages, context, turn.work, seconds=seconds)
        finally:
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)
        if verdict.action is Action.HANDOFF:
            self._hand_over(verdict)
        if reply is None:
            self._decline(turn, verdict)
            return
        if reply.handoff_reason is not None:
            raise HandOff("tool", reason="model_request")
        with timed(turn, "guard_output", text=reply.text):
            results = tuple(json.dumps(call.result, ensure_ascii=False) for call in turn.work.tool_calls)
            checked = self._guardrails.validate_output(reply.text, context.model_copy(update={"tool_results": results}))
        turn.output_verdict = checked
        if checked.action in (Action.BLOCK, Action.HANDOFF):
            raise HandOff("output", reason=f"output_blocked:{checked.reason}")
        if not checked.text.strip():
            raise HandOff("output", reason="output_blocked:empty")
        turn.reply = checked.text if longest is None else fit(checked.text.strip(), longest)

    def _seconds_left(self, deadline: float, verdict: Verdict) -> float:
        """Time for the agent, after that for a second opinion.

        Raises:
            NotStarted: too little is left for either.
        """
        limit = self._policy.limits.run_seconds
        asking = self._second_opinion.seconds(verdict) if self._second_opinion is not None else 0.0
        seconds = min(limit, deadline - time.monotonic() - RESERVE_SECONDS - asking)
        if seconds < min(LEAST_RUN_SECONDS, limit):
            raise NotStarted("too little time left for the model", after_seconds=1)
        return seconds

    async def _with_second_opinion(self, turn: Turn, verdict: Verdict) -> Verdict:
        if self._second_opinion is None or not self._second_opinion.seconds(verdict):
            return verdict
        with timed(turn, "second_opinion"):
            verdict = await self._second_opinion.ask(verdict, turn.work)
        turn.input_verdict = verdict
        return verdict

    def _longest(self, turn: Turn, taken: int) -> int | None:
        """The longest reply that the channel may have, in characters; None for any."""
        source = turn.messages[-1].contact_source_id if turn.messages else ""
        name = channel_name(turn.channel, source)
        limit = self._policy.max_reply_chars.get(name) if name is not None else None
        return None if limit is None else max(LEAST_REPLY_CHARS, limit - taken)

    def _is_upset(self, verdict: Verdict) -> bool:
        wanted = {str(name): action for name, action in self._policy.checks.towards_toxicity.items()}
        kinds = {finding.kind for finding in verdict.findings if finding.check == "toxicity"}
        return any(wanted.get(kind) is ToxicityAction.HELP for kind in kinds)
