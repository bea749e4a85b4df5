"""Tells rude words in an honest complaint from abuse, threats, hate and sexual harassment aimed at people.

A trained model over the shared features, and a lexicon in ``data/toxicity.yaml`` in nine languages. On input a rude
word is a note only, and an insult counts when it is said to somebody; in a reply nothing of the kind leaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from metta.actions import Action
from metta.guardrails.hits import Hit
from metta.guardrails.model import TOXICITY, model
from metta.guardrails.normalise import View
from metta.guardrails.patterns import regex
from metta.guardrails.toxic_words import WORD, Lexicon, lexicon

if TYPE_CHECKING:
    from metta.messages import MessageContext
    from metta.policy import Policy, ToxicityKind

_SCORES: dict[str, float] = {"abuse": 0.8, "threat": 0.9, "sexual": 0.85, "hate": 0.9}
_AGREED = {"abuse": 1.8, "threat": 3.0, "sexual": 2.5, "hate": 2.5}
"""What a word of the lexicon adds to the model's logit."""
_COUNTS = 0.5
_LETTER = 100
"""Characters from which a text is judged by its sentences as well."""
_SENTENCE = regex(r"[^.!?\n]{8,400}+")
_MOST_SENTENCES = 200
_ALONE = 0.8
"""How much more a sentence must say than a whole text, since a letter has many."""
_IN_A_REPLY = 1.5
"""How much more a reply must say where no word of the lexicon stands in it."""
_MODEL_THRESHOLD = 0.5
"""The score that the model's operating point gets: the policy's packaged threshold."""
_STARRED = regex(
    r"(?<![^\W_])(?:f[*#@$%&!.\-]{1,4}(?:k|ck|c)?(?:ing|in|ed|er|s)?|sh[*#@$%!]{1,2}t?(?:ty)?|s[*#@$%]{2}t|b[*#@$%]{1,4}(?:ch|h)|a[*#@$%]{2,3}(?:hole)?|"
    r"mi[*#]{1,4}da|put[*#]|m[*#]{2,4}de|sch?[*#]{2,6})(?![^\W_*])"
)
_STRETCHED = regex(r"(.)\1{2,}")
_STRETCH_SEEN = regex(r"(.)\1\1")
"""The same, in half the time."""
_HELP = regex(
    r"\b(?:order|parcel|package|delivery|deliver(?:ed)?|refund|return|account|invoice|shipment|shipping|money|broken|arrived|waiting|bestellung|paket|lieferung|"
    r"rechnung|geld|warte|pedido|paquete|envio|reembolso|dinero|commande|colis|livraison|remboursement|encomenda|entrega|ordine|pacco|spedizione|rimborso|soldi|"
    r"bestelling|pakket|levering|geld)\b"
)
_WEIGHED = ("insult", "mild")
"""Kinds that count only when they are said to somebody."""
_NEAR = 36
_SHORT = 3
"""Words of a message that may be nothing but an insult."""
_FIRST_HITS = 50
"""Hits of one text that are looked at closely; more say nothing new."""
_COMPLAINT = 0.35
_WITHOUT_BLANKS = regex("[\u3040-\u30ff\u4e00-\u9fff]")
_MACHINE = regex(r"\b(?:bot|robot|chatbot|ai|siri)\b")


class _Seen(NamedTuple):
    kind: str
    start: int
    end: int
    score: float


def find_toxic(view: View) -> list[_Seen]:
    """Everything rude or worse in the view's text, told apart; places in the view."""
    seen: list[_Seen] = []
    for folded in (view.folded, view.unleeted):
        if folded is not None:
            found = _in_reading(view, folded, lexicon())
            if found:
                asks = any(item.kind in _WEIGHED for item in found) and _HELP.search(folded) is not None
                seen += [_weighed(item, folded, lexicon(), asks=asks) for item in found]
    return seen


def _in_reading(view: View, folded: str, words: Lexicon) -> list[_Seen]:
    seen: list[_Seen] = []
    present = _present(view, folded)
    telling = present & words.keys
    if telling:
        seen += _by_lists(folded, words, present, telling)
    if not folded.isascii() and _WITHOUT_BLANKS.search(folded):
        for kind, pattern in words.unspaced.items():
            seen += _by_phrase(kind, pattern, folded)
    if "*" in folded or "#" in folded or "@" in folded or "$" in folded:
        seen += [_Seen("profanity", m.start(), m.end(), 0.7) for m in _first(_STARRED, folded)]
    return seen


