"""The policy file: business rules, facts, guardrail actions, tone, limits and prices, as typed data.

``METTA_POLICY`` names a YAML file; without it the packaged ``policy.yaml`` applies. A section or field left out keeps
its packaged value; lists and tables are replaced whole. A mistake is a ``SettingsError`` that names the file, the line
and the field. ``docs/policy.md`` describes every field.
"""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AnyHttpUrl, BaseModel, Field, ValidationError, field_validator, model_validator

from metta.channels import ChannelName, channel_name
from metta.errors import SettingsError
from metta.nouns import JsonObject, Noun
from metta.policy_audit import AuditPolicy
from metta.policy_errors import in_order, of_nodes, problems
from metta.policy_file import read_file
from metta.policy_guards import (
    ChecksPolicy,
    PiiKind,
    PiiPolicy,
    PromiseKind,
    RuleKind,
    Rules,
    SecondOpinionPolicy,
    Thresholds,
    ToxicityAction,
    ToxicityKind,
)
from metta.policy_limits import Limits, Price, number
from metta.policy_replies import (
    PACKAGED_DISCLOSURES,
    Disclosure,
    LanguageCode,
    WorkingHours,
    iso_language,
)

__all__ = [
    "AuditPolicy",
    "ChannelName",
    "ChecksPolicy",
    "Disclosure",
    "IdentityPolicy",
    "Limits",
    "OdooPolicy",
    "PiiKind",
    "PiiPolicy",
    "Policy",
    "Price",
    "PromiseKind",
    "RuleKind",
    "Rules",
    "SecondOpinionPolicy",
    "TeamLanguage",
    "Thresholds",
    "ToxicityAction",
    "ToxicityKind",
    "WorkingHours",
    "channel_name",
    "load_policy",
    "policy_schema",
]

PACKAGED = Path(__file__).with_name("policy.yaml")

TeamLanguage = Literal["en", "es", "fr", "de", "pt", "it", "nl"]
"""Languages in which the team's notes are written (``guardrails/data/handoff_note.yaml``)."""


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
    """What the shop is called, in the instructions."""
    tone: str = ""
    """How replies shall sound, in the instructions."""
    facts: dict[str, str] = Field(default_factory=dict)
    """Name -> sentence (returns, shipping, opening hours): in the prompt and a permitted source of claims."""
    default_language: str = Field("en", pattern=r"^[a-z]{2}([-_][A-Za-z]{2})?$")
    """Of replies where neither the customer's text nor the browser says one that is allowed; ``de`` or ``de-AT``."""
    languages: tuple[LanguageCode, ...] = Field(("en", "es", "fr", "de", "pt", "it", "nl"), min_length=1)
    """Languages that replies may be in, beside the default one."""
    team_language: TeamLanguage | None = None
    """Of the private notes; None for ``default_language``."""
    working_hours: WorkingHours | None = None
    """When the team is there; None says nothing about it to the customer."""
    disclosures: tuple[Disclosure, ...] = ()
    """What customers must be told."""
    max_reply_chars: dict[ChannelName, Annotated[int, Field(ge=160, le=20_000)]] = Field(default_factory=dict)
    """Channel -> longest reply; a longer one ends at an earlier sentence. A channel left out has only its provider's
    own limit per message, at which replies are split."""
    limits: Limits = Limits()
    prices: dict[str, Price] = Field(default_factory=dict)
    """Model -> price; an unknown model costs the dearest."""
    pii: PiiPolicy = PiiPolicy()
    checks: ChecksPolicy = ChecksPolicy()
    rules: Rules = Rules()
    second_opinion: SecondOpinionPolicy = SecondOpinionPolicy()
    identity: IdentityPolicy = IdentityPolicy()
    odoo: OdooPolicy = OdooPolicy()
    audit: AuditPolicy = AuditPolicy()
    version: str = ""
    """First 12 hex digits of the SHA-256 of the effective content; reaches the audit log."""

    @field_validator("company")
    @classmethod
    def _sayable(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("is empty; it is what the shop is called")
        if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in value):
            raise ValueError("must hold no line breaks and no control characters")
        return value

    @field_validator("default_language")
    @classmethod
    def _a_language(cls, value: str) -> str:
        iso_language(value[:2])
        return value

    @field_validator("max_reply_chars", mode="before")
    @classmethod
    def _no_flags(cls, value: Any) -> Any:
        return {name: number(chars) for name, chars in value.items()} if isinstance(value, dict) else value

    @field_validator("disclosures")
    @classmethod
    def _once_each(cls, value: tuple[Disclosure, ...]) -> tuple[Disclosure, ...]:
        names = [disclosure.name for disclosure in value]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"{twice} is named twice")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        default = self.default_language[:2]
        for disclosure in self.disclosures:
            packaged = not disclosure.text and disclosure.name in PACKAGED_DISCLOSURES
            if not packaged and default not in disclosure.text:
                raise ValueError(f"disclosures: {disclosure.name} needs a text in {default}")
        if self.limits.usd_per_day is not None and self.prices:
            judge = self.second_opinion.judge
            if judge.enabled and judge.model is not None and judge.model not in self.prices:
                raise ValueError(f"prices: {judge.model}, which second_opinion.judge.model names, is not among them")
        return self

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


def _laid_over(base: dict[str, Any], content: dict[Any, Any], model: type[BaseModel]) -> dict[Any, Any]:
    """``content`` over ``base``: sections field by field, everything else whole."""
    merged: dict[Any, Any] = dict(base)
    for name, value in content.items():
        field = model.model_fields.get(name) if isinstance(name, str) else None
        inner = field.annotation if field is not None else None
        if isinstance(inner, type) and issubclass(inner, BaseModel) and isinstance(value, dict):
            value = _laid_over(base.get(name) or {}, value, inner)
        merged[name] = value
    return merged


def load_policy(path: str | None = None) -> Policy:
    """The policy at ``path`` laid over the packaged one.

    Raises:
        SettingsError: the file cannot be read, or a field is unknown or malformed.
    """
    name = path or PACKAGED.name
    content, root, _ = read_file(PACKAGED)
    wrong: list[tuple[int, str]] = []
    if path is not None:
        given, root, impossible = read_file(Path(path))
        wrong += of_nodes(root, impossible)
        content = _laid_over(content, given, Policy)
    content.pop("version", None)
    try:
        policy = Policy(**content)
    except TypeError as error:
        raise SettingsError(f"METTA_POLICY: {name}: section names must be text") from error
    except ValidationError as error:
        raise _mistaken(name, in_order([*wrong, *problems(error, Policy, root)])) from None
    if wrong:
        raise _mistaken(name, in_order(wrong))
    if policy.limits.usd_per_day is not None and not policy.prices:
        problem = "limits.usd_per_day: cannot be kept without prices; name the model's, or set it to null"
        raise _mistaken(name, [problem])
    digest = hashlib.sha256(policy.model_dump_json().encode()).hexdigest()
    return policy.model_copy(update={"version": digest[:12]})


def _mistaken(name: str, wrong: list[str]) -> SettingsError:
    lines = wrong[0] if len(wrong) == 1 else "".join(f"\n  {line}" for line in wrong)
    return SettingsError(f"METTA_POLICY: {name}: {lines}")


def policy_schema() -> JsonObject:
    """The JSON schema of a policy file, for editors and other checkers."""
    schema = Policy.model_json_schema()
    schema["properties"].pop("version")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Metta's policy file"}
