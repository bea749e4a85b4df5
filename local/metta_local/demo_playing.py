"""Writes the messages of a scene as its customer, for ``metta demo`` and the playground."""

from __future__ import annotations

import time

from metta_local.chatwoot import ChatwootEmulator
from metta_local.demo_scenes import Played, Scene


def write(chatwoot: ChatwootEmulator, scene: Scene) -> Played:
    """Write a scene's messages as its customer, in a conversation of their own."""
    customer, played = scene.customer, Played(scene)
    contact_id = customer.id
    if contact_id is None:
        contact_id = int(chatwoot.add_contact(customer.name, email=customer.email, phone_number=customer.phone)["id"])
    for said in scene.said:
        time.sleep(said.after_seconds)
        message = chatwoot.customer_writes(
            contact_id,
            said.text,
            scene.inbox_id,
            said.attachments,
            played.conversation_id or None,
            new_conversation=not played.conversation_id,
            language=scene.language,
        )
        played.conversation_id = message["conversation_id"]
        played.message_ids.append(message["id"])
    return played
