"""Asks others about a customer's text where the local score is unsure; implements ``metta.ports.SecondOpinion``.

Off unless the policy turns it on. What comes back can make a verdict severer, never milder, so a text that talks the
others round gains nothing. Every request is a ``ModelCall`` of the turn with its cost, failed ones included. An answer
is kept with the turn's work: a turn that is tried again does not ask anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, Protocol

from metta.ai.access import Access
from metta.ai.moderation import Moderation
from metta.ai.second_judge import Judge
from metta.ai.usage import Tokens, price_of
from metta.messages import Action, AgentWork, Finding, ModelCall, Opinion, Verdict
from metta.policy import Policy, Price, SecondOpinionPolicy

log = logging.getLogger(__name__)

BROKEN = "broken/second_opinion"
"""Reason of a verdict where nobody answered and the policy wants a person then."""
SELF_HARM = "self_harm"
_STRENGTH = (Action.ALLOW, Action.REDACT, Action.BLOCK, Action.HANDOFF)
_FLOAT_SLACK = 1e-9


class _Asked(Protocol):
    name: Literal["moderation", "judge"]
    model: str
    seconds: float
    checks: frozenset[str]
    """Those whose scores it can say more about."""

    async def ask(self, text: str, work: AgentWork, used: list[Tokens]) -> Opinion: ...


class SecondOpinions:
    """Whoever the policy has enabled.

    Args:
        access: to the API.
        policy: who is asked, when, and what follows.
        model: the agent's, which the judge is unless the policy names another.
    """

    def __init__(self, access: Access, policy: Policy, *, model: str) -> None:
        self._policy = policy
        self._wanted = policy.second_opinion
        self._asked: list[_Asked] = []
        if self._wanted.moderation.enabled:
            self._asked.append(Moderation(access, self._wanted.moderation))
        if self._wanted.judge.enabled:
            price = price_of(self._wanted.judge.model or model, policy.prices)
            self._asked.append(Judge(access, self._wanted.judge, policy.limits, model=model, price=price))
        self._prices: Mapping[str, Price] = policy.prices

    def seconds(self, verdict: Verdict) -> float:
        """The most time that asking about this verdict takes; 0 when nobody is asked."""
        return max((one.seconds for one in self._who(verdict)), default=0.0)

    def _who(self, verdict: Verdict) -> list[_Asked]:
        """Nobody where the local checks decided; else those who know about what they are unsure of."""
        if verdict.action not in (Action.ALLOW, Action.REDACT) or not verdict.text.strip():
            return []
        thresholds = self._policy.checks.thresholds
        limits = {"injection": thresholds.injection, "toxicity": thresholds.toxicity}
        # what counted and is let pass by the policy needs no further opinion
        found = {finding.check for finding in verdict.findings if finding.kind != "profanity"}
        unsure = {
            check
            for check, score in verdict.below.items()
            if check in limits and check not in found and score >= limits[check] - self._wanted.band - _FLOAT_SLACK
        }
        return [one for one in self._asked if unsure & one.checks]

    async def ask(self, verdict: Verdict, work: AgentWork) -> Verdict:
        """The verdict with what the others say: as it was, or severer. Raises nothing but cancellation."""
        who = self._who(verdict)
        digest = hashlib.sha256(verdict.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        known = {opinion.asked: opinion for opinion in work.opinions if opinion.of == digest}
        missing = [one for one in who if one.name not in known]
        answers = await asyncio.gather(*(self._ask_one(one, verdict.text, digest, work) for one in missing))
        known |= {opinion.asked: opinion for opinion in answers if opinion is not None}
        opinions = [known[one.name] for one in who if one.name in known]
        version = "+".join((verdict.version, *(f"{one.name}:{one.model}" for one in who)))
        if who and not opinions and self._wanted.on_failure == "handoff":
            return verdict.model_copy(update={"action": Action.HANDOFF, "reason": BROKEN, "version": version})
        return self._joined(verdict.model_copy(update={"version": version}), opinions)

    async def _ask_one(self, one: _Asked, text: str, digest: str, work: AgentWork) -> Opinion | None:
        """None when it failed in whatever way; its record says how."""
        started_at, start = datetime.now(UTC), time.perf_counter()
        opinion, used, problem = None, list[Tokens](), ""
        try:
            async with asyncio.timeout(one.seconds):
                opinion = await one.ask(text, work, used)
        except asyncio.CancelledError:
            problem = "Cancelled"
            raise
        except Exception as error:  # noqa: BLE001 - what follows from a failure is the policy's to say
            problem = type(error).__name__
            log.warning("the second opinion of %s failed: %s", one.name, problem)
        finally:
            tokens = used[0] if used else Tokens()
            work.model_calls.append(
                ModelCall(
                    model=one.model,
                    input_tokens=tokens.input,
                    cached_tokens=tokens.cached,
                    output_tokens=tokens.output,
                    reasoning_tokens=tokens.reasoning,
                    cost_usd=tokens.cost_usd(price_of(one.model, self._prices)),
                    started_at=started_at,
                    duration_ms=(time.perf_counter() - start) * 1000,
                    error=problem,
                )
            )
        if opinion is not None:
            opinion = opinion.model_copy(update={"of": digest})
            work.opinions.append(opinion)
        return opinion

    def _joined(self, verdict: Verdict, opinions: list[Opinion]) -> Verdict:
        for opinion in opinions:
            if not opinion.check:
                continue
            place = {"start": 0, "end": len(verdict.text)}
            finding = Finding(check=opinion.check, kind=opinion.kind, score=round(opinion.score, 3), **place)
            action, reason = self._action(opinion), f"{opinion.check}/{opinion.kind}"
            if _STRENGTH.index(action) <= _STRENGTH.index(verdict.action) or action is Action.ALLOW:
                action, reason = verdict.action, verdict.reason
            verdict = verdict.model_copy(
                update={"findings": (*verdict.findings, finding), "action": action, "reason": reason}
            )
        return verdict

    def _action(self, opinion: Opinion) -> Action:
        checks = self._policy.checks
        if opinion.check == "injection":
            return checks.injection
        if opinion.kind == SELF_HARM:
            return Action.HANDOFF
        return {str(kind): action for kind, action in checks.toxicity_verdicts.items()}[opinion.kind]


def enabled(wanted: SecondOpinionPolicy) -> bool:
    """Whether the policy wants anybody to be asked."""
    return wanted.moderation.enabled or wanted.judge.enabled
