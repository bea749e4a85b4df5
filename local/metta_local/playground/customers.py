"""Plays the customers: who they are on which channel, and writing as one of them into the emulated Chatwoot."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass

from metta.messages import IdentityLevel, JsonObject
from metta_local.chatwoot import ChatwootEmulator
from metta_local.chatwoot.lifecycle import UnprocessableError
from metta_local.playground.channels import Channel
from metta_local.playground.wishes import RefusedError, Wish

BURST_SECONDS = 0.4
"""Between two messages of a burst."""
OTHER_MAIL = "written.from.elsewhere@example.net"
"""From where a customer writes whose e-mail proves nothing."""


@dataclass(frozen=True)
class Known:
    """A customer whom the emulated shop knows."""

    id: str
    name: str
    email: str
    phone: str
    note: str


CUSTOMERS = {
    one.id: one
    for one in (
        Known("lena", "Lena Vogt", "lena@example.org", "+4915112345678", "ordered S00042, which is on its way"),
        Known("marco", "Marco Bianchi", "marco@example.com", "+393475550199", "ordered S00043"),
        Known(
            "sofia",
            "Sofía García",
            "sofia@example.net",
            "+34600111222",
            "ordered S00050; the shop has no phone number of hers",
        ),
    )
}
_NAMES = ("Emma Brown", "Jonas Weber", "Ruth Ames", "Paul Stone", "Nora Lind", "Ivan Petrov", "Aylin Kaya", "Tom Baker")


class Customers:
    """Writes what a wish says; safe to call from any thread.

    Args:
        chatwoot: where to.
        channels: by id.
    """

    def __init__(self, chatwoot: ChatwootEmulator, channels: dict[str, Channel]) -> None:
        self._chatwoot = chatwoot
        self._channels = channels
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._contacts: dict[tuple[str, str, IdentityLevel], int] = {}
        """Contacts of known customers: one for each way in which they are known, since Chatwoot remembers a proof."""
        self._mail_from: dict[int, str] = {}

    def write(self, wish: Wish) -> JsonObject:
        """Write all texts of a wish, as a burst where they are several.

        Returns:
            ``{"conversation_id", "message_ids"}``.

        Raises:
            RefusedError: there is no such conversation, or Chatwoot does not take the message.
        """
        conversation_id = wish.conversation_id
        if conversation_id is None:
            contact_id, inbox_id, verified = self._somebody(wish)
            mail_from = OTHER_MAIL if wish.channel == "email" and wish.identity is IdentityLevel.CLAIMED else None
        else:
            contact_id, inbox_id = self._of(conversation_id)
            verified, mail_from = False, self._mail_from.get(conversation_id)
        ids: list[int] = []
        for place, text in enumerate(wish.texts):
            if place:
                time.sleep(BURST_SECONDS)
            files = wish.attachments if place == len(wish.texts) - 1 else ()
            try:
                message = self._chatwoot.customer_writes(
                    contact_id,
                    text or None,
                    inbox_id,
                    [{"name": file.name, "file_type": file.file_type} for file in files],
                    conversation_id,
                    new_conversation=conversation_id is None,
                    language=wish.language,
                    hmac_verified=verified,
                    mail_from=mail_from,
                )
            except UnprocessableError as error:
                raise RefusedError("texts", f"Chatwoot does not take it: {error}") from None
            conversation_id = int(message["conversation_id"])
            ids.append(message["id"])
            if mail_from is not None:
                self._mail_from[conversation_id] = mail_from
        return {"conversation_id": conversation_id, "message_ids": ids}

    def _of(self, conversation_id: int) -> tuple[int, int]:
        with self._chatwoot.lock:
            conversation = self._chatwoot.world.conversations.get(conversation_id)
            if conversation is None:
                raise RefusedError("conversation_id", f"there is no conversation {conversation_id}", status=404)
            return conversation.contact_inbox.contact_id, conversation.inbox_id

    def _somebody(self, wish: Wish) -> tuple[int, int, bool]:
        """Contact, inbox, and whether the shop vouches for them."""
        channel = self._channels[wish.channel]
        known = CUSTOMERS.get(wish.customer or "")
        vouched = channel.id == "website" and wish.identity is IdentityLevel.VERIFIED
        with self._lock:
            way = (known.id, channel.id, wish.identity) if known is not None else None
            contact_id = self._contacts.get(way) if way is not None else None
            if contact_id is None:
                contact_id = self._add(known or self._stranger(), wish.identity, vouched=vouched)
                if way is not None:
                    self._contacts[way] = contact_id
        return contact_id, channel.inbox_id, vouched

    def _stranger(self) -> Known:
        number = next(self._numbers)
        name = _NAMES[(number - 1) % len(_NAMES)]
        address = f"{name.split()[0].lower()}.{number}@example.org"
        return Known("", name, address, f"+4915550{number:06d}", "")

    def _add(self, customer: Known, identity: IdentityLevel, *, vouched: bool) -> int:
        if identity is IdentityLevel.ANONYMOUS:
            return int(self._chatwoot.add_contact(customer.name)["id"])
        made = self._chatwoot.add_contact(
            customer.name,
            email=customer.email,
            phone_number=customer.phone,
            identifier=customer.email if vouched else None,
        )
        return int(made["id"])
