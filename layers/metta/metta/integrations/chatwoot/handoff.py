"""The steps by which a conversation goes to a person, each taken once; part of the client."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from metta.errors import ChatwootDown, ChatwootRefused
from metta.integrations.chatwoot.thread import mapping
from metta.messages import (
    ConversationKey,
    ConversationView,
    HandOffStep,
    JsonObject,
    OutgoingKind,
    OutgoingMessage,
    SentMessage,
)
from metta.ports import HandOffPlan

logger = logging.getLogger(__name__)


class Api(Protocol):
    """What the steps need of the client."""

    @property
    def own_user_id(self) -> int | None:
        """The user behind a user token, once known."""
        ...

    async def call(self, method: str, key: ConversationKey, below: str = "", *, json: JsonObject | None = None) -> Any:
        """One call below the conversation's URL."""
        ...

    async def get_conversation(self, key: ConversationKey) -> ConversationView:
        """The conversation right now."""
        ...

    async def send_message(self, message: OutgoingMessage) -> SentMessage:
        """Create one message."""
        ...


class HandOffSteps:
    """One hand-off under way.

    The step that counts is the status: an open conversation is one that people see. So a note or word that Chatwoot
    refuses for good is logged and left out, and so is a team; all else raises and the next try goes on from there.
    """

    def __init__(
        self,
        api: Api,
        key: ConversationKey,
        plan: HandOffPlan,
        recorded: Callable[[HandOffStep, SentMessage | None], Awaitable[None]],
    ) -> None:
        self._api = api
        self._key = key
        self._plan = plan
        self._recorded = recorded

    async def take(self) -> None:
        """Take the steps that are not done yet.

        Raises:
            ChatwootDown: may pass.
            SendUnknown: note or word may have been created.
            ChatwootRefused: the conversation cannot be opened.
        """
        plan = self._plan
        if HandOffStep.NOTE not in plan.done:
            await self._say(HandOffStep.NOTE, OutgoingKind.HANDOFF_NOTE, plan.note, private=True)
        if HandOffStep.WORD not in plan.done and plan.word:
            await self._say(HandOffStep.WORD, OutgoingKind.HANDOFF_WORD, plan.word, private=False)
        if HandOffStep.STATUS not in plan.done:
            await self._open()
            await self._recorded(HandOffStep.STATUS, None)
        if HandOffStep.TEAM not in plan.done and plan.team_id is not None:
            await self._give_to_team(plan.team_id)

    async def _say(self, step: HandOffStep, kind: OutgoingKind, text: str, *, private: bool) -> None:
        message = OutgoingMessage(
            key=self._key,
            turn_id=self._plan.turn_id,
            kind=kind,
            text=text,
            channel=self._plan.channel,
            private=private,
        )
        try:
            sent = await self._api.send_message(message)
        except ChatwootRefused as error:
            logger.warning("chatwoot: hand-off step refused", extra={"step": step.value, "error": str(error)})
            return
        await self._recorded(step, sent)

    async def _open(self) -> None:
        """Open the conversation and leave it unassigned if opening it assigned it to our own user.

        Chatwoot assigns a conversation to the user of role agent who opens it, even when it is open already; nobody
        reads what is assigned to an integration. A person whom auto-assignment chose stays.
        """
        before = await self._look()
        by_user = self._api.own_user_id is not None
        if before is None or before.status != "open":
            answer = await self._api.call("POST", self._key, "/toggle_status", json={"status": "open"})
            payload = mapping(mapping(answer).get("payload"))
            if payload.get("current_status") != "open":
                await self._make_sure_it_is_open(answered=bool(payload))
            # a bot's pending -> open is the one case that answers success: null
            by_user = by_user or (
                before is not None and before.status == "pending" and payload.get("success") is not None
            )
        if not by_user:
            return
        after = await self._look()
        if after is None or not after.human_assigned:
            return
        own = self._api.own_user_id
        if after.assignee_id == own or (own is None and before is not None and not before.human_assigned):
            await self._api.call("POST", self._key, "/assignments", json={"assignee_id": None})

    async def _make_sure_it_is_open(self, *, answered: bool) -> None:
        """Nobody sees a conversation that is only said to be open: an answer that does not say so is looked into."""
        after = await self._look()
        if after.status != "open" if after is not None else not answered:
            raise ChatwootDown("the conversation did not open")

    async def _look(self) -> ConversationView | None:
        """The conversation, or None where the token may not read it (a bot before 4.14.2, which is never assigned)."""
        try:
            return await self._api.get_conversation(self._key)
        except ChatwootRefused as error:
            if error.status == 401:
                return None
            raise

    async def _give_to_team(self, team_id: int) -> None:
        try:
            team = await self._api.call("POST", self._key, "/assignments", json={"team_id": team_id})
        except ChatwootRefused as error:
            logger.warning("chatwoot: hand-off step refused", extra={"step": "team", "error": str(error)})
            return
        if not mapping(team):
            logger.warning("chatwoot: hand-off team does not exist", extra={"team_id": team_id})
        await self._recorded(HandOffStep.TEAM, None)
