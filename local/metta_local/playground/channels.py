"""The channels a customer can write on, and what each of them proves about who writes."""

from __future__ import annotations

from dataclasses import dataclass

from metta.messages import IdentityLevel, JsonObject
from metta.policy import Policy

_ANONYMOUS, _CLAIMED, _VERIFIED = IdentityLevel


@dataclass(frozen=True)
class Channel:
    """One inbox of the emulated Chatwoot."""

    id: str
    name: str
    inbox_id: int
    wire: str
    """As Chatwoot calls it."""
    identities: tuple[IdentityLevel, ...]
    note: str
    """What the channel proves, for people."""
    refusal: str
    """Why the other levels cannot be."""


def channels(policy: Policy) -> dict[str, Channel]:
    """By id; what an e-mail proves is the policy's choice."""
    trusted = policy.identity.trust_email_sender
    mail = (
        "The sender's address proves who writes; a mail from another address than the conversation's is only a claim."
        if trusted
        else "Your policy does not trust senders of e-mails, so an address is only a claim."
    )
    all_ = (
        Channel(
            "website",
            "Website",
            11,
            "Channel::WebWidget",
            (_ANONYMOUS, _CLAIMED, _VERIFIED),
            "A visitor is anonymous, may name an address (a claim), or is logged in, which the shop vouches for.",
            "",
        ),
        Channel(
            "whatsapp",
            "WhatsApp",
            12,
            "Channel::Whatsapp",
            (_VERIFIED,),
            "The phone number proves who writes.",
            "on WhatsApp the phone number always proves who writes, so the identity is verified",
        ),
        Channel(
            "email",
            "E-mail",
            13,
            "Channel::Email",
            (_CLAIMED, _VERIFIED) if trusted else (_CLAIMED,),
            mail,
            "an e-mail always carries an address, so nobody who writes one is anonymous"
            if trusted
            else "your policy does not trust the senders of e-mails, so an e-mail's identity is claimed",
        ),
    )
    return {channel.id: channel for channel in all_}


def channel_id(wire: str) -> str:
    """The id of a channel that Chatwoot names; its own name in lower case where the playground has none."""
    known = {"Channel::WebWidget": "website", "Channel::Whatsapp": "whatsapp", "Channel::Email": "email"}
    return known.get(wire) or wire.removeprefix("Channel::").lower()


def shown(channel: Channel) -> JsonObject:
    """As ``hello`` has it."""
    return {
        "id": channel.id,
        "name": channel.name,
        "identities": [str(level) for level in channel.identities],
        "note": channel.note,
    }
