"""What is judged and done in a turn: verdicts, calls of tools and of the model; told by ``metta.messages``."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from metta.actions import Action, Direction
from metta.nouns import JsonObject, Noun


class Finding(Noun):
    """One thing a check noticed, with its place in the original text."""

    check: str
    """pii, injection, toxicity, rules or leak."""
    kind: str
    """EMAIL, PHONE, SSN, CARD, IBAN; profanity, abuse, threat, hate, sexual; a rule's name; ..."""
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    """Exclusive."""
    score: float = Field(ge=0, le=1)


class Verdict(Noun):
    """What the guardrails say about one text."""

    direction: Direction
    action: Action
    findings: tuple[Finding, ...] = ()
    text: str
    """The text to go on with: sanitized and, where the policy says so, masked."""
    reason: str = ""
    """``check/kind`` that decided the action; empty for allow."""
    version: str = ""
    """Version of rules and lists, for the audit log; with who else was asked."""
    below: dict[str, float] = Field(default_factory=dict)
    """Check -> its strongest score that stayed below the threshold, where it judges a whole message."""


class Opinion(Noun):
    """What somebody who was asked for a second opinion says about a text."""

    asked: Literal["moderation", "judge"]
    of: str
    """Digest of the text."""
    check: str = ""
    """``injection`` or ``toxicity``; empty when it is fine."""
    kind: str = ""
    score: float = Field(0.0, ge=0, le=1)


class ToolCall(Noun):
    """One call of a tool by the model."""

    name: str
    arguments: JsonObject = Field(default_factory=dict)
    result: JsonObject = Field(default_factory=dict)
    ok: bool = True
    error: str = ""
    """Class of the failure, never a server's message."""
    withheld: tuple[str, ...] = ()
    """Fields of the result whose text the model did not get to read, since it gave orders; fixed words stand there."""
    started_at: datetime
    duration_ms: float


class ModelCall(Noun):
    """One request to the model, failed ones included."""

    model: str
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float = 0.0
    started_at: datetime
    duration_ms: float
    error: str = ""


class AgentWork(BaseModel):
    """What the agent did, filled while it happens, so that a failure loses nothing of it."""

    model_config = ConfigDict(extra="forbid")

    prompt_version: str = ""
    tool_calls: list[ToolCall] = Field(default_factory=list)
    model_calls: list[ModelCall] = Field(default_factory=list)
    opinions: list[Opinion] = Field(default_factory=list)
    """Second opinions on the customer's text; a turn that is tried again does not ask for the same one again."""
    unreported_tokens: int = 0
    """The most that calls used of which no answer says so; limits count them, the audit does not know them."""
    unreported_usd: float = 0.0


class Try(Noun):
    """An order looked for, as it was counted before the lookup."""

    new: bool
    """False when the same question was in the count already: a miss, or a lookup that broke off or is under way."""
    count: int
    """How many there are now."""


class AgentReply(Noun):
    """How the agent ended."""

    text: str = ""
    handoff_reason: str | None = None
    """Set when the model called ``handOffToHuman``; the text is then empty."""
