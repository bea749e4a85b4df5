"""Plays the person of the support team, who answers in the emulated Chatwoot and takes conversations over."""

from __future__ import annotations

from metta_local.chatwoot import ChatwootEmulator
from metta_local.chatwoot.people import NINA
from metta_local.playground.wishes import AgentWish, RefusedError


def act(chatwoot: ChatwootEmulator, wish: AgentWish) -> None:
    """Do what the wish says.

    Raises:
        RefusedError: there is no such conversation, or Chatwoot does not take it.
    """
    id_ = wish.conversation_id
    with chatwoot.lock:
        if id_ not in chatwoot.world.conversations:
            raise RefusedError("conversation_id", f"there is no conversation {id_}", status=404)
    try:
        match wish.action:
            case "reply":
                chatwoot.agent_writes(id_, wish.text)
            case "note":
                chatwoot.private_note(id_, wish.text)
            case "take_over":
                chatwoot.assign(id_, NINA)
                chatwoot.set_status(id_, "open")
            case "give_back":
                chatwoot.assign(id_, None)
                chatwoot.set_status(id_, "pending")
            case "resolve":
                chatwoot.set_status(id_, "resolved")
            case _:
                chatwoot.set_status(id_, "open")
    except ValueError as error:
        raise RefusedError("text", str(error)) from None
