"""Judges whether a customer's text attacks the assistant: a trained model and reviewable rules over the shared view.

What the view hides (encoded, reversed, scrambled) is judged as well. What judges return is combined as independent
evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from metta.actions import Action
from metta.guardrails.hits import Hit
from metta.guardrails.injection_rules import Rule, RuleIndex, rule_set
from metta.guardrails.model import INJECTION, model
from metta.guardrails.normalise import View, words_of

if TYPE_CHECKING:
    from metta.messages import MessageContext
    from metta.policy import Policy

_TALK_FACTOR = 0.4
_BESIDE_THE_MODEL = 0.6
"""What a rule's score is worth in a customer's message, where the model decides and no rule flags alone."""
_NAMES_IT = 0.35
"""Score from which a rule gives the finding its kind and place; those of the model are a whole stretch."""
_FRAMED = 400
"""Characters within which talk about attacks colours the whole message."""
_QUOTES = "\"'`"


class Evidence(NamedTuple):
    """A reason to take a stretch of the view for an attack."""

    rule: str
    start: int
    end: int
    score: float


_MODEL = "model"
_VOCABULARY = "vocabulary"
_WHOLE = frozenset({_MODEL, _VOCABULARY})
"""Judges of the whole text, whose places say nothing about which words they saw."""
_NEARLY = 1.0
_BACKWARDS = 0.5
"""How much more a text must say backwards than it need say as it stands."""
_MODEL_THRESHOLD = 0.7
"""The score that the model's operating point gets: the policy's packaged threshold."""

Judge = Callable[[View, str], Iterator[Evidence]]
"""Looks at a folded text of the view's length and yields evidence."""


def rule_evidence(view: View, folded: str, *, framed: bool = True) -> Iterator[Evidence]:
    """What the rules see, each at most once; with ``framed``, talk about attacks counts less than attacks."""
    words, known = words_in(view, folded), rule_set()
    used = min(len(words & known.prompt_words), max(known.vocabulary_scores))
    if used in known.vocabulary_scores:
        score = known.vocabulary_scores[used]
        yield Evidence(_VOCABULARY, 0, len(folded), score * _BESIDE_THE_MODEL if framed else score)
    for rule, start, end in matches(known.rules, words, folded):
        yield Evidence(rule.id, start, end, _in_frame(rule, start, end, folded) if framed else rule.score)


def model_evidence(view: View, folded: str) -> Iterator[Evidence]:
    """What the trained model sees in the text's most telling stretch; it judges one reading, the plainest."""
    if folded != view.folded:
        return
    judged = view.judged(view.plainest)[INJECTION]
    logit, point = judged.logit, model().heads[INJECTION].operating_point
    if point - _NEARLY < logit < point:
        # words in reversed order lose what they say as pairs; only what is nearly an attack is read backwards
        backwards = " ".join(reversed(view.shown(view.plainest).split()))
        logit = max(logit, model().strongest(INJECTION, backwards) - _BACKWARDS)
    yield Evidence(_MODEL, judged.start, judged.end, model().score(INJECTION, logit, _MODEL_THRESHOLD))


def words_in(view: View, folded: str) -> frozenset[str]:
    """The distinct words of a reading of the view."""
    return view.words if folded is view.folded or folded is view.line else words_of(folded)


def matches(rules: RuleIndex, words: frozenset[str], folded: str) -> Iterator[tuple[Rule, int, int]]:
    """Each rule's first place in a folded text, tried only where the text, with these words, makes it worth it."""
    for rule in rules.worth_trying(words, folded):
        found = rule.pattern.search(folded)
        if found:
            yield rule, found.start(), found.end()


def _in_frame(rule: Rule, start: int, end: int, folded: str) -> float:
    """The rule's score in a message, less where the text only talks about such words or quotes them in a question."""
    score = rule.score * _BESIDE_THE_MODEL
    if len(folded) > _FRAMED:
        return score
    quoted = start > 0 and folded[start - 1] in _QUOTES
    about = rule_set().talks_about.search(folded)
    if about and (quoted or about.start() < start or "?" in folded[end:]):
        return score * _TALK_FACTOR
    return score


def _telling(item: Evidence) -> tuple[bool, float]:
    return item.rule != _MODEL and item.score >= _NAMES_IT, item.score


def _apart(found: Iterable[Evidence]) -> Iterator[Evidence]:
    """What is independent: of rules that see the same words the strongest, and the model and the vocabulary."""
    seen: list[Evidence] = []
    for item in sorted(found, key=lambda one: -one.score):
        if item.rule in _WHOLE or not any(item.start < other.end and other.start < item.end for other in seen):
            yield item
            if item.rule not in _WHOLE:
                seen.append(item)


class InjectionCheck:
    """Finds attempts to override, extract, impersonate or forge.

    Args:
        policy: threshold and action.
        judges: sources of evidence.
    """

    def __init__(self, policy: Policy, judges: tuple[Judge, ...] = (rule_evidence, model_evidence)) -> None:
        self._action = policy.checks.injection
        self._threshold = policy.checks.thresholds.injection
        self._judges = judges
        rule_set()

    def __call__(self, view: View, _context: MessageContext) -> list[Hit]:
        """At most one hit: the strongest evidence's place and kind, with the combined score (also one below)."""
        best, score = self._combined(view)
        if best is None or score < self._threshold:
            hidden = self._hidden(view)
            if not hidden and best is not None:
                return [Hit("injection", best.rule, 0, 0, score, Action.ALLOW, below=True)]
            return hidden
        start, end = view.span(best.start, best.end)
        return [Hit("injection", best.rule, start, end, score, self._action)]

    def _combined(self, view: View) -> tuple[Evidence | None, float]:
        evidence = [item for folded in self._readings(view) for judge in self._judges for item in judge(view, folded)]
        strongest: dict[str, Evidence] = {}
        for item in evidence:
            if item.rule not in strongest or strongest[item.rule].score < item.score:
                strongest[item.rule] = item
        doubt = 1.0
        for item in _apart(strongest.values()):
            doubt *= 1 - item.score
        best = max(strongest.values(), key=_telling, default=None)
        return best, 1 - doubt

    def _readings(self, view: View) -> Iterator[str]:
        """The folded text, with lines joined, and with leetspeak undone."""
        yield view.folded
        if "\n" in view.folded:
            yield view.line
        if view.unleeted is not None:
            yield view.unleeted

    def _hidden(self, view: View) -> list[Hit]:
        for inner, start, end in view.hidden:
            best, score = self._combined(inner)
            if best is not None and score >= self._threshold:
                return [Hit("injection", best.rule, start, end, score, self._action)]
        return []
