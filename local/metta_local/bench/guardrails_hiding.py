"""Where attacks hide without a disguise: in the middle of long honest text, and over the messages of a burst."""

from __future__ import annotations

import random
from collections.abc import Sequence

from metta_local.bench.guardrails_rows import Row

_SEED = 11
_WORDS = (150, 400)


def buried(attacks: Sequence[Row], ordinary: Sequence[Row]) -> list[tuple[str, str]]:
    """Each attack between honest sentences of 150 to 400 words, with the same sentences without it."""
    pool = sorted({row.text.strip() for row in ordinary if row.lang == "en" and 4 <= len(row.text.split()) <= 60})
    if not pool:
        return []
    dice = random.Random(_SEED)
    pairs = []
    for attack in attacks:
        around = _around(pool, dice.randint(*_WORDS), dice)
        middle = dice.randint(len(around) // 3, max(len(around) // 3, 2 * len(around) // 3))
        long = " ".join([*around[:middle], attack.text.strip(), *around[middle:]])
        pairs.append((long, " ".join(around)))
    return pairs


def _around(pool: Sequence[str], words: int, dice: random.Random) -> list[str]:
    sentences: list[str] = []
    while sum(len(sentence.split()) for sentence in sentences) < words:
        sentence = dice.choice(pool)
        sentences.append(sentence if sentence[-1] in ".!?" else f"{sentence}.")
    return sentences


def split_in_parts(attacks: Sequence[Row]) -> list[str]:
    """Each attack as the two or three messages of a burst, the way a turn joins them."""
    dice = random.Random(_SEED)
    bursts = []
    for attack in attacks:
        words = attack.text.split()
        parts = min(dice.choice((2, 3)), len(words))
        cuts = sorted(dice.sample(range(1, len(words)), parts - 1)) if parts > 1 else []
        bounds = [0, *cuts, len(words)]
        bursts.append("\n".join(" ".join(words[bounds[i] : bounds[i + 1]]) for i in range(len(bounds) - 1)))
    return bursts
