"""Chatwoot's channels: all that Metta knows of one stands in its entry here.

The policy names them, replies are formed and split by them, a number is proved on some, and people read their names.
How a channel is added is told in ``docs/adding-a-channel.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ChannelKind = Literal[
    "Channel::WebWidget",
    "Channel::Api",
    "Channel::Email",
    "Channel::FacebookPage",
    "Channel::Instagram",
    "Channel::Line",
    "Channel::Sms",
    "Channel::Telegram",
    "Channel::Tiktok",
    "Channel::TwilioSms",
    "Channel::TwitterProfile",
    "Channel::Whatsapp",
]
"""As Chatwoot calls them."""
ChannelName = Literal[
    "website",
    "api",
    "email",
    "whatsapp",
    "sms",
    "facebook",
    "instagram",
    "telegram",
    "line",
    "tiktok",
    "twitter",
]
"""As the policy calls them."""
UNKNOWN_LIMIT = 1000
"""Of a channel that is not listed."""
WHATSAPP_SOURCE = "whatsapp:"
"""Begins the contact's source id where Twilio's WhatsApp shares its channel with Twilio's SMS."""
TWILIO_WHATSAPP_LIMIT = 1600


@dataclass(frozen=True)
class Channel:
    """One channel."""

    name: ChannelName
    """In the policy."""
    words: str
    """As people and the model read it."""
    limit: int
    """UTF-16 units that its provider takes in one message."""
    shows_links: bool = False
    """Whether customers see a Markdown link as a link; elsewhere Chatwoot drops its text, so it is written out."""
    converts_markdown: bool = True
    """Whether Chatwoot turns Markdown into what the channel shows; elsewhere its marks are taken off."""
    number_after: str | None = None
    """What stands before the digits in the source id where the provider proves the sender's number; None where it
    does not. Whoever sets this says that nobody can write under another's number there (I7)."""


CHANNELS: dict[ChannelKind, Channel] = {
    "Channel::WebWidget": Channel("website", "website chat", 10_000, shows_links=True),
    "Channel::Api": Channel("api", "API", 10_000, shows_links=True),
    "Channel::Email": Channel("email", "e-mail", 25_000, shows_links=True),
    "Channel::FacebookPage": Channel("facebook", "Facebook", 2000),
    "Channel::Instagram": Channel("instagram", "Instagram", 1000),
    "Channel::Line": Channel("line", "Line", 2000),
    "Channel::Sms": Channel("sms", "SMS", 160, number_after="+"),
    "Channel::Telegram": Channel("telegram", "Telegram", 4096),
    "Channel::Tiktok": Channel("tiktok", "TikTok", 950, converts_markdown=False),
    "Channel::TwilioSms": Channel("sms", "Twilio (SMS or WhatsApp)", 320, number_after="+"),
    "Channel::TwitterProfile": Channel("twitter", "Twitter", 280),
    "Channel::Whatsapp": Channel("whatsapp", "WhatsApp", 4096, number_after=""),
}

_BY_KIND: dict[str, Channel] = {str(kind): channel for kind, channel in CHANNELS.items()}


def known_channel(kind: str) -> Channel | None:
    """The entry of ``Channel::...``; None for one that is not listed."""
    return _BY_KIND.get(kind)


def is_twilio_whatsapp(kind: str, source_id: str) -> bool:
    """Whether a conversation of Twilio's is WhatsApp's and not SMS's."""
    return kind == "Channel::TwilioSms" and source_id.startswith(WHATSAPP_SOURCE)


def channel_name(kind: str, source_id: str = "") -> ChannelName | None:
    """What the policy calls a channel of Chatwoot; None for one that it does not know.

    Args:
        kind: ``Channel::...``.
        source_id: ``contact_inbox.source_id``, which tells Twilio's WhatsApp from its SMS.
    """
    if is_twilio_whatsapp(kind, source_id):
        return "whatsapp"
    channel = known_channel(kind)
    return None if channel is None else channel.name


def limit_of(kind: str, source_id: str = "") -> int:
    """The longest message, in UTF-16 units, that the channel's provider takes."""
    if is_twilio_whatsapp(kind, source_id):
        return TWILIO_WHATSAPP_LIMIT
    channel = known_channel(kind)
    return UNKNOWN_LIMIT if channel is None else channel.limit
