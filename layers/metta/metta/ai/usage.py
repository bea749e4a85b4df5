"""What requests to the model used and what that costs, at most where an answer does not say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from metta.messages import AgentWork
from metta.policy import Limits, Price

MAX_RETRIES = 2
"""Further tries of one model call within a run; longer outages go back to the queue."""
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def price_of(model: str, prices: Mapping[str, Price]) -> Price:
    """The price of a model; a dated snapshot costs what its model does, an unknown one the dearest known price."""
    return _known(model, prices) or dearest(prices.values())


def is_priced(model: str, prices: Mapping[str, Price]) -> bool:
    """Whether ``prices`` knows the model, or the one that it is a snapshot of."""
    return _known(model, prices) is not None


def _known(model: str, prices: Mapping[str, Price]) -> Price | None:
    return prices.get(model) or prices.get(_SNAPSHOT.sub("", model))


def dearest(prices: Iterable[Price]) -> Price:
    """The price that is no lower than any of ``prices``; nothing when there are none."""
    every = list(prices)
    return Price(
        input=max((price.input for price in every), default=0),
        cached=max((price.cached for price in every), default=0),
        output=max((price.output for price in every), default=0),
    )


@dataclass(frozen=True)
class Tokens:
    """Token counts of one response."""

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0

    @classmethod
    def of(cls, response: Any) -> Tokens:
        """What a response says it used; zero for all that is missing or no count."""
        usage = getattr(response, "usage", None)
        return cls(
            _count(usage, "input_tokens"),
            _count(getattr(usage, "input_tokens_details", None), "cached_tokens"),
            _count(usage, "output_tokens"),
            _count(getattr(usage, "output_tokens_details", None), "reasoning_tokens"),
        )

    def cost_usd(self, price: Price) -> float:
        """US dollars for them."""
        cached = min(self.cached, self.input)
        millions = (self.input - cached) * price.input + cached * price.cached + self.output * price.output
        return millions / 1_000_000


def tokens_used(work: AgentWork) -> int:
    """Tokens of a turn's model calls so far, at most."""
    return work.unreported_tokens + sum(call.input_tokens + call.output_tokens for call in work.model_calls)


def worst_case_usd(work: AgentWork, limits: Limits, price: Price, *, further_output: int = 0) -> float:
    """The most that one run of the agent can cost in a turn that has done ``work`` already, in US dollars.

    Args:
        work: of the turn so far.
        limits: of the policy.
        price: of the dearest model that is asked.
        further_output: tokens that others than the agent may be answered with.
    """
    tokens = max(0, limits.tokens_per_turn - tokens_used(work))
    output = min(tokens, limits.model_turns * (1 + MAX_RETRIES) * limits.output_tokens + further_output)
    dearest = max(price.input, price.cached)
    return ((tokens - output) * dearest + output * max(price.output, dearest)) / 1_000_000


def spent_usd(work: AgentWork) -> float:
    """What a turn's model calls cost so far, at most, in US dollars."""
    return work.unreported_usd + sum(call.cost_usd for call in work.model_calls)


def _count(holder: Any, name: str) -> int:
    value = getattr(holder, name, 0)
    return value if isinstance(value, int) and value > 0 else 0
