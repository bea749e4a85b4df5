"""What customers and agents do in the emulated Chatwoot, as methods for the demo, the playground and tests."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from metta_local.chatwoot.dispatch import Dispatcher
from metta_local.chatwoot.lifecycle import Lifecycle
from metta_local.chatwoot.records import STATUSES, Contact, ContactInbox, Conversation, Inbox, Message, Webhook, World
from metta_local.chatwoot.shapes import BROWSER, Json, Shapes, iso, rails_json

NINA = 21
"""The human agent."""


class People:
    """The methods; ``ChatwootEmulator`` holds what they work on."""

    world: World
    shapes: Shapes
    lifecycle: Lifecycle
    lock: threading.RLock
    clock: Callable[[], float]
    _dispatcher: Dispatcher

    def add_contact(
        self,
        name: str,
        *,
        email: str | None = None,
        phone_number: str | None = None,
        identifier: str | None = None,
        blocked: bool = False,
    ) -> Json:
        """A new customer."""
        with self.lock:
            contact = Contact(max(self.world.contacts) + 1, name, email, phone_number, identifier, blocked)
            self.world.contacts[contact.id] = contact
            body = {**self.shapes.contact_in_webhook(contact), "event": "contact_created"}
            self._dispatcher.emit("contact_created", None, lambda: body)
            return _copy(self.shapes.contact(contact))

    def add_webhook(self, url: str, subscriptions: Sequence[str], secret: str | None = None) -> int:
        """An administrator registers one more account webhook; its id."""
        with self.lock:
            webhook = Webhook(2 + len(self.world.webhooks), url, tuple(subscriptions), secret)
            self.world.webhooks.append(webhook)
            return webhook.id

    def opens_widget(self, contact_id: int, inbox_id: int = 11, *, language: str = "de") -> None:
        """A visitor opens the chat on the website; no message yet."""
        with self.lock:
            contact, inbox = self.world.contacts[contact_id], self.world.inboxes[inbox_id]
            row = self._contact_inbox(contact, inbox)
            conversation = self._conversation_for(row, None, new=False)
            self._dispatcher.emit(
                "webwidget_triggered",
                conversation,
                lambda: self.shapes.webwidget_triggered(row, conversation, language),
                inbox_id=inbox_id,
            )

    def customer_writes(
        self,
        contact_id: int,
        text: str | None,
        inbox_id: int = 11,
        attachments: Sequence[Mapping[str, Any]] = (),
        conversation_id: int | None = None,
        *,
        new_conversation: bool = False,
        language: str | None = None,
        hmac_verified: bool = False,
        content_type: str | None = None,
        content_attributes: Mapping[str, Any] | None = None,
        auto_reply: bool = False,
        mail_from: str | None = None,
    ) -> Json:
        """A customer's message, into their latest conversation of the inbox unless told otherwise.

        Args:
            contact_id: who writes.
            text: None for a file without a caption.
            inbox_id: 11 website, 12 WhatsApp, 13 e-mail.
            attachments: for each ``file_type`` and ``name``, for audio also ``transcribed_text``.
            conversation_id: an existing conversation of that contact.
            new_conversation: start one even if there is one.
            language: of the browser, on the website.
            hmac_verified: the shop vouched for the contact's identifier.
            content_type: text, or incoming_email in the e-mail inbox, unless given.
            content_attributes: more of them.
            auto_reply: an e-mail that a machine wrote.
            mail_from: the ``From`` of an e-mail when it is somebody else's.

        Returns:
            The message as the API shows it.
        """
        with self.lock:
            contact, inbox = self.world.contacts[contact_id], self.world.inboxes[inbox_id]
            row = self._contact_inbox(contact, inbox)
            row.hmac_verified = row.hmac_verified or hmac_verified
            conversation = self._conversation_for(row, conversation_id, new_conversation)
            if conversation is None:
                conversation = self.lifecycle.start_conversation(row, inbox, _start(inbox, language, auto_reply))
            attributes: Json = {"in_reply_to": None} if inbox.channel == "Channel::WebWidget" else {}
            if inbox.channel == "Channel::Email":
                attributes |= _mail(mail_from or row.source_id, text or "", auto_reply)
            message = self.lifecycle.create_message(
                conversation,
                text,
                "incoming",
                contact,
                content_type=content_type or ("incoming_email" if inbox.channel == "Channel::Email" else "text"),
                content_attributes={**attributes, **(content_attributes or {})},
                source_id=None if inbox.channel == "Channel::WebWidget" else f"in.{self.world.next_message_id}",
                attachments=[dict(one) for one in attachments],
            )
            return _copy(self.shapes.api_message(message))

    def agent_writes(self, conversation_id: int, text: str, user_id: int = NINA) -> Json:
        """A person of the team answers the customer."""
        return self._outgoing(conversation_id, text, self.world.users[user_id])

    def private_note(self, conversation_id: int, text: str, user_id: int = NINA) -> Json:
        """A person of the team leaves a note."""
        return self._outgoing(conversation_id, text, self.world.users[user_id], private=True)

    def echo_from_phone(self, conversation_id: int, text: str) -> Json:
        """A person answers in the channel's own app; Chatwoot hears of it without a sender."""
        with self.lock:
            conversation = self.world.conversations[conversation_id]
            message = self.lifecycle.create_message(
                conversation,
                text,
                "outgoing",
                None,
                content_attributes={"external_echo": True},
                source_id=f"wamid.ECHO{self.world.next_message_id}",
            )
            message.status, message.reached_customer = "delivered", True
            return _copy(self.shapes.api_message(message))

    def assign(self, conversation_id: int, user_id: int | None = NINA) -> Json:
        """Assign a person, or nobody with None."""
        with self.lock:
            conversation = self.world.conversations[conversation_id]
            if user_id is not None and user_id not in self.world.users:
                raise ValueError(f"no user {user_id}")
            self.lifecycle.assign(conversation, user_id, by="Mia Admin")
            return self.conversation(conversation_id)

    def set_status(self, conversation_id: int, status: str) -> Json:
        """Somebody in the dashboard opens, resolves, snoozes or gives back to the bot."""
        if status not in STATUSES:
            raise ValueError(f"status must be one of {STATUSES}")
        with self.lock:
            self.lifecycle.set_status(self.world.conversations[conversation_id], status, "Nina Kraus")
            return self.conversation(conversation_id)

    def redeliver(self, message_id: int) -> None:
        """Dispatch a message's event once more, under a new delivery id, as Chatwoot does under load."""
        with self.lock:
            self.lifecycle.announce_message("message_created", self._message(message_id))

    def messages(self, conversation_id: int) -> list[Json]:
        """Every message as the API shows it, private and activity included."""
        with self.lock:
            conversation = self.world.conversations[conversation_id]
            return [_copy(self.shapes.api_message(message)) for message in conversation.messages]

    def customer_sees(self, conversation_id: int) -> list[str]:
        """The texts that reached the customer, in order."""
        with self.lock:
            conversation = self.world.conversations[conversation_id]
            return [message.content or "" for message in conversation.messages if message.reached_customer]

    def conversation(self, conversation_id: int) -> Json:
        """A conversation as the API shows it."""
        with self.lock:
            return _copy(self.shapes.api_conversation(self.world.conversations[conversation_id]))

    def conversations(self) -> list[Json]:
        """All conversations as the API shows them."""
        with self.lock:
            return [self.conversation(identity) for identity in sorted(self.world.conversations)]

    def _outgoing(self, conversation_id: int, text: str, sender: Any, *, private: bool = False) -> Json:
        with self.lock:
            conversation = self.world.conversations[conversation_id]
            message = self.lifecycle.create_message(conversation, text, "outgoing", sender, private=private)
            shown = _copy(self.shapes.api_message(message))
            self.lifecycle.run_channel(message)
            return shown

    def _message(self, message_id: int) -> Message:
        for conversation in self.world.conversations.values():
            for message in conversation.messages:
                if message.id == message_id:
                    return message
        raise LookupError(f"no message {message_id}")

    def _contact_inbox(self, contact: Contact, inbox: Inbox) -> ContactInbox:
        for row in self.world.contact_inboxes:
            if (row.contact_id, row.inbox_id) == (contact.id, inbox.id):
                return row
        row = ContactInbox(
            self.world.next_contact_inbox_id, contact.id, inbox.id, _source_id(contact, inbox), self.clock()
        )
        self.world.next_contact_inbox_id += 1
        self.world.contact_inboxes.append(row)
        return row

    def _conversation_for(self, row: ContactInbox, wanted: int | None, new: bool) -> Conversation | None:
        if wanted is not None:
            return self.world.conversations[wanted]
        theirs = [one for one in self.world.conversations.values() if one.contact_inbox is row]
        return theirs[-1] if theirs and not new else None


