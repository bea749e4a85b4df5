"""What stands behind the ports in tests of the queue room: each effect a step that can fail, happen twice or kill."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from metta.errors import ChatwootRefused
from metta.messages import (
    AgentReply,
    AgentWork,
    Contact,
    ConversationKey,
    ConversationView,
    HandOffStep,
    IncomingMessage,
    MessageContext,
    ModelCall,
    OutgoingKind,
    OutgoingMessage,
    SentMessage,
    ThreadMessage,
    Turn,
)
from metta.ports import HandOffPlan

KEY = ConversationKey(account_id=3, conversation_id=84)
CONTACT = Contact(id=901, name="Lena Vogt", email="lena@example.org")
COST_USD = 15e-6
"""Of one run of the fake agent."""


class Killed(BaseException):
    """The process ends here; nothing after this line of the worker runs."""


class Steps:
    """Counts what happens outside and can end the process, or fail, before or after any of it."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.kill_at: int | None = None
        self.faults: dict[str, list[tuple[str, Exception | None]]] = {}
        self.meanwhile: dict[str, list[Callable[[], Any]]] = {}
        self.dead = False

    def fail(self, name: str, error: Exception, when: str = "before") -> None:
        """Let the next call of ``name`` raise ``error`` before or after its effect."""
        self.faults.setdefault(name, []).append((when, error))

    def during(self, name: str, happens: Callable[[], Any]) -> None:
        """Let something happen in the world while the next call of ``name`` is under way."""
        self.meanwhile.setdefault(name, []).append(happens)

    def pass_over(self, name: str) -> None:
        """Let one call of ``name`` pass before the next fault."""
        self.faults.setdefault(name, []).append(("", None))

    def _tick(self) -> None:
        if self.dead:
            raise Killed
        if self.kill_at is not None and len(self.names) >= self.kill_at:
            self.dead = True
            raise Killed

    def do(self, name: str, effect: Callable[[], Any] = lambda: None) -> Any:
        self._tick()
        when, error = self.faults[name].pop(0) if self.faults.get(name) else ("", None)
        if error is not None and when == "before":
            raise error
        self.names.append(f"before {name}")
        self._tick()
        if self.meanwhile.get(name):
            self.meanwhile[name].pop(0)()
        result = effect()
        self.names.append(f"after {name}")
        self._tick()
        if error is not None:
            raise error
        return result


