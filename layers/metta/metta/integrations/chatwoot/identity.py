"""Who the customer is, proved from the conversation alone (I7); called once per turn."""

from __future__ import annotations

import re

from metta.channels import WHATSAPP_SOURCE, is_twilio_whatsapp, known_channel
from metta.messages import Identity, IdentityLevel, IncomingMessage
from metta.policy import IdentityPolicy

_EMAIL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


def normal_email(text: str | None) -> str | None:
    """A bare e-mail address in lower case, or None when ``text`` is anything else."""
    address = (text or "").strip().lower()
    return address if len(address) <= 254 and _EMAIL.fullmatch(address) else None


def normal_phone(text: str | None) -> str | None:
    """A phone number as ``+`` and digits, or None when ``text`` is anything else."""
    number = re.sub(r"[ ()./-]", "", text or "")
    return number if _PHONE.fullmatch(number) else None


def identify(message: IncomingMessage, policy: IdentityPolicy) -> Identity:
    """The identity that this message's conversation proves, else what its contact claims, else anonymous."""
    proved = _by_phone(message) or _by_mail(message, policy) or _by_identifier(message, policy)
    if proved is not None:
        return proved
    email, phone = normal_email(message.contact.email), normal_phone(message.contact.phone)
    if message.mail_from and normal_email(message.mail_from[0]) != email:
        email = normal_email(message.mail_from[0])
        phone = None
    if email is None and phone is None:
        return Identity()
    return Identity(level=IdentityLevel.CLAIMED, email=email, phone=phone)


def _by_phone(message: IncomingMessage) -> Identity | None:
    channel, source = known_channel(message.channel), message.contact_source_id
    if channel is None or channel.number_after is None:
        return None
    if is_twilio_whatsapp(message.channel, source):
        source = source.removeprefix(WHATSAPP_SOURCE)
    number = re.fullmatch(rf"{re.escape(channel.number_after)}([1-9][0-9]{{6,14}})", source)
    return Identity(level=IdentityLevel.VERIFIED, phone=f"+{number[1]}") if number else None


def _by_mail(message: IncomingMessage, policy: IdentityPolicy) -> Identity | None:
    """The address of the inbox row, provided that this very mail came from it.

    Chatwoot files a mail under its Reply-To, and a reply into a thread under the thread's contact, whoever sent it.
    """
    address = normal_email(message.contact_source_id)
    if message.channel != "Channel::Email" or not policy.trust_email_sender or address is None:
        return None
    if any(normal_email(sender) != address for sender in message.mail_from):
        return None
    return Identity(level=IdentityLevel.VERIFIED, email=address)


def _by_identifier(message: IncomingMessage, policy: IdentityPolicy) -> Identity | None:
    """The HMAC proves the identifier and nothing else: a visitor can change the contact's e-mail afterwards."""
    identifier = message.contact.identifier
    if not message.hmac_verified or not identifier:
        return None
    partner_id = policy.identifier_partners.get(identifier)
    email = normal_email(identifier)
    if email is not None and message.contact.email is not None and normal_email(message.contact.email) != email:
        email = None
    if partner_id is None and email is None:
        return None
    return Identity(level=IdentityLevel.VERIFIED, email=email, partner_id=partner_id)
