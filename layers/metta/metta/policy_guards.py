"""What the policy wants done where a guardrail fires: per kind and direction, and when a second opinion is asked."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, field_validator

from metta.actions import Action
from metta.nouns import Noun
from metta.policy_limits import Seconds, number

PiiKind = Literal["EMAIL", "PHONE", "SSN", "CARD", "IBAN"]
ToxicityKind = Literal["profanity", "abuse", "threat", "hate", "sexual"]
RuleKind = Literal[
    "human_request",
    "forbidden_topic",
    "forbidden_promise",
    "competitor",
    "unsupported_claim",
    "other_language",
]
PromiseKind = Literal["refund", "discount", "delivery_date", "legal_advice", "medical_advice", "financial_advice"]

_HOST = re.compile(r"(?:\*\.)?[^\s/:@?#]+(?:\.[^\s/:@?#.]+)+|localhost")


class ToxicityAction(StrEnum):
    """What a toxic message of a customer leads to, mildest first."""

    ALLOW = "allow"
    """It is answered like any other."""
    HELP = "help"
    """It is answered, and the model is told that the customer is upset."""
    CALM = "calm"
    """A fixed text that keeps calm and offers help; the next message is looked at anew."""
    BLOCK = "block"
    """A fixed text that declines."""
    HANDOFF = "handoff"
    """A person takes over."""

    @property
    def verdict(self) -> Action:
        """What it means for the message itself."""
        if self in (ToxicityAction.ALLOW, ToxicityAction.HELP):
            return Action.ALLOW
        return Action.HANDOFF if self is ToxicityAction.HANDOFF else Action.BLOCK


TOXICITY: dict[ToxicityKind, ToxicityAction] = {
    "profanity": ToxicityAction.HELP,
    "abuse": ToxicityAction.CALM,
    "threat": ToxicityAction.HANDOFF,
    "hate": ToxicityAction.BLOCK,
    "sexual": ToxicityAction.BLOCK,
}
"""For kinds that the policy does not name."""


class PiiPolicy(Noun):
    """What happens to personal data, per kind. A kind left out: cards, SSNs and IBANs are masked, the rest passes on
    input; on output everything that is not the customer's own or from this turn's sources is blocked."""

    input: dict[PiiKind, Action] = Field(default_factory=dict)
    """In what a customer wrote; cards and SSNs cannot be ``allow``."""
    output: dict[PiiKind, Action] = Field(default_factory=dict)
    """In a reply, unless it is the customer's own or this turn's tools gave it."""

    @field_validator("input")
    @classmethod
    def _never_to_the_model(cls, value: dict[PiiKind, Action]) -> dict[PiiKind, Action]:
        for kind in ("CARD", "SSN"):
            if value.get(kind) is Action.ALLOW:
                raise ValueError(f"{kind} must not be allow: cards and SSNs never reach the model, logs or audit")
        return value


class Thresholds(Noun):
    """Scores from which a finding of a check counts; 0 to 1."""

    pii: float = Field(0.7, ge=0, le=1)
    """Of personal data, in both directions."""
    injection: float = Field(0.7, ge=0, le=1)
    """Of attacks, in customers' messages and in texts from the shop."""
    toxicity: float = Field(0.5, ge=0, le=1)
    """Of toxic language, in both directions."""


class ChecksPolicy(Noun):
    """Actions per finding kind, for the checks that judge a whole message."""

    injection: Action = Action.BLOCK
    """On input."""
    toxicity: dict[ToxicityKind, ToxicityAction] = Field(default_factory=dict)
    """On input. A kind left out: ``help`` for profanity, ``calm`` for abuse, ``handoff`` for a threat, else ``block``.
    """
    upset_priority: Literal["low", "medium", "high", "urgent"] | None = None
    """Priority that a conversation gets in Chatwoot where ``help`` applied, unless it has a higher one; None: it keeps
    its own."""
    toxicity_output: Action = Action.BLOCK
    """For anything toxic that a model wrote, profanity included."""
    leak: Action = Action.BLOCK
    """For a reply that repeats instructions or holds a key."""
    thresholds: Thresholds = Thresholds()

    @field_validator("injection", "toxicity_output", "leak")
    @classmethod
    def _not_redact(cls, value: Action) -> Action:
        if value is Action.REDACT:
            raise ValueError("redact is not possible here; use allow, block or handoff")
        return value

    @property
    def towards_toxicity(self) -> dict[ToxicityKind, ToxicityAction]:
        """What each kind leads to, those that the file leaves out included."""
        return TOXICITY | self.toxicity

    @property
    def toxicity_verdicts(self) -> dict[ToxicityKind, Action]:
        """The same as actions of a verdict."""
        return {kind: action.verdict for kind, action in self.towards_toxicity.items()}


