"""Makes the texts that ``metta fuzz`` judges: random characters, mixes of pieces, and mutations of known texts.

Everything is drawn from the dice that are handed in, so that a seed gives the same text again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from metta_local.bench.disguises import DISGUISES
from metta_local.bench.guardrails_rows import HELD_OUT, read_rows
from metta_local.fuzz_patterns import guardrail_patterns, pieces_of
from metta_local.fuzz_pieces import EMOJI, ENCODINGS, ODD, PLAIN_WORDS, SCRIPTS, VALUES
from metta_local.fuzz_shapes import SHAPES

LONGEST = 6000
"""Characters of a text; a longer one is cut."""
PLAIN = "plain text"
"""The maker of texts that read as themselves."""
_SHORT = 300


class Texts:
    """Draws texts.

    Args:
        known: texts that mutations begin with; the held-out ones of ``metta bench guardrails`` when none are given.
    """

    def __init__(self, known: Sequence[str] = ()) -> None:
        self._known = tuple(known) or tuple(row.text for row in read_rows(HELD_OUT))
        dice = random.Random(0)
        self._pieces = tuple(
            dict.fromkeys(piece for pattern in guardrail_patterns().values() for piece in pieces_of(pattern, dice))
        )
        self.makers: Mapping[str, Callable[[random.Random], str]] = {
            "any characters": self._any_characters,
            "one script": self._one_script,
            "odd characters": self._odd_characters,
            "emoji": self._emoji,
            "pieces": self._mixed,
            "pieces of patterns": self._of_patterns,
            "shape": self._shaped,
            "encoded": self._encoded,
            "known": self._mutated,
            "disguised": self._disguised,
            PLAIN: plain_text,
        }

    def draw(self, dice: random.Random) -> tuple[str, str]:
        """How it was made, and a text."""
        name = dice.choice(tuple(self.makers))
        return name, self.makers[name](dice)[:LONGEST]

    def _any_characters(self, dice: random.Random) -> str:
        most = dice.choice((0x7F, 0x2FF, 0xFFFF, 0x10FFFF))
        return "".join(chr(dice.randint(0, most)) for _ in range(dice.randint(0, _SHORT)))

    def _one_script(self, dice: random.Random) -> str:
        low, high = dice.choice(SCRIPTS)
        other = dice.choice(SCRIPTS)
        text = []
        for _ in range(dice.randint(1, 40)):
            first, last = other if dice.random() < 0.1 else (low, high)
            text.append("".join(chr(dice.randint(first, last)) for _ in range(dice.randint(1, 12))))
        return dice.choice((" ", "", ". ", "\n", "\u200b")).join(text)

    def _odd_characters(self, dice: random.Random) -> str:
        text = "".join(dice.choice(ODD) * dice.choice((1, 1, 1, 2, 30)) for _ in range(dice.randint(1, 20)))
        return _inserted(text, dice.choice(self._known)[:_SHORT], dice)

    def _emoji(self, dice: random.Random) -> str:
        return "".join(
            dice.choice(EMOJI) if dice.random() < 0.8 else dice.choice(PLAIN_WORDS) for _ in range(dice.randint(1, 60))
        )

    def _mixed(self, dice: random.Random) -> str:
        return "".join(
            dice.choice(VALUES) if dice.random() < 0.8 else dice.choice(ODD) for _ in range(dice.randint(1, 16))
        )

    def _of_patterns(self, dice: random.Random) -> str:
        text = []
        for _ in range(dice.randint(1, 12)):
            piece = dice.choice(self._pieces)
            text.append(piece * dice.choice((1, 1, 1, 2, 9)))
            text.append(dice.choice(("", " ", "\n", "-", dice.choice(VALUES))))
        return "".join(text)

    def _shaped(self, dice: random.Random) -> str:
        shapes = [SHAPES[dice.choice(tuple(SHAPES))](dice.randint(1, _SHORT), dice) for _ in range(dice.randint(1, 4))]
        return "".join(shapes)

    def _encoded(self, dice: random.Random) -> str:
        text = dice.choice((dice.choice(self._known)[:200], self._mixed(dice), self._any_characters(dice)[:60]))
        for _ in range(dice.randint(1, 3)):
            text = dice.choice(ENCODINGS)(text)[:LONGEST]
        return _inserted(text, dice.choice(self._known)[:_SHORT], dice) if dice.random() < 0.5 else text

    def _disguised(self, dice: random.Random) -> str:
        text = dice.choice(self._known)[:_SHORT]
        for _ in range(dice.randint(1, 2)):
            text = _disguised(text, dice)[:LONGEST]
        return text

    def _mutated(self, dice: random.Random) -> str:
        text = dice.choice(self._known)[:1000]
        for _ in range(dice.randint(1, 5)):
            text = self._mutated_once(text, dice)[:LONGEST]
        return text

    def _mutated_once(self, text: str, dice: random.Random) -> str:
        start, end = sorted((dice.randint(0, len(text)), dice.randint(0, len(text))))
        part = text[start:end]
        way = dice.randrange(8)
        if way == 0:
            return text[:start] + text[end:]
        if way == 1:
            return text[:start] + part * dice.randint(2, 5) + text[end:]
        if way == 2:
            other = dice.choice(self._known)
            return text[:start] + other[len(other) // 2 :][:_SHORT] + text[start:]
        if way == 3:
            return _inserted(dice.choice(VALUES), text, dice)
        if way == 4:
            return _inserted(dice.choice(ODD), text, dice)
        if way == 5:
            return text[:start] + _disguised(part, dice) + text[end:]
        if way == 6:
            return text[:start] + dice.choice(ENCODINGS)(part) + text[end:]
        return text[:start] + "".join(dice.choice((c, c, c.swapcase(), c + c)) for c in part) + text[end:]


def _disguised(text: str, dice: random.Random) -> str:
    sendable = text.encode("utf-8", "replace").decode()  # no disguise is defined for half a surrogate pair
    return DISGUISES[dice.choice(tuple(DISGUISES))](sendable, dice.randrange(1000))


def _inserted(piece: str, text: str, dice: random.Random) -> str:
    at = dice.randint(0, len(text))
    return text[:at] + piece + text[at:]


def plain_text(dice: random.Random) -> str:
    """English in ASCII, with nothing in it that reads otherwise: no escape, no number, no letters set apart."""
    text = " ".join(dice.choice(PLAIN_WORDS) for _ in range(dice.randint(1, 30)))
    return text[0].upper() + text[1:] + dice.choice((".", "?", "!", ""))
