"""A conversation as far as its turns tell of it: what a page shows of a real Chatwoot, which it does not look into."""

from __future__ import annotations

from collections.abc import Sequence

from metta.messages import JsonObject
from metta_local.playground.channels import channel_id
from metta_local.playground.live_turn import LiveTurn


def conversation_known_from(turns: Sequence[LiveTurn]) -> JsonObject:
    """The conversation, in the shape of ``chat.conversation_view``.

    Args:
        turns: those of one conversation, each with rows or a turn; at least one.
    """
    ordered = sorted(turns, key=lambda one: str(_row(one)["started_at"]))
    last = _row(ordered[-1])
    contact = next((one.turn.contact for one in reversed(ordered) if one.turn is not None), None)
    messages: dict[tuple[int, str], JsonObject] = {}
    for one in ordered:
        messages |= {(message["id"] or 0, message["text"]): message for message in _messages(one)}
    return {
        "id": last["conversation_id"],
        "name": None,
        "customer": {
            "id": last["contact_id"],
            "name": contact.name if contact is not None else "",
            "email": contact.email if contact is not None else None,
            "phone": contact.phone if contact is not None else None,
        },
        "channel": channel_id(last["channel"]),
        "identity_hint": last["identity_level"],
        "status": "open" if last["outcome"] == "handed_off" else "pending",
        "assignee": None,
        "priority": None,
        "typing": False,
        "updated_at": last["finished_at"] or last["started_at"],
        "messages": [messages[key] for key in sorted(messages)],
    }


def _row(one: LiveTurn) -> JsonObject:
    row = one.latest_row()
    assert row is not None
    return row


def _messages(one: LiveTurn) -> list[JsonObject]:
    """The customer's, as they were kept, and what Metta sent."""
    row = _row(one)
    shared = {"status": "sent", "error": None}
    asked = [
        {
            **shared,
            "id": message["message_id"],
            "from": "customer",
            "author": "",
            "text": message["text"] or "",
            "private": False,
            "kind": None,
            "turn_id": None,
            "attachments": [
                {"name": file.get("name", ""), "file_type": file.get("file_type", "file")}
                for file in message["attachments"] or ()
            ],
            "created_at": message["created_at"],
        }
        for message in row["incoming_messages"]
    ]
    said = [
        {
            **shared,
            "id": message["message_id"],
            "from": "metta",
            "author": "Metta",
            "text": message["text"] or "",
            "private": message["private"],
            "kind": message["kind"],
            "turn_id": row["id"],
            "attachments": [],
            "created_at": row["finished_at"] or row["started_at"],
        }
        for message in row["outgoing_messages"]
    ]
    return asked + said
