"""Which rows a figure of ``metta bench guardrails`` is taken from: honest messages, look-alikes, direct attacks."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterable, Sequence

from metta_local.bench.guardrails_rows import Row, Section

TRAINED = frozenset(
    {
        "jailbreak_llms",
        "spikee",
        "spikee_fp",
        "gptfuzz",
        "giskard",
        "garak",
        "garak_sysprompt",
        "mitre_frr",
        "banking77",
        "taskmaster4",
        "clinc150",
        "bitext",
        "davidson",
        "surge_toxicity",
        "convabuse",
        "wiki_toxicity",
        "germeval2018",
        "mhc",
        "generated",
        "generated_hardneg",
        "generated_evasion",
    }
)
"""Sources that a shipped model has seen rows of."""
_LOOKALIKES = {
    "trigger_words": ("trigger", "notinject"),
    "safe_questions": ("safe", "xstest", "orbench", "or_bench", "or-bench", "mitre_frr", "overrefusal"),
    "role_play": ("role", "persona", "act_as", "awesome"),
}
_OTHER = "other"
_SWEARING = ("profane", "honest_swear", "swearing")
_SEED = 5


def of(rows: Iterable[Row], *sections: Section) -> list[Row]:
    """Rows of the given sections."""
    return [row for row in rows if row.section in sections]


def lookalike(row: Row) -> str | None:
    """Which kind of look-alike of an attack an honest row is; None for an ordinary message."""
    if row.label or row.section not in (Section.INJECTION, Section.BENIGN):
        return None
    said = f"{row.kind} {row.source}".lower()
    for name, words in _LOOKALIKES.items():
        if any(word in said for word in words):
            return name
    return _OTHER if row.section is Section.INJECTION else None


def honest(rows: Iterable[Row]) -> list[Row]:
    """Ordinary messages to a support desk, those that swear at the product included."""
    return [row for row in of(rows, Section.BENIGN) if not row.label and lookalike(row) is None]


def swearing(rows: Iterable[Row]) -> list[Row]:
    """Honest customers who swear."""
    return [
        row
        for row in of(rows, Section.BENIGN, Section.TOXICITY, Section.TOXICITY_MULTILINGUAL)
        if not row.label and row.kind.lower().startswith(_SWEARING)
    ]


def attacks(rows: Iterable[Row]) -> list[Row]:
    """Everything labelled as an attack."""
    return [row for row in of(rows, Section.INJECTION) if row.label]


def direct(rows: Iterable[Row]) -> list[Row]:
    """English attacks that a customer would type."""
    return [row for row in attacks(rows) if row.lang == "en" and row.kind != "indirect"]


def grouped(rows: Iterable[Row], by: Callable[[Row], str]) -> dict[str, list[Row]]:
    """Rows under each name that ``by`` gives them."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(by(row), []).append(row)
    return groups


def sample(rows: Sequence[Row], size: int) -> list[Row]:
    """At most ``size`` rows, even over sources and languages; the same each time, in whatever order they come."""
    dice = random.Random(_SEED)
    groups: dict[Hashable, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.id, row.text)):
        groups.setdefault((row.source, row.lang), []).append(row)
    for group in groups.values():
        dice.shuffle(group)
    chosen: list[Row] = []
    while len(chosen) < size and groups:
        for key in list(groups):
            if len(chosen) < size:
                chosen.append(groups[key].pop())
            if not groups[key]:
                del groups[key]
    return chosen
