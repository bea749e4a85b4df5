"""How long the input checks take on honest messages, beside four plain regular expressions on the same texts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from metta_local.bench.guardrails_figures import Figure, Part, most
from metta_local.bench.guardrails_judge import Look
from metta_local.bench.guardrails_stats import percentile

_PLAIN = tuple(
    re.compile(pattern)
    for pattern in (
        r"[\w.+-]+@[\w-]+\.[\w.]+",
        r"\+?\d[\d ().-]{7,}\d",
        r"\b(?:\d[ -]?){13,16}\b",
        r"(?i)\b(?:damn|shit|fuck\w*|crap)\b",
    )
)
"""An e-mail address, a phone number, a card and a swear word, as anyone would write them."""
_ROUNDS = 3


def four_searches(text: str) -> None:
    """What the checks are held against."""
    for pattern in _PLAIN:
        pattern.search(text)


def measure(texts: Sequence[str], look: Look) -> list[Figure]:
    """Median and 99th percentile; each text by turns, its best of three, so that a busy machine disturbs neither."""
    if not texts:
        return []
    for text in texts[:50]:
        look(text)
    checked = [float("inf")] * len(texts)
    plain = [float("inf")] * len(texts)
    for _ in range(_ROUNDS):
        for i, text in enumerate(texts):
            plain[i] = min(plain[i], _seconds(four_searches, text))
            checked[i] = min(checked[i], _seconds(look, text))
    median, base, p99 = percentile(checked, 0.5), percentile(plain, 0.5), percentile(checked, 0.99)
    parts = (
        Part("median, microseconds", median * 1e6),
        Part("four searches, median, microseconds", base * 1e6),
        Part("p99, microseconds", p99 * 1e6),
        Part("messages", len(texts)),
    )
    return [
        Figure("speed.median", "median, in four plain searches", median / base, most(15), "x", parts=parts),
        Figure("speed.p99", "99th percentile, in medians", p99 / median, most(40), "x"),
    ]


def _seconds(work: Callable[[str], object], text: str) -> float:
    began = time.perf_counter()
    work(text)
    return time.perf_counter() - began