def _copy(shown: Json) -> Json:
    return dict(json.loads(rails_json(shown)))


def _source_id(contact: Contact, inbox: Inbox) -> str:
    if inbox.channel == "Channel::Whatsapp" and contact.phone_number:
        return contact.phone_number.lstrip("+")
    if inbox.channel in ("Channel::Sms", "Channel::TwilioSms") and contact.phone_number:
        return contact.phone_number
    if inbox.channel == "Channel::Email" and contact.email:
        return contact.email
    return str(uuid.uuid4())


def _start(inbox: Inbox, language: str | None, auto_reply: bool) -> Json:
    """What a conversation knows about its beginning."""
    if inbox.channel == "Channel::WebWidget":
        return {
            "browser": dict(BROWSER),
            "referer": "https://shop.example/orders",
            "initiated_at": {"timestamp": "Wed Jun 17 2026 12:00:00 GMT+0200"},
            **({"browser_language": language} if language else {}),
        }
    if inbox.channel == "Channel::Email":
        return {
            "source": "email",
            "in_reply_to": None,
            "auto_reply": auto_reply,
            "mail_subject": "My order",
            "initiated_at": {"timestamp": iso(0)},
        }
    return {}


def _mail(sender: str, text: str, auto_reply: bool) -> Json:
    """``content_attributes`` of an incoming e-mail."""
    return {
        "email": {
            "bcc": None,
            "cc": None,
            "content_type": "text/plain; charset=utf-8",
            "date": iso(0),
            "from": [sender],
            "headers": None,
            "html_content": {},
            "in_reply_to": None,
            "message_id": f"{uuid.uuid4()}@mail.example",
            "multipart": False,
            "number_of_attachments": 0,
            "references": [],
            "subject": "My order",
            "text_content": {"full": text, "reply": text, "quoted": text},
            "to": ["support@acme.example"],
            "auto_reply": auto_reply,
        },
        "cc_email": None,
        "bcc_email": None,
    }
