"""OpenAI's moderation endpoint as a second opinion on toxic messages: one request, free of charge.

Its categories are mapped to Metta's kinds. ``violence`` and ``illicit`` are about descriptions, of which reports of
accidents and broken goods are full, so they say nothing here.
"""

from __future__ import annotations

from typing import Any, Literal

from openai.types import ModerationCreateResponse

from metta.ai.access import Access
from metta.ai.usage import Tokens
from metta.messages import AgentWork, Opinion
from metta.policy_guards import ModerationPolicy

_KINDS = {
    "harassment": "abuse",
    "harassment/threatening": "threat",
    "hate": "hate",
    "hate/threatening": "threat",
    "sexual": "sexual",
    "sexual/minors": "sexual",
    "self-harm/intent": "self_harm",
}
_GRAVEST = ("self_harm", "threat", "hate", "sexual", "abuse")


class Moderation:
    """Asks ``POST /moderations``.

    Args:
        access: to the API.
        wanted: model, threshold and time.
    """

    name: Literal["moderation", "judge"] = "moderation"
    checks = frozenset(("toxicity",))

    def __init__(self, access: Access, wanted: ModerationPolicy) -> None:
        self._access = access
        self._threshold = wanted.threshold
        self.model = wanted.model
        self.seconds = wanted.seconds

    async def ask(self, text: str, work: AgentWork, used: list[Tokens]) -> Opinion:
        """What it says; raises the client's errors, and ``ValueError`` for an answer that is none."""
        del work, used
        body = {"model": self.model, "input": text}
        answer = await self._access.connected().post("/moderations", cast_to=ModerationCreateResponse, body=body)
        scores = scores_of(answer)
        strongest: dict[str, float] = {}
        for category, kind in _KINDS.items():
            strongest[kind] = max(strongest.get(kind, 0.0), scores.get(category, 0.0))
        kind = next((kind for kind in _GRAVEST if strongest[kind] >= self._threshold), "")
        check, score = ("toxicity", strongest[kind]) if kind else ("", 0.0)
        return Opinion(asked="moderation", of="", check=check, kind=kind, score=score)


def scores_of(answer: Any) -> dict[str, float]:
    """The categories' scores.

    Raises:
        ValueError: the answer does not hold the scores of one text.
    """
    try:
        (result,) = answer.results
        told = result.category_scores
        scores = told if isinstance(told, dict) else told.model_dump(by_alias=True)
        read = {name: float(scores[name]) for name in _KINDS}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError("the answer is no moderation of one text") from error
    if not all(0 <= score <= 1 for score in read.values()):
        raise ValueError("a score is out of range")
    return read
