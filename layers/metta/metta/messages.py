"""The nouns that travel through Metta: messages, context, verdicts, work done, and the Turn that gathers them.

All are pydantic models, so that turn state, audit, logs, ``metta demo --json`` and the playground show one shape.
Places in texts are code points, durations milliseconds, times aware UTC datetimes, money US dollars.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from metta.actions import Action as Action
from metta.actions import Direction as Direction
from metta.nouns import JsonObject as JsonObject
from metta.nouns import Noun as Noun
from metta.work import AgentReply as AgentReply
from metta.work import AgentWork as AgentWork
from metta.work import Finding as Finding
from metta.work import ModelCall as ModelCall
from metta.work import Opinion as Opinion
from metta.work import ToolCall as ToolCall
from metta.work import Try as Try
from metta.work import Verdict as Verdict


class ConversationKey(Noun):
    """What a conversation is called everywhere: the account and the display id (unique only together)."""

    account_id: int
    conversation_id: int
    """Chatwoot's ``conversation.id``, which is the display id that API URLs take."""

    def __str__(self) -> str:
        return f"{self.account_id}:{self.conversation_id}"

    def __hash__(self) -> int:
        return hash((self.account_id, self.conversation_id))


class Attachment(Noun):
    """A file a customer sent; Metta names it to the model and never opens it."""

    file_type: str
    """image, audio, video, file, location, fallback, share, contact, ..."""
    name: str = ""
    """File name or title, untrusted text; empty when unknown."""
    transcript: str = ""
    """Transcribed text of an audio message, when Chatwoot delivered one."""


class Contact(Noun):
    """The customer as Chatwoot describes them; every field can have been edited by someone."""

    id: int
    name: str = ""
    email: str | None = None
    phone: str | None = None
    identifier: str | None = None
    blocked: bool = False


class IdentityLevel(StrEnum):
    """How well we know whom we talk to."""

    ANONYMOUS = "anonymous"
    CLAIMED = "claimed"
    VERIFIED = "verified"


class Identity(Noun):
    """A proved or claimed address (I7). Made from the conversation only, never from a model's argument.

    With ``VERIFIED`` at least one of email, phone, partner_id is set and each one set is proved.
    With ``CLAIMED`` the addresses are what the contact carries or typed; none is proved.
    """

    level: IdentityLevel = IdentityLevel.ANONYMOUS
    email: str | None = None
    """Normalised: lower case, no display name."""
    phone: str | None = None
    """International form, ``+`` and digits."""
    partner_id: int | None = None
    """Odoo ``res.partner`` id, only where the policy maps a verified identifier to one."""


class IncomingMessage(Noun):
    """One customer message that the answering filter let through."""

    key: ConversationKey
    message_id: int
    """Global in the Chatwoot installation; the order of a conversation."""
    inbox_id: int
    text: str
    """Raw text, may be empty when there are only attachments. Without NUL and lone surrogates."""
    content_type: str = "text"
    channel: str = ""
    """``Channel::WebWidget``, ``Channel::Whatsapp``, ..."""
    created_at: datetime
    attachments: tuple[Attachment, ...] = ()
    contact: Contact
    contact_source_id: str = ""
    """``contact_inbox.source_id``: the phone on WhatsApp and SMS, the address on e-mail, a UUID on the website."""
    hmac_verified: bool = False
    mail_from: tuple[str, ...] = ()
    """``From`` of an e-mail; may be somebody other than the contact, who replied into the same thread."""
    language_hint: str | None = None
    """Browser language as the widget reported it, for example ``de``."""


class OutgoingKind(StrEnum):
    """Why a message is sent, so that each is sent once."""

    REPLY = "reply"
    NOTE = "note"
    HANDOFF_NOTE = "handoff_note"
    HANDOFF_WORD = "handoff_word"


class OutgoingMessage(Noun):
    """A text that leaves: already through the output guardrails, or fixed text of our own."""

    key: ConversationKey
    turn_id: str
    """Reaches Chatwoot as ``content_attributes.metta_turn_id``."""
    kind: OutgoingKind
    """Reaches Chatwoot as ``content_attributes.metta_kind``."""
    text: str
    channel: str = ""
    private: bool = False
    part: int = 0
    """Zero-based part of a reply that a channel's length limit split; reaches Chatwoot as ``metta_part``."""


class ThreadMessage(Noun):
    """A message of the conversation as Chatwoot's API lists it."""

    id: int
    text: str = ""
    message_type: str
    """incoming, outgoing, activity or template."""
    private: bool = False
    status: str = "sent"
    """sent, delivered, read or failed."""
    sender_type: str | None = None
    """contact, user, agent_bot, captain_assistant or None."""
    content_type: str = "text"
    created_at: datetime
    turn_id: str | None = None
    """``content_attributes.metta_turn_id``: set on our own messages, whatever token sent them."""
    kind: str | None = None
    part: int = 0
    external_echo: bool = False
    external_error: str | None = None
    deleted: bool = False
    from_automation: bool = False
    """Sent by an automation rule or a campaign: neither a person nor us."""
    attachments: tuple[Attachment, ...] = ()
    mail_from: tuple[str, ...] = ()
    """As ``IncomingMessage.mail_from``."""
    unanswerable: bool = False
    """A machine wrote this mail, or Chatwoot cannot show it: nobody waits for an answer."""


