"""What ``POST /test/chatwoot/simulate`` takes: a customer's messages and the conversation they are written in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from metta.channels import ChannelKind
from metta.messages import Author, IdentityLevel
from metta.nouns import Noun

MOST_CHARS = 20_000
"""Of one message."""
MOST_MESSAGES = 20
"""Of a burst, and of a history: Metta reads that many of a conversation."""

Meanwhile = Literal["human_reply", "human_assigned", "resolved", "gone"]

Text = Annotated[str, StringConstraints(max_length=MOST_CHARS)]
Short = Annotated[str, StringConstraints(max_length=255)]


def _one_or_many(value: object) -> object:
    """A single message is a burst of one."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list | tuple):
        raise ValueError("should be a text or a list of texts")  # noqa: TRY004 - pydantic takes it for the answer
    return value


_TEXT_SCHEMA: dict[str, Any] = {"type": "string", "maxLength": MOST_CHARS}
Burst = Annotated[
    tuple[Text, ...],
    Field(min_length=1, max_length=MOST_MESSAGES),
    BeforeValidator(_one_or_many),
    WithJsonSchema(
        {
            "anyOf": [
                _TEXT_SCHEMA,
                {"type": "array", "items": _TEXT_SCHEMA, "minItems": 1, "maxItems": MOST_MESSAGES},
            ]
        }
    ),
]


class SimulatedContact(Noun):
    """The customer, as Chatwoot would describe them."""

    name: Short = Field("", description="Name")
    email: Short | None = Field(None, description="E-mail address; anyone can have typed it")
    phone: Short | None = Field(None, description="Phone number; anyone can have typed it")
    identifier: Short | None = Field(None, description="The shop's own name for the customer")
    blocked: bool = Field(False, description="Whether the team has blocked the contact")


class SimulatedIdentity(Noun):
    """How well the customer is known; the conversation is arranged so that it proves just that."""

    level: IdentityLevel = Field(
        description="verified needs email or phone, proved as the channel proves it; claimed puts them on the contact"
    )
    email: Short | None = Field(None, description="Address that is proved or claimed")
    phone: Short | None = Field(None, description="Number that is proved or claimed; WhatsApp and SMS prove one")


class SimulatedEntry(Noun):
    """An earlier public message of the conversation."""

    author: Author = Field(description="customer, assistant (Metta) or agent (a person of the team)")
    text: Text = Field(description="What it says")


class SimulationRequest(Noun):
    """A customer's messages and the conversation they are written in."""

    content: Burst = Field(description="What the customer writes: one message, or the messages of a burst")
    contact: SimulatedContact = Field(SimulatedContact(), description="Who writes")
    channel: ChannelKind | None = Field(
        None, description="Where; a website's widget unless the identity is a phone number's (WhatsApp)"
    )
    history: tuple[SimulatedEntry, ...] = Field(
        (), max_length=MOST_MESSAGES, description="What was said before, oldest first"
    )
    identity: SimulatedIdentity | None = Field(
        None, description="How well the customer is known; as far as contact and channel tell when left out"
    )
    meanwhile: Meanwhile | None = Field(
        None, description="What happens in Chatwoot while the answer is being written, so that it is dropped"
    )
