"""The seams between rooms: what a turn needs of Chatwoot, Odoo, the agent, the guardrails and the audit log.

The rooms implement these; ``bootstrap`` wires them; tests put other implementations in their place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from pydantic import BaseModel

from metta.messages import (
    AgentReply,
    AgentWork,
    ConversationKey,
    ConversationView,
    HandOffStep,
    Identity,
    IncomingMessage,
    MessageContext,
    OutgoingMessage,
    SentMessage,
    ThreadMessage,
    Turn,
    Verdict,
)


class HandOffPlan(BaseModel):
    """What a hand-off consists of. ``done`` names the steps that an earlier try already recorded."""

    turn_id: str
    note: str
    """Private note for the team."""
    word: str | None = None
    """Short text for the customer; None where the channel cannot be replied to."""
    channel: str = ""
    team_id: int | None = None
    done: tuple[HandOffStep, ...] = ()


class Chatwoot(Protocol):
    """Chatwoot's API as a turn uses it.

    Every method raises ``ChatwootDown`` (transient), ``ChatwootRefused`` (final), and those that create a message
    ``SendUnknown`` where the effect is not known.
    """

    @property
    def may_list(self) -> bool:
        """Whether a token that may list messages is known to work; turns False after a 401 for bots."""
        ...

    async def get_conversation(self, key: ConversationKey) -> ConversationView:
        """The conversation as it is right now."""
        ...

    async def list_messages(
        self, key: ConversationKey, *, before: int | None = None, after: int | None = None
    ) -> tuple[ThreadMessage, ...]:
        """Messages by id, oldest first: the last 20, or as ``before``/``after`` say."""
        ...

    async def send_message(self, message: OutgoingMessage) -> SentMessage:
        """Create one message. Liquid is neutralised and the channel's format and length applied beforehand."""
        ...

    async def find_sent(
        self, key: ConversationKey, turn_id: str, *, last_known_id: int | None = None
    ) -> tuple[ThreadMessage, ...] | None:
        """Messages that carry ``turn_id``; empty when there surely are none; None when that cannot be known.

        ``last_known_id`` is a message id known to be older than anything the turn sent, best the newest one that the
        last look before sending saw; without it a token that may not list can hardly ever be sure. Such a token finds
        only the newest of them: parts are sent in order, so the earlier ones exist too.
        """
        ...

    async def mark_as_read(self, key: ConversationKey) -> bool:
        """Mark the conversation as seen; False when no token may do so."""
        ...

    async def set_typing(self, key: ConversationKey, *, on: bool) -> None:
        """Show or hide the typing sign. Best effort: a failure is logged, not raised."""
        ...

    async def raise_priority(self, key: ConversationKey, priority: str) -> None:
        """Give the conversation at least this priority: low, medium, high or urgent."""
        ...

    async def hand_off(
        self,
        key: ConversationKey,
        plan: HandOffPlan,
        recorded: Callable[[HandOffStep, SentMessage | None], Awaitable[None]],
    ) -> None:
        """Take the steps of ``plan`` that are not in ``plan.done``; ``recorded`` is awaited after each."""
        ...


class Shop(Protocol):
    """Odoo as the tools use it. Results are small pydantic models; ``OdooDown`` when it cannot be asked.

    Arguments are whatever a model passed: one that makes no sense finds nothing.
    """

    async def get_product(self, product_id: object, *, language: str = "en") -> BaseModel:
        """One product that is for sale, or ``found: false``."""
        ...

    async def search_products(self, query: object, *, language: str = "en") -> BaseModel:
        """Up to 10 products for sale."""
        ...

    async def get_order(self, order_number: object, *, identity: Identity, language: str = "en") -> BaseModel:
        """One order of this customer; not there and not theirs look alike."""
        ...

    async def get_orders_by_customer(self, email: object, *, identity: Identity, language: str = "en") -> BaseModel:
        """This customer's latest orders; any address but the proved one gives the empty answer."""
        ...


class Agent(Protocol):
    """The model with its tools."""

    async def run(
        self,
        messages: Sequence[IncomingMessage],
        context: MessageContext,
        work: AgentWork,
        *,
        seconds: float,
    ) -> AgentReply:
        """Answer the messages within ``seconds``; what was done is recorded in ``work`` even on failure.

        Raises:
            ModelDown, OdooDown, StateDown: may pass.
            ModelRefused, TooManyModelTurns, BudgetExhausted: a person takes over.
        """
        ...


class Guardrails(Protocol):
    """The checks before and after the agent. Pure CPU, no I/O, never slower than linear."""

    version: str

    def validate_input(self, text: str, context: MessageContext) -> Verdict:
        """Judge a customer's text."""
        ...

    def validate_output(self, text: str, context: MessageContext) -> Verdict:
        """Judge a text that a model wrote."""
        ...

    def sanitize(self, text: str) -> str:
        """The text without invisible characters and what must never be stored or shown (idempotent)."""
        ...


class SecondOpinion(Protocol):
    """Others who judge a customer's text where the guardrails are unsure; part of them, never of the agent."""

    def seconds(self, verdict: Verdict) -> float:
        """The most time that asking about this verdict takes; 0 when nobody is asked."""
        ...

    async def ask(self, verdict: Verdict, work: AgentWork) -> Verdict:
        """The verdict with what the others say about its text: as it was, or severer. Raises nothing of its own.

        Every request is recorded in ``work``.
        """
        ...


class Audit(Protocol):
    """The audit log. ``AuditDown`` when it cannot be written now."""

    async def save_turn(self, turn: Turn) -> None:
        """Write everything about the turn in one transaction, once however often it is called."""
        ...

    async def save_skip(self, message: IncomingMessage, reason: str) -> None:
        """Record that a customer message was not answered, and why; once per message and reason."""
        ...