class ConversationView(Noun):
    """A conversation as it is right now (GET conversation)."""

    key: ConversationKey
    inbox_id: int
    """0 when Chatwoot's answer did not name it."""
    status: str
    can_reply: bool = True
    priority: str | None = None
    """low, medium, high or urgent."""
    assignee_type: str | None = None
    """User, AgentBot, Captain::Assistant or None."""
    assignee_id: int | None = None
    channel: str = ""
    contact: Contact | None = None
    contact_source_id: str = ""
    hmac_verified: bool | None = None
    """None when Chatwoot's answer did not say."""
    last_message: ThreadMessage | None = None
    """Newest message, private and activity included."""
    last_public_message: ThreadMessage | None = None
    """Newest message that is not an activity."""
    language_hint: str | None = None
    auto_reply: bool = False
    """Whether a mail that a machine wrote began it."""

    @property
    def human_assigned(self) -> bool:
        """True when a person is the assignee; a bot as assignee (Chatwoot >= 4.16) is not one."""
        return self.assignee_type == "User" and self.assignee_id is not None


class Author(StrEnum):
    """Who wrote a line of history."""

    CUSTOMER = "customer"
    ASSISTANT = "assistant"
    AGENT = "agent"
    """A person of the support team, an automation or another bot."""


class HistoryEntry(Noun):
    """One earlier public message, sanitized as input is."""

    message_id: int
    author: Author
    text: str
    created_at: datetime


class MessageContext(Noun):
    """Everything about the conversation that guardrails, agent and tools may know in this turn."""

    key: ConversationKey
    inbox_id: int
    channel: str = ""
    contact: Contact
    identity: Identity = Identity()
    language: str = "en"
    """Two-letter code of the language to answer in."""
    history: tuple[HistoryEntry, ...] = ()
    history_complete: bool = True
    """False when the token may not list messages and only the messages at hand are known."""
    customer_text: str = ""
    """The turn's sanitized customer text; a permitted source of figures in the reply."""
    tool_results: tuple[str, ...] = ()
    """JSON texts of this turn's tool results; for output guardrails."""
    turn_id: str = ""
    reply_chars: int | None = None
    """The longest reply that is wanted on this channel, in characters; None where the policy does not say."""
    upset: bool = False
    """Whether the customer's words ask for a calm and quick answer."""


class Phase(StrEnum):
    """How far a turn got; written to turn state before the next step is taken."""

    STARTED = "started"
    PREPARED = "prepared"
    """The text that will leave is decided (checked reply or hand-off)."""
    SENDING = "sending"
    """A POST may be under way."""
    SENT = "sent"
    """Nothing but the audit is left to do."""


class Outcome(StrEnum):
    """How a turn ended."""

    ANSWERED = "answered"
    HANDED_OFF = "handed_off"
    DROPPED = "dropped"
    """A reply existed but was not sent (I3)."""
    SKIPPED = "skipped"
    """Nothing was to be done."""


class HandOffStep(StrEnum):
    """The recorded steps of a hand-off, in the order in which they are taken."""

    NOTE = "note"
    WORD = "word"
    STATUS = "status"
    TEAM = "team"


class SentMessage(Noun):
    """A message Chatwoot accepted."""

    kind: OutgoingKind
    message_id: int | None = None
    """None when it is known to exist (or assumed to) but its id is not."""
    text: str
    private: bool = False
    part: int = 0


class Timing(Noun):
    """One timed step of a turn."""

    step: str
    started_at: datetime
    duration_ms: float


class Turn(BaseModel):
    """One customer turn from the first message to the audit row; every view of it is made from this object."""

    model_config = ConfigDict(extra="forbid")

    id: str
    key: ConversationKey
    phase: Phase = Phase.STARTED
    inbox_id: int
    channel: str = ""
    contact: Contact
    identity: Identity = Identity()
    language: str = "en"
    history_complete: bool = True
    messages: tuple[IncomingMessage, ...] = ()
    """The customer messages it answers, by message id; texts sanitized before they are recorded."""
    covered: tuple[int, ...] = ()
    """Ids it covers: those messages plus later ones that its history held."""
    seen_through: int = 0
    """Newest message id of the conversation when it was last read before sending; what is newer may be ours."""
    input_verdict: Verdict | None = None
    output_verdict: Verdict | None = None
    work: AgentWork = Field(default_factory=AgentWork)
    reply: str | None = None
    """The checked text, disclosures included; None when nothing is to be said."""
    disclosed: tuple[str, ...] = ()
    """Names of the disclosures that the reply holds."""
    upset: bool = False
    """Whether the customer's words ask for a calm and quick answer."""
    outcome: Outcome | None = None
    reason: str = ""
    """Why it was handed off, dropped or skipped; empty when answered."""
    handoff_done: tuple[HandOffStep, ...] = ()
    sent: tuple[SentMessage, ...] = ()
    posting_at: datetime | None = None
    """When the latest POST began whose message may still be on its way."""
    delivery_unknown: bool = False
    """True when a send stayed ambiguous and a person was told so."""
    attempt: int = 1
    """Real tries so far, this one included."""
    started_at: datetime
    finished_at: datetime | None = None
    timings: list[Timing] = Field(default_factory=list)
