"""What a request to the model used and what that costs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metta.policy import Price

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def price_of(model: str, prices: Mapping[str, Price]) -> Price:
    """The price of a model; a dated snapshot costs what its model does, an unknown one the dearest known price."""
    known = prices.get(model) or prices.get(_SNAPSHOT.sub("", model))
    if known is not None:
        return known
    every = list(prices.values())
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


def _count(holder: Any, name: str) -> int:
    value = getattr(holder, name, 0)
    return value if isinstance(value, int) and value > 0 else 0
