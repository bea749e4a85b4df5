"""Arranges a conversation that proves of its customer what a simulation asks for; nothing else can (I7)."""

from __future__ import annotations

from dataclasses import dataclass

from metta.channels import CHANNELS
from metta.console.request import SimulatedIdentity, SimulationRequest
from metta.integrations.chatwoot.identity import normal_email, normal_phone
from metta.messages import Contact, IdentityLevel

CONTACT_ID = 1
"""Of every simulated customer."""


class CannotBeError(ValueError):
    """No conversation is as asked for.

    Attributes:
        field: what of the request it is about.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


@dataclass(frozen=True)
class Arranged:
    """What a conversation tells of its customer, beside the messages."""

    contact: Contact
    channel: str
    source_id: str = ""
    """``contact_inbox.source_id``."""
    hmac_verified: bool = False


def arrange(request: SimulationRequest) -> Arranged:
    """The conversation's customer.

    Raises:
        CannotBeError: no conversation proves, or claims, that.
    """
    given, identity = request.contact, request.identity
    contact = Contact(id=CONTACT_ID, **given.model_dump())
    if identity is None:
        return Arranged(contact, request.channel or "Channel::WebWidget")
    _well_formed(identity)
    if identity.level is IdentityLevel.ANONYMOUS:
        return _anonymous(request, contact, identity)
    if identity.email is None and identity.phone is None:
        raise CannotBeError("identity", f"{identity.level} needs email or phone")
    if identity.level is IdentityLevel.CLAIMED:
        claimed = {"email": identity.email or contact.email, "phone": identity.phone or contact.phone}
        return Arranged(contact.model_copy(update=claimed), request.channel or "Channel::WebWidget")
    if identity.email is not None and identity.phone is not None:
        raise CannotBeError("identity.phone", "a conversation proves either an address or a number")
    if identity.phone is not None:
        return _by_phone(request, contact, identity.phone)
    return _by_email(request, contact, str(identity.email))


def _well_formed(identity: SimulatedIdentity) -> None:
    if identity.email is not None and normal_email(identity.email) is None:
        raise CannotBeError("identity.email", "not an e-mail address")
    if identity.phone is not None and normal_phone(identity.phone) is None:
        raise CannotBeError("identity.phone", "not a number in international form, like +31612345678")


def _anonymous(request: SimulationRequest, contact: Contact, identity: SimulatedIdentity) -> Arranged:
    if identity.email or identity.phone or contact.email or contact.phone:
        raise CannotBeError("identity.level", "a customer of whom an address or a number is known is not anonymous")
    return Arranged(contact, request.channel or "Channel::WebWidget")


def _by_phone(request: SimulationRequest, contact: Contact, phone: str) -> Arranged:
    channel = request.channel or "Channel::Whatsapp"
    before = CHANNELS[channel].number_after
    if before is None:
        raise CannotBeError("identity.phone", f"no number is proved on {channel}; WhatsApp and SMS prove one")
    number = str(normal_phone(phone))
    source = before + number.removeprefix("+")
    return Arranged(contact.model_copy(update={"phone": number}), channel, source)


def _by_email(request: SimulationRequest, contact: Contact, email: str) -> Arranged:
    channel = request.channel or "Channel::WebWidget"
    address = str(normal_email(email))
    proved = contact.model_copy(update={"email": address})
    if channel == "Channel::Email":
        return Arranged(proved, channel, address)
    if contact.identifier is not None and normal_email(contact.identifier) != address:
        raise CannotBeError("contact.identifier", "an address is proved by an identifier that equals it")
    return Arranged(proved.model_copy(update={"identifier": address}), channel, hmac_verified=True)
