"""What the emulated Chatwoot stores, and the world every demo and test starts from."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MESSAGE_TYPES = ("incoming", "outgoing", "activity", "template")
STATUSES = ("open", "resolved", "pending", "snoozed")


@dataclass
class Account:
    """The tenant."""

    id: int
    name: str
    suspended: bool = False
    keep_pending_on_bot_failure: bool = False


@dataclass
class Bot:
    """An AgentBot and its token."""

    id: int
    name: str
    token: str
    account_id: int | None = None
    """None for a bot of the installation, which every account may attach."""
    outgoing_url: str | None = None
    """Where its events go; of the bot Metta, the emulator's ``webhook_url`` instead."""
    secret: str | None = None


@dataclass
class Webhook:
    """An account webhook."""

    id: int
    url: str
    subscriptions: Iterable[str]
    secret: str | None = None


@dataclass
class User:
    """A person of the team, or an integration that acts as one."""

    id: int
    name: str
    email: str
    role: str
    """administrator or agent."""
    token: str | None = None
    online: bool = True


@dataclass
class Team:
    """A team that conversations are given to."""

    id: int
    name: str


@dataclass
class Inbox:
    """A channel."""

    id: int
    name: str
    channel: str
    bot_id: int | None = 5
    members: set[int] = field(default_factory=set)
    enable_auto_assignment: bool = False
    greeting: str | None = None
    csat: bool = False
    webhook_url: str | None = None
    """The callback of an API inbox."""


@dataclass
class Contact:
    """A customer."""

    id: int
    name: str
    email: str | None = None
    phone_number: str | None = None
    identifier: str | None = None
    blocked: bool = False
    custom_attributes: dict[str, Any] = field(default_factory=dict)
    additional_attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class ContactInbox:
    """A customer's address in one inbox."""

    id: int
    contact_id: int
    inbox_id: int
    source_id: str
    created_at: float
    hmac_verified: bool = False
    pubsub_token: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass
class Message:
    """A message as stored."""

    id: int
    conversation_id: int
    inbox_id: int
    content: str | None
    message_type: str
    created_at: float
    updated_at: float
    private: bool = False
    status: str = "sent"
    content_type: str = "text"
    content_attributes: dict[str, Any] = field(default_factory=dict)
    additional_attributes: dict[str, Any] = field(default_factory=dict)
    source_id: str | None = None
    sender: Contact | User | Bot | None = None
    attachments: list[dict[str, Any]] = field(default_factory=list)
    reached_customer: bool = False
    """Whether the customer got to see it: not when private, when its source_id was set, or when its channel failed."""


@dataclass
class Conversation:
    """A conversation as stored; ``id`` is the display id."""

    id: int
    inbox_id: int
    contact_inbox: ContactInbox
    status: str
    created_at: float
    updated_at: float
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    assignee_id: int | None = None
    assignee_bot_id: int | None = None
    team_id: int | None = None
    labels: list[str] = field(default_factory=list)
    custom_attributes: dict[str, Any] = field(default_factory=dict)
    additional_attributes: dict[str, Any] = field(default_factory=dict)
    priority: str | None = None
    snoozed_until: float | None = None
    waiting_since: float = 0
    first_reply_created_at: float | None = None
    agent_last_seen_at: float = 0
    contact_last_seen_at: float = 0
    last_activity_at: float = 0
    typing: str = "off"
    messages: list[Message] = field(default_factory=list)


@dataclass
class World:
    """Everything stored, by id."""

    account: Account
    bots: dict[int, Bot]
    users: dict[int, User]
    teams: dict[int, Team]
    inboxes: dict[int, Inbox]
    contacts: dict[int, Contact] = field(default_factory=dict)
    contact_inboxes: list[ContactInbox] = field(default_factory=list)
    conversations: dict[int, Conversation] = field(default_factory=dict)
    other_accounts: set[int] = field(default_factory=set)
    """Ids of accounts of the same installation that nobody here belongs to."""
    webhooks: list[Webhook] = field(default_factory=list)
    """Account webhooks besides the one that the emulator's ``path`` stands for."""
    platform_token: str = "metta-platform-token"
    next_message_id: int = 5001
    next_conversation_id: int = 84
    next_contact_inbox_id: int = 777
    next_attachment_id: int = 310


def acme_retail(account_id: int, *, bot_token: str, user_token: str, agent_token: str) -> World:
    """The seeded world: three inboxes, the bot Metta, a small team and two customers."""
    team = {21, 22}
    return World(
        account=Account(account_id, "Acme Retail"),
        bots={
            5: Bot(5, "Metta", bot_token, account_id),
            6: Bot(6, "Other Bot", f"{bot_token}-other", account_id),
        },
        users={
            20: User(20, "Mia Admin", "mia@acme.example", "administrator", user_token, online=False),
            21: User(21, "Nina Kraus", "nina@acme.example", "agent"),
            22: User(22, "Metta Helper", "helper@acme.example", "agent", agent_token, online=False),
        },
        teams={7: Team(7, "support"), 8: Team(8, "billing")},
        inboxes={
            11: Inbox(11, "Website", "Channel::WebWidget", members=set(team)),
            12: Inbox(12, "WhatsApp +49", "Channel::Whatsapp", members=set(team)),
            13: Inbox(13, "Support mail", "Channel::Email", members=set(team)),
        },
        other_accounts={account_id + 1},
        contacts={
            901: Contact(
                901,
                "Lena Vogt",
                "lena@example.org",
                "+4915112345678",
                custom_attributes={"odoo_partner_id": 4711},
                additional_attributes={"city": "Berlin", "country_code": "DE"},
            ),
            902: Contact(
                902,
                "Marco Bianchi",
                "marco@example.com",
                "+393331234567",
                custom_attributes={"odoo_partner_id": 4712},
                additional_attributes={"city": "Torino", "country_code": "IT"},
            ),
        },
    )
