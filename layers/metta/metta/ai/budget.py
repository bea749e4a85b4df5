"""The token budget of a turn: no model call is made that could exceed it (I11).

What a call will use is known only afterwards, so the most that it can use is taken: no token of text is shorter than a
byte, and what was in the call before was counted by the API itself. What a call without an answer used is never known;
it counts as that most, for it may be on the bill.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from metta.ai.usage import Tokens, tokens_used
from metta.errors import BudgetExhausted
from metta.messages import AgentWork
from metta.policy import Limits, Price

REASON = "budget_exhausted:tokens"


@dataclass(frozen=True)
class Allowed:
    """The most that one call may use."""

    input: int
    output: int


class TokenBudget:
    """Admits the model calls of one run.

    Args:
        limits: ``tokens_per_turn`` and ``output_tokens``.
        work: the turn's; what calls without an answer may have used is added to it.
        price: of the model.
    """

    def __init__(self, limits: Limits, work: AgentWork, price: Price) -> None:
        self._limits = limits
        self._work = work
        self._price = price
        self._bytes = 0
        self._bytes_before = 0
        self._input_before = 0

    def admit(self, body: dict[str, Any]) -> Allowed:
        """The most that the call with this body can use.

        Raises:
            BudgetExhausted: it could exceed the budget.
        """
        self._bytes = len(json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))
        new = max(0, self._bytes - self._bytes_before)
        allowed = Allowed(self._input_before + new, self._limits.output_tokens)
        if tokens_used(self._work) + allowed.input + allowed.output > self._limits.tokens_per_turn:
            raise BudgetExhausted("the turn's tokens are used up", reason=REASON)
        return allowed

    def answered(self, tokens: Tokens, allowed: Allowed) -> None:
        """The call was answered; where the answer does not say what it used, it counts as the most."""
        if not tokens.input:
            self.lost(allowed)
        else:
            self._bytes_before, self._input_before = self._bytes, tokens.input

    def lost(self, allowed: Allowed) -> None:
        """No answer came and nobody knows what the call used."""
        self._work.unreported_tokens += allowed.input + allowed.output
        self._work.unreported_usd += Tokens(input=allowed.input, output=allowed.output).cost_usd(self._price)
