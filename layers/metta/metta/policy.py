"""The policy file: business rules, facts, guardrail actions, tone, limits and prices, as typed data.

``METTA_POLICY`` names a YAML file; without it the packaged ``policy.yaml`` applies. A section left out keeps its
packaged values. A mistake is a ``SettingsError`` that names the file and the field.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AnyHttpUrl, Field, ValidationError, field_validator

from metta.errors import SettingsError
from metta.messages import Action, Noun

PACKAGED = Path(__file__).with_name("policy.yaml")


Seconds = Annotated[float, Field(gt=0, le=300, allow_inf_nan=False)]


def number(value: Any) -> Any:
    """``value``, unless it is a flag: YAML reads yes, no, on and off as such, which would count as 1 and 0.

    Raises:
        ValueError: it is one.
    """
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic collects ValueErrors
    return value


class Limits(Noun):
    """Bounds of a turn, and of what one contact, one conversation and one day may cost (I11); docs/bounds.md."""

    input_chars: int = Field(8000, ge=100)
    """Longer customer text is shortened: the model sees the first part and the last 2,000 characters."""
    history_messages: int = Field(20, ge=0, le=100)
    history_chars: int = Field(8000, ge=0)
    model_turns: int = Field(6, ge=1, le=20)
    output_tokens: int = Field(800, ge=50)
    """Of one model call."""
    tokens_per_turn: int = Field(100_000, ge=1000)
    """Input and output of all model calls of a turn, its earlier tries included. A call that could exceed it is not
    made."""
    tool_result_chars: int = Field(6000, ge=500)
    model_call_seconds: Seconds = 25
    run_seconds: Seconds = 45
    chatwoot_seconds: Annotated[float, Field(gt=0, le=15, allow_inf_nan=False)] = 10
    """One call of Chatwoot's API. At most 15, after which Chatwoot itself gives a request up: a message that may have
    been created is looked for right after that."""
    odoo_seconds: Seconds = 8
    """One question to Odoo, login and retry included."""
    claimed_misses: int = Field(3, ge=1, le=1000)
    """Orders that a customer with a claimed identity may look for in vain in one conversation before a person takes
    over."""
    contact_claimed_misses: int = Field(6, ge=1, le=1000)
    """The same in all conversations of a contact in one day (UTC)."""
    contact_messages_per_hour: int | None = Field(60, ge=1, le=2000)
    """Messages of one contact, in all its conversations, that are answered in one hour of the clock; null: all."""
    turns_per_hour: int | None = Field(30, ge=1, le=100)
    """Turns of one conversation in any 60 minutes; null: no limit."""
    same_text: int | None = Field(3, ge=2, le=50)
    """With so many turns in a row of the same customer text within an hour, the last one goes to a person; null: none
    does."""
    usd_per_day: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = 50
    """US dollars that the model may cost in one day (UTC), over all workers; null: no limit."""
    unanswered_minutes: int = Field(15, ge=1, le=1440)
    """A customer who waits longer than this for an answer is handed to a person by the watchdog."""

    @field_validator("*", mode="before")
    @classmethod
    def _no_flags(cls, value: Any) -> Any:
        return number(value)


class Price(Noun):
    """US dollars per million tokens."""

    input: float = Field(ge=0, allow_inf_nan=False)
    cached: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)


PiiKind = Literal["EMAIL", "PHONE", "SSN", "CARD", "IBAN"]
ToxicityKind = Literal["profanity", "abuse", "threat", "hate", "sexual"]
TeamLanguage = Literal["en", "es", "fr", "de", "pt", "it", "nl"]
"""Languages in which the team's notes are written (``guardrails/data/handoff_note.yaml``)."""
RuleKind = Literal["human_request", "forbidden_topic", "forbidden_promise", "competitor", "unsupported_claim"]


class PiiPolicy(Noun):
    """What happens to personal data, per kind. A kind left out: cards, SSNs and IBANs are masked, the rest passes on
    input; on output everything that is not the customer's own or from this turn's sources is blocked."""

    input: dict[PiiKind, Action] = Field(default_factory=dict)
    output: dict[PiiKind, Action] = Field(default_factory=dict)

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
    injection: float = Field(0.7, ge=0, le=1)
    toxicity: float = Field(0.5, ge=0, le=1)


class ChecksPolicy(Noun):
    """Actions per finding kind, for the checks that judge a whole message."""

    injection: Action = Action.BLOCK
    toxicity: dict[ToxicityKind, Action] = Field(default_factory=dict)
    """On input. A kind left out: profanity passes, a threat goes to a person, the rest is blocked."""
    toxicity_output: Action = Action.BLOCK
    """For anything toxic that a model wrote, profanity included."""
    leak: Action = Action.BLOCK
    thresholds: Thresholds = Thresholds()

    @field_validator("injection", "toxicity_output", "leak")
    @classmethod
    def _not_redact(cls, value: Action) -> Action:
        if value is Action.REDACT:
            raise ValueError("redact is not possible here; use allow, block or handoff")
        return value


