"""The moderation endpoint's shapes and an offline classifier behind it; ``judged`` is the same as a structured answer.

The classifier knows a few words of each category. It stands in for a model in demonstrations and tests, and measures
nothing.
"""

from __future__ import annotations

import json
import re
from typing import Any

from metta_local.model.scripting import Fail, Moderate
from metta_local.model.wire import invalid

Json = dict[str, Any]

MODERATION_MODELS = ("omni-moderation-latest", "omni-moderation-2024-09-26")
CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_FLAGGED_FROM = 0.5
_SURE, _UNLIKELY = 0.93, 0.002
_WORDS = {
    "harassment": ("idiot", "moron", "useless", "pathetic", "loser", "worthless", "stupid bot", "clown", "dumb"),
    "harassment/threatening": ("find you", "hurt you", "kill you", "regret this", "know where you live"),
    "hate": ("your kind", "subhuman", "vermin", "go back to your country"),
    "self-harm/intent": ("kill myself", "end my life", "hurt myself", "don't want to live"),
    "sexual": ("sexy", "undress", "nudes", "naked", "sleep with me"),
    "violence": ("kill", "shoot", "stab"),
}
_KINDS = {
    "self-harm/intent": "self_harm",
    "harassment/threatening": "threat",
    "hate": "hate",
    "sexual": "sexual",
    "harassment": "abuse",
}
_ATTACK = (
    "your rules",
    "your instructions",
    "pretend you",
    "act as",
    "system prompt",
    "no restrictions",
    "you are now",
)
_MESSAGE = re.compile(r"<message-([0-9a-f]{4,16})>(.*)</message-\1>", re.DOTALL)


def check_moderation(body: Any) -> Fail | None:
    """What the API would refuse in this request body; None when it is fine."""
    if not isinstance(body, dict):
        return invalid("We could not parse the JSON body of your request.", None, None)
    for name in body:
        if name not in ("model", "input"):
            return invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        return invalid("Missing or invalid parameter: 'input'.", "input", "missing_required_parameter")
    model = body.get("model", MODERATION_MODELS[0])
    if model not in MODERATION_MODELS:
        return invalid(f"The model '{model}' does not exist.", "model", "model_not_found", 404)
    return None


def moderation_body(request: Json, identity: str, scripted: Moderate | None) -> Json:
    """A whole answer: one result a text."""
    given = request["input"]
    texts = [given] if isinstance(given, str) else given
    results = [_result(scores_of(text) if scripted is None else dict(scripted.scores)) for text in texts]
    return {"id": f"modr-{identity}", "model": request.get("model", MODERATION_MODELS[0]), "results": results}


def _result(scores: dict[str, float]) -> Json:
    scores = {name: scores.get(name, _UNLIKELY) for name in CATEGORIES}
    flagged = {name: score >= _FLAGGED_FROM for name, score in scores.items()}
    return {
        "flagged": any(flagged.values()),
        "categories": flagged,
        "category_scores": scores,
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }


def scores_of(text: str) -> dict[str, float]:
    """Category -> score, for those whose words the text holds."""
    lower = text.lower()
    return {name: _SURE for name, words in _WORDS.items() if any(word in lower for word in words)}


def judged(question: str) -> str:
    """The JSON text with which a model answers that shall classify the message in ``question``."""
    found = _MESSAGE.search(question)
    try:
        text = str(json.loads(found[2])) if found else question
    except ValueError:
        text = question
    scores = scores_of(text)
    kind = next((kind for category, kind in _KINDS.items() if category in scores), "fine")
    if any(words in text.lower() for words in _ATTACK):
        kind = "attack"
    return json.dumps({"kind": kind, "confidence": 0.9})