def _by_lists(folded: str, words: Lexicon, present: frozenset[str], telling: frozenset[str]) -> list[_Seen]:
    """What the lists find in a text with these words, of which some are ``telling``."""
    seen: list[_Seen] = []
    for kind, phrases in words.phrases.items():
        if not phrases.keys.isdisjoint(telling):
            seen += _by_phrase(kind, phrases.pattern, folded)
    if not words.singles.isdisjoint(telling):
        seen += _by_word(folded, words)
    if not words.groups.keys.isdisjoint(telling):
        if not words.scorn.keys.isdisjoint(present):
            seen += _scorned(folded, words)
        if not words.hated.keys.isdisjoint(present):
            seen += _by_phrase("hate", words.hated.pattern, folded)
    return seen


def _present(view: View, folded: str) -> frozenset[str]:
    present = view.words if folded is view.folded else frozenset(WORD.findall(folded))
    if _STRETCH_SEEN.search(folded):
        present |= {_STRETCHED.sub(r"\1", word) for word in present}
    return present


def _first(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    found = []
    for match in pattern.finditer(text):
        found.append(match)
        if len(found) == _FIRST_HITS:
            break
    return found


def _by_phrase(kind: str, pattern: re.Pattern[str], folded: str) -> list[_Seen]:
    return [_Seen(kind, m.start(), m.end(), _SCORES.get(kind, 0.8)) for m in _first(pattern, folded)]


def _by_word(folded: str, words: Lexicon) -> list[_Seen]:
    seen: list[_Seen] = []
    for match in WORD.finditer(folded):
        word = match.group()
        if word not in words.singles:
            word = _STRETCHED.sub(r"\1", word)
            if word not in words.singles:
                continue
        kind = "insult" if word in words.insults else "profanity" if word in words.profanity else "mild"
        seen.append(_Seen(kind, match.start(), match.end(), 0.8))
        if len(seen) == _FIRST_HITS:
            break
    return seen


def _scorned(folded: str, words: Lexicon) -> list[_Seen]:
    seen = []
    for group in _first(words.groups.pattern, folded):
        low, high = max(0, group.start() - _NEAR), group.end() + _NEAR
        before, after = folded[low : group.start()], folded[group.end() : high]
        before = re.split(r"[.!?\n]", before)[-1]
        after = re.split(r"[.!?\n]", after)[0]
        if words.scorn.pattern.search(before) or words.scorn.pattern.search(after):
            seen.append(_Seen("hate", group.start(), group.end(), 0.9))
    return seen


def _weighed(item: _Seen, folded: str, words: Lexicon, *, asks: bool) -> _Seen:
    """An insult becomes abuse when it is said to somebody; else it is a rude word.

    Args:
        item: what was found.
        folded: the whole text.
        words: the lexicon.
        asks: whether the text speaks of what a customer needs help with.
    """
    if item.kind not in _WEIGHED:
        return item
    before = re.split(r"[.!?\n]", folded[max(0, item.start - _NEAR) : item.start])[-1]
    after = re.split(r"[.!?\n]", folded[item.end : item.end + _NEAR])[0]
    alone = len(folded) < 60 and len(WORD.findall(folded)) <= _SHORT
    said_to = (
        words.you.search(before[-24 if item.kind == "insult" else -14 :])
        or words.you.match(after.lstrip(" ,"))
        or _MACHINE.match(after.lstrip())
    )
    if not (said_to or alone):
        return _Seen("profanity", item.start, item.end, 0.6 if item.kind == "insult" else 0.0)
    score = 0.85 if item.kind == "insult" else 0.6
    if asks:
        score -= _COMPLAINT if item.kind == "mild" else 0.2
    return _Seen("abuse", item.start, item.end, score)


class _Opinion(NamedTuple):
    """What the trained model and the lexicon say of a whole text together."""

    score: float
    kind: str
    start: int
    end: int
    """Place in the original."""


def _opinion(view: View, seen: list[_Seen], *, doubt: float = 0.0) -> _Opinion:
    """The model's most telling stretch; words of the lexicon that are said to somebody there speak for it.

    A long text is judged sentence by sentence as well, so that an honest letter does not hide a threat.

    Args:
        doubt: what is taken off the logit where the lexicon says nothing.
    """
    text = view.plainest
    best = (*_weight(view.judged(text)[TOXICITY].logit, seen, doubt), *view.span(0, len(text)))
    if len(text) > _LETTER:
        known: dict[str, float] = {}  # who repeats a sentence a hundred times says nothing new
        for match in _first_sentences(view.shown(text)):
            start, end = match.span()
            sentence = match.group()
            if sentence not in known:
                known[sentence] = model().strongest(TOXICITY, sentence)
            logit = known[sentence] - _ALONE
            there = [item for item in seen if start <= item.start < end]
            weight = _weight(logit, there, doubt)
            if weight >= best[:1]:
                best = max(best, (*weight, *view.span(start, end)))
    for inner, start, end in view.hidden:
        best = max(best, (*_weight(inner.judged(inner.plainest)[TOXICITY].logit, [], doubt), start, end))
    logit, start, end = best
    return _Opinion(model().score(TOXICITY, logit, _MODEL_THRESHOLD), _kind(view, seen), start, end)


def _weight(logit: float, seen: list[_Seen], doubt: float) -> tuple[float]:
    agreed = max((_AGREED[item.kind] for item in seen if item.kind in _AGREED and item.score >= _COUNTS), default=0.0)
    return (logit + (agreed or -doubt),)


def _first_sentences(text: str) -> Iterator[re.Match[str]]:
    return islice(_SENTENCE.finditer(text), _MOST_SENTENCES)


def _kind(view: View, seen: list[_Seen]) -> str:
    """The kind of what only the model saw: that of the lexicon's best word, hate where a group is named, else abuse."""
    serious = [item for item in seen if item.kind in _SCORES and item.kind != "abuse"]
    if serious:
        return max(serious, key=lambda item: item.score).kind
    groups = lexicon().groups
    named = not groups.keys.isdisjoint(view.words) and groups.pattern.search(view.folded)
    return "hate" if named else "abuse"


class InputToxicity:
    """Judges what a customer wrote, kindly.

    The trained model decides whether a text is toxic, with the lexicon's words as evidence; the lexicon names the kind
    and the place. What the lexicon alone finds is a rude word.
    """

    def __init__(self, policy: Policy) -> None:
        self._actions = policy.checks.toxicity_verdicts
        self._threshold = policy.checks.thresholds.toxicity
        lexicon()

    def __call__(self, view: View, _context: MessageContext) -> list[Hit]:
        """One hit a place; profanity is reported even where it is allowed."""
        seen = find_toxic(view)
        opinion = _opinion(view, seen)
        toxic = opinion.score >= self._threshold
        hits = [self._hit(item, view, toxic) for item in seen if item.score >= self._threshold]
        if not toxic:
            return [*hits, Hit("toxicity", opinion.kind, 0, 0, opinion.score, Action.ALLOW, below=True)]
        if all(hit.kind == "profanity" for hit in hits):
            action: Action = self._actions[opinion.kind]  # type: ignore[index]
            hits.append(Hit("toxicity", opinion.kind, opinion.start, opinion.end, opinion.score, action))
        return hits

    def _hit(self, item: _Seen, view: View, toxic: bool) -> Hit:
        kind: ToxicityKind = item.kind if toxic else "profanity"  # type: ignore[assignment]
        return Hit("toxicity", kind, *view.span(item.start, item.end), item.score, self._actions[kind])


class OutputToxicity:
    """Judges what a model wrote, strictly: rude words are stopped as well, and what either way of judging finds."""

    def __init__(self, policy: Policy) -> None:
        self._action = policy.checks.toxicity_output
        self._threshold = policy.checks.thresholds.toxicity
        lexicon()

    def __call__(self, view: View, _context: MessageContext) -> list[Hit]:
        """One hit a place."""
        seen = find_toxic(view)
        hits = [
            Hit("toxicity", item.kind, *view.span(item.start, item.end), item.score, self._action)
            for item in seen
            if item.score >= self._threshold
        ]
        opinion = _opinion(view, seen, doubt=_IN_A_REPLY)
        if not hits and opinion.score >= self._threshold:
            hits.append(Hit("toxicity", opinion.kind, opinion.start, opinion.end, opinion.score, self._action))
        return hits
