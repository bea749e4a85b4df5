"""The policy's numbers: bounds of a turn, a contact, a conversation and a day, and what the model costs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from metta.nouns import Noun

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
    """Earlier messages that the model is shown."""
    history_chars: int = Field(8000, ge=0)
    """Their characters together."""
    model_turns: int = Field(6, ge=1, le=20)
    """Calls of the model in a run, with the tools it calls in between."""
    output_tokens: int = Field(800, ge=50)
    """Of one model call."""
    tokens_per_turn: int = Field(100_000, ge=1000)
    """Input and output of all model calls of a turn, its earlier tries included. A call that could exceed it is not
    made."""
    tool_result_chars: int = Field(6000, ge=500)
    """Of the JSON of one tool's answer."""
    model_call_seconds: Seconds = 25
    """One call of the model."""
    run_seconds: Seconds = 45
    """All that the agent does in a turn."""
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
    """Of the request."""
    cached: float = Field(ge=0, allow_inf_nan=False)
    """Of the part of a request that the API had in its cache."""
    output: float = Field(ge=0, allow_inf_nan=False)
    """Of the answer."""