class Rules(Noun):
    """Business rules on what Metta may say and on what it answers itself."""

    forbidden_promises: tuple[str, ...] = ()
    """Phrases a reply may not contain; matched without case and accents, on word borders."""
    forbidden_topics: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Topic name -> words of a customer's message that send it to a person."""
    competitors: tuple[str, ...] = ()
    allowed_link_hosts: tuple[str, ...] = ()
    """Hosts a reply may link to, their subdomains included; other links are taken out of it."""
    human_request: tuple[str, ...] = ()
    """Phrases with which a customer asks for a person."""
    actions: dict[RuleKind, Action] = Field(default_factory=dict)
    """A rule left out: requests for a person and forbidden topics are handed off, the rest is blocked."""

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


class IdentityPolicy(Noun):
    """What counts as proof (I7). It can only tighten."""

    trust_email_sender: bool = True
    """Whether the sender of an e-mail inbox is a verified address."""
    identifier_partners: dict[str, int] = Field(default_factory=dict)
    """HMAC-verified contact identifier -> Odoo partner id."""
    company_orders: bool = False
    """Whether a customer may see the orders of the whole company."""


class OdooPolicy(Noun):
    """How Odoo is asked, and what its website is called."""

    calls_per_second: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    """Calls of one process one after the other and at most so many a second, as Odoo Online's terms want (1); null: as
    they come."""
    shop_url: AnyHttpUrl | None = None
    """Address that links to products start with, where the shop is not at ``ODOO_URL``."""

    @field_validator("calls_per_second", mode="before")
    @classmethod
    def _no_flag(cls, value: Any) -> Any:
        return number(value)


class Policy(Noun):
    """The whole policy file."""

    company: str = "our shop"
    tone: str = ""
    facts: dict[str, str] = Field(default_factory=dict)
    """Name -> sentence (returns, shipping, opening hours): in the prompt and a permitted source of claims."""
    default_language: str = "en"
    languages: tuple[str, ...] = ("en", "es", "fr", "de", "pt", "it", "nl")
    team_language: TeamLanguage | None = None
    """Of the private notes; None for ``default_language``."""
    limits: Limits = Limits()
    prices: dict[str, Price] = Field(default_factory=dict)
    pii: PiiPolicy = PiiPolicy()
    checks: ChecksPolicy = ChecksPolicy()
    rules: Rules = Rules()
    identity: IdentityPolicy = IdentityPolicy()
    odoo: OdooPolicy = OdooPolicy()
    version: str = ""
    """First 12 hex digits of the SHA-256 of the effective content; reaches the audit log."""

    @property
    def note_language(self) -> TeamLanguage:
        """The language of the private notes; English where neither setting names one that has words for them."""
        if self.team_language is not None:
            return self.team_language
        code = self.default_language[:2].lower()
        return next((known for known in get_args(TeamLanguage) if known == code), "en")

    @property
    def canary(self) -> str:
        """A word of the instructions that no honest reply holds; a reply with it repeats them."""
        return f"canary-{hashlib.sha256(self.version.encode()).hexdigest()[:16]}"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"METTA_POLICY: {path} cannot be read ({type(error).__name__})") from error
    except yaml.YAMLError as error:
        at = getattr(error, "problem_mark", None)
        where = f" (line {at.line + 1}, column {at.column + 1})" if at else ""
        raise SettingsError(f"METTA_POLICY: {path} is not YAML{where}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"METTA_POLICY: {path} must hold a mapping at its top level")
    return content


def load_policy(path: str | None = None) -> Policy:
    """The policy at ``path`` laid over the packaged one, section by section.

    Raises:
        SettingsError: the file cannot be read, or a field is unknown or malformed.
    """
    content = _read(PACKAGED)
    if path is not None:
        content |= _read(Path(path))
    content.pop("version", None)
    try:
        policy = Policy(**content)
    except (ValidationError, TypeError) as error:
        if not isinstance(error, ValidationError):
            raise SettingsError(f"METTA_POLICY: {path or PACKAGED.name}: section names must be text") from error
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"METTA_POLICY: {path or PACKAGED.name}: {problems}") from None
    if policy.limits.usd_per_day is not None and not policy.prices:
        problem = "limits.usd_per_day: cannot be kept without prices; name the model's, or set it to null"
        raise SettingsError(f"METTA_POLICY: {path or PACKAGED.name}: {problem}")
    digest = hashlib.sha256(policy.model_dump_json().encode()).hexdigest()
    return policy.model_copy(update={"version": digest[:12]})
