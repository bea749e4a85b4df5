"""What goes into a message besides its text: stored attachments, and the variables that Liquid may read."""

from __future__ import annotations

from metta_local.chatwoot.records import Bot, Contact, Conversation, Message, User, World
from metta_local.chatwoot.shapes import Json


def stored_attachment(world: World, message: Message, given: Json) -> Json:
    """An attachment as Chatwoot stores and shows it (contract 1.6)."""
    identity = world.next_attachment_id
    world.next_attachment_id += 1
    name = given.get("name", "photo.jpg")
    extension = name.rpartition(".")[2]
    kind = given.get("file_type", "image")
    shown = {"id": identity, "message_id": message.id, "file_type": kind, "account_id": world.account.id}
    if kind in ("location", "contact", "fallback"):
        return {**shown, "fallback_title": name, **{k: given[k] for k in given if k not in ("name", "file_type")}}
    url = f"https://chat.acme.example/rails/active_storage/blobs/redirect/{identity}/{name}"
    shown |= {
        "extension": extension,
        "content_type": given.get("content_type", f"{kind}/{'jpeg' if extension == 'jpg' else extension}"),
        "data_url": url,
        "thumb_url": url.replace("blobs", "representations") if kind == "image" else "",
        "file_size": 184233,
        "width": None,
        "height": None,
    }
    return shown | ({"transcribed_text": given.get("transcribed_text", "")} if kind == "audio" else {})


def liquid_variables(world: World, conversation: Conversation, sender: Contact | User | Bot | None) -> Json:
    """The names that Liquid in outgoing text can use (contract 3.2)."""
    contact = world.contacts[conversation.contact_inbox.contact_id]
    recent = [m for m in conversation.messages if not m.private and m.message_type in ("incoming", "outgoing")]
    first, _, last = contact.name.partition(" ")
    return {
        "contact": {
            "name": contact.name,
            "first_name": first,
            "last_name": last,
            "email": contact.email,
            "phone_number": contact.phone_number,
            "custom_attribute": contact.custom_attributes,
        },
        "agent": {
            "name": sender.name if sender else None,
            "first_name": sender.name.partition(" ")[0] if sender else None,
            "email": sender.email if isinstance(sender, User) else None,
        },
        "conversation": {
            "display_id": conversation.id,
            "contact_name": contact.name,
            "custom_attribute": conversation.custom_attributes,
            "recent_messages": "\n".join(message.content or "" for message in recent[-5:]),
        },
        "inbox": {"name": world.inboxes[conversation.inbox_id].name},
        "account": {"name": world.account.name},
    }