class FakeChatwoot:
    """One conversation. ``bot`` as token kind: may not list, sees only the last message."""

    def __init__(self, steps: Steps, *, bot: bool = False) -> None:
        self.steps = steps
        self.bot = bot
        self.thread: list[ThreadMessage] = []
        self.status = "pending"
        self.assignee_type: str | None = None
        self.can_reply = True
        self.team: int | None = None
        self.priority: str | None = None
        self.channel = "Channel::WebWidget"
        self.contact = CONTACT
        self.contact_source_id = ""
        self.hmac_verified: bool | None = None
        self._ids = itertools.count(9001)
        self.on_get: list[Callable[[], None]] = []

    @property
    def may_list(self) -> bool:
        return not self.bot

    def add(self, text: str, message_type: str = "incoming", **extra: Any) -> ThreadMessage:
        extra.setdefault("id", next(self._ids))
        extra.setdefault("created_at", datetime.now(UTC))
        if message_type == "incoming":
            extra.setdefault("sender_type", "contact")
        message = ThreadMessage(text=text, message_type=message_type, **extra)
        self.thread.append(message)
        self.thread.sort(key=lambda one: one.id)
        return message

    @property
    def replies(self) -> list[str]:
        """What the customer got to read."""
        return [m.text for m in self.thread if m.message_type == "outgoing" and not m.private and m.turn_id]

    @property
    def notes(self) -> list[str]:
        return [m.text for m in self.thread if m.private]

    async def get_conversation(self, key: ConversationKey) -> ConversationView:
        if self.on_get:
            self.on_get.pop(0)()

        def view() -> ConversationView:
            public = [m for m in self.thread if m.message_type != "activity"]
            return ConversationView(
                key=key,
                inbox_id=11,
                status=self.status,
                can_reply=self.can_reply,
                assignee_type=self.assignee_type,
                assignee_id=21 if self.assignee_type else None,
                channel=self.channel,
                contact=self.contact,
                contact_source_id=self.contact_source_id,
                hmac_verified=self.hmac_verified,
                last_message=self.thread[-1] if self.thread else None,
                last_public_message=public[-1] if public else None,
            )

        view_now: ConversationView = self.steps.do("get", view)
        return view_now

    async def list_messages(
        self, key: ConversationKey, *, before: int | None = None, after: int | None = None
    ) -> tuple[ThreadMessage, ...]:
        if self.bot:
            raise ChatwootRefused("bots may not list", status=401)
        found = [m for m in self.thread if (after is None or m.id > after) and (before is None or m.id < before)]
        listed: tuple[ThreadMessage, ...] = self.steps.do("list", lambda: tuple(found[-20:]))
        return listed

    async def send_message(self, message: OutgoingMessage) -> SentMessage:
        def post() -> SentMessage:
            made = self.add(
                message.text,
                "outgoing",
                private=message.private,
                turn_id=message.turn_id,
                kind=message.kind.value,
                part=message.part,
                sender_type="agent_bot",
            )
            return SentMessage(
                kind=message.kind, message_id=made.id, text=made.text, private=made.private, part=made.part
            )

        sent: SentMessage = self.steps.do(f"post {message.kind.value}", post)
        return sent

    async def find_sent(
        self, key: ConversationKey, turn_id: str, *, last_known_id: int | None = None
    ) -> tuple[ThreadMessage, ...] | None:
        def find() -> tuple[ThreadMessage, ...] | None:
            if not self.bot:
                return tuple(m for m in self.thread if m.turn_id == turn_id)
            last = self.thread[-1]
            if last.turn_id == turn_id:
                return (last,)
            return () if last_known_id is not None and last.id <= last_known_id else None

        found: tuple[ThreadMessage, ...] | None = self.steps.do("find", find)
        return found

    async def mark_as_read(self, key: ConversationKey) -> bool:
        return True

    async def set_typing(self, key: ConversationKey, *, on: bool) -> None:
        return None

    async def raise_priority(self, key: ConversationKey, priority: str) -> None:
        self.steps.do("priority", lambda: setattr(self, "priority", priority))

    async def hand_off(
        self,
        key: ConversationKey,
        plan: HandOffPlan,
        recorded: Callable[[HandOffStep, SentMessage | None], Awaitable[None]],
    ) -> None:
        texts = {
            HandOffStep.NOTE: (OutgoingKind.HANDOFF_NOTE, plan.note, True),
            HandOffStep.WORD: (OutgoingKind.HANDOFF_WORD, plan.word, False),
        }
        for step in HandOffStep:
            if step in plan.done or (step is HandOffStep.TEAM and plan.team_id is None):
                continue
            sent = None
            if step in texts:
                kind, text, private = texts[step]
                if text is None:
                    continue
                sent = await self.send_message(
                    OutgoingMessage(key=key, turn_id=plan.turn_id, kind=kind, text=text, private=private)
                )
            elif step is HandOffStep.STATUS:
                self.steps.do("status", lambda: setattr(self, "status", "open"))
            else:
                self.steps.do("team", lambda: setattr(self, "team", plan.team_id))
            await recorded(step, sent)


class FakeAgent:
    """Answers with what it was asked, or does what the test put in ``script``."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.runs: list[tuple[tuple[str, ...], MessageContext]] = []
        self.script: list[AgentReply | Exception | Callable[[], None]] = []

    async def run(
        self, messages: Sequence[IncomingMessage], context: MessageContext, work: AgentWork, *, seconds: float
    ) -> AgentReply:
        def think() -> AgentReply:
            self.runs.append((tuple(m.text for m in messages), context))
            work.model_calls.append(
                ModelCall(
                    model="fake",
                    input_tokens=10,
                    output_tokens=5,
                    cost_usd=COST_USD,
                    started_at=datetime.now(UTC),
                    duration_ms=1,
                )
            )
            step = self.script.pop(0) if self.script else None
            if isinstance(step, Exception):
                raise step
            if isinstance(step, AgentReply):
                return step
            if step is not None:
                step()
            return AgentReply(text="About that: " + " / ".join(m.text for m in messages))

        reply: AgentReply = self.steps.do("agent", think)
        return reply


class FakeAudit:
    """Keeps turns by id, as the real one does."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.turns: dict[str, Turn] = {}
        self.skips: list[tuple[int, str]] = []

    async def save_turn(self, turn: Turn) -> None:
        self.steps.do("audit", lambda: self.turns.setdefault(turn.id, turn.model_copy(deep=True)))

    async def save_skip(self, message: IncomingMessage, reason: str) -> None:
        self.steps.do("skip", lambda: self.skips.append((message.message_id, reason)))


class MortalDynamoDB:
    """The real table through moto; a dead process cannot write to it any more."""

    def __init__(self, client: Any, steps: Steps) -> None:
        self._client = client
        self._steps = steps

    def update_item(self, **kwargs: Any) -> dict[str, Any]:
        kind = kwargs["Key"]["id"]["S"].partition("#")[0]
        if kind == "turn":
            name = "acquire" if "ADD tries" in kwargs["UpdateExpression"] else "save"
        else:
            taken = "DELETE" not in kwargs["UpdateExpression"]
            name = {
                "rate": "count",
                "budget": "reserve" if taken else "settle",
                "misses": "try" if taken else "give back",
            }[kind]
        written: dict[str, Any] = self._steps.do(name, lambda: self._client.update_item(**kwargs))
        return written