def _no_letters(entries: tuple[str, ...], where: str = "") -> None:
    for entry in entries:
        if len(entry.strip()) == 1:
            raise ValueError(f"{where}{entry!r} is a single letter and would match too much; a YAML list stands in [ ]")


class Rules(Noun):
    """Business rules on what Metta may say and on what it answers itself."""

    actions: dict[RuleKind, Action] = Field(default_factory=dict)
    """A rule left out: requests for a person and forbidden topics are handed off, the rest is blocked."""
    promises: dict[PromiseKind, bool] = Field(default_factory=dict)
    """Kinds of promises and advice; ``true`` permits one. A kind left out is stopped unless the facts or this turn's
    tools say so."""
    forbidden_promises: tuple[str, ...] = ()
    """Further phrases a reply may not contain; matched without case and accents, on word borders."""
    forbidden_topics: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Topic name -> words of a customer's message that send it to a person."""
    competitors: tuple[str, ...] = ()
    """Names a reply may not contain."""
    allowed_link_hosts: tuple[str, ...] = ()
    """Hosts a reply may link to, their subdomains included; other links are taken out of it."""
    human_request: tuple[str, ...] = ()
    """Phrases with which a customer asks for a person."""

    @field_validator("actions")
    @classmethod
    def _not_redact(cls, value: dict[RuleKind, Action]) -> dict[RuleKind, Action]:
        for kind, action in value.items():
            if action is Action.REDACT:
                raise ValueError(f"{kind} cannot be redacted; use allow, block or handoff")
        return value

    @field_validator("forbidden_promises", "competitors", "allowed_link_hosts", "human_request")
    @classmethod
    def _not_blank(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not entry.strip() for entry in value):
            raise ValueError("an entry is empty and would match everything")
        return value

    @field_validator("human_request")
    @classmethod
    def _not_one_letter(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        _no_letters(value)
        return value

    @field_validator("forbidden_topics")
    @classmethod
    def _no_blank_word(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for topic, words in value.items():
            if any(not word.strip() for word in words):
                raise ValueError(f"{topic}: an entry is empty and would match everything")
            _no_letters(words, f"{topic}: ")
        return value

    @field_validator("allowed_link_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if not _HOST.fullmatch(entry.strip()):
                raise ValueError(f"{entry!r} is no host name; write it without scheme, port and path: shop.example.com")
        return value


class ModerationPolicy(Noun):
    """OpenAI's moderation endpoint, for messages that may be toxic. It costs nothing."""

    enabled: bool = False
    """Whether it is asked."""
    model: str = Field("omni-moderation-latest", min_length=1)
    """As the API knows it."""
    threshold: float = Field(0.5, ge=0, le=1)
    """Score of a category from which it counts."""
    seconds: Seconds = 3
    """It is given up after so long."""


class JudgePolicy(Noun):
    """A model that reads the message and names what it is, for messages that may be toxic or an attack."""

    enabled: bool = False
    """Whether it is asked."""
    model: str | None = Field(None, min_length=1)
    """None for the agent's; where named, ``prices`` must have it."""
    threshold: float = Field(0.7, ge=0, le=1)
    """How sure it must be."""
    output_tokens: int = Field(300, ge=50, le=4000)
    """Of its answer; they count as tokens of the turn."""
    seconds: Seconds = 6
    """It is given up after so long."""

    @field_validator("output_tokens", mode="before")
    @classmethod
    def _no_flag(cls, value: Any) -> Any:
        return number(value)


class SecondOpinionPolicy(Noun):
    """Who else is asked about a customer's message where the local score is unsure. It can stop a message, never let
    one pass that the local checks stop."""

    band: float = Field(0.3, ge=0, le=1)
    """A score counts as unsure when it is below its threshold by no more than this."""
    on_failure: Literal["local", "handoff"] = "local"
    """Where nobody who was asked answers: the local verdict holds, or a person takes over."""
    moderation: ModerationPolicy = ModerationPolicy()
    judge: JudgePolicy = JudgePolicy()
