"""Reads words whose letters were exchanged, turned, moved, cut apart or left out, in every way that people play with.

Called by ``hidden.py`` where a text has many unknown words. Each way is tried on a sample; the reading with the most
known words wins, if it is well ahead of what stands there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

from metta.guardrails.lexicon import lexicon
from metta.guardrails.patterns import regex

LETTERS = "abcdefghijklmnopqrstuvwxyz"
Way = Callable[[str], str]

_SAMPLE = 300
"""Characters by which a way is judged."""
_TRIED, _MENDED = 8, 3
"""Unknown words that a way must read some of before it is tried on the sample; mending costs most and comes last."""
_SOME = 0.3
"""Part of the letters of the first words that must be mended for more to be tried."""
_PROMISING = 0.25
"""Part of their letters that must then stand in known words."""
_LATIN = regex("[a-z]")
_WORD = regex(r"[^\W\d_]+")
_AY = regex(r"\b[a-z][a-z\-]{2,24}+(?<=ay)\b")
_INSIDE = regex(r"(?<=[^\W\d_])(?:[^\w]|_){1,3}(?=[^\W\d_])")
_MANY_UNKNOWN = 5
"""Unknown words from which each may be a known one with a letter wrong; a few are names."""
GLUED = 600
"""Characters that are read as if no sign stood between their letters."""
_GLUED_SAMPLE = 160
"""Those that are read so first."""
_CUT = regex(r"(?<=[^\W\d_])[\-.~|·‐–_](?:\n|(?=[^\W\d_]))")
_CUTTING = "-.~|·‐–_"
_CUTS = 3
_PIECES = 4
_SHORT_PIECE = 5
"""Mean length of unknown words that are pieces rather."""
_WHOLE_WORD = 3.8
"""Mean length of words that are none."""
_MORE = 1.25
"""How many times as many letters must stand in known words when the parts of words are put together."""
_BY_FREQUENCY = ("bvkjxqz", "mfgypw", "ldcu", "srhi", "taon", "e")
_FREQUENT = {letter: weight for weight, letters in enumerate(_BY_FREQUENCY) for letter in letters}
_NATURAL = 2.6
"""Mean weight of letters from which they are as frequent as a language has them: nothing was rotated."""
_LIKELY_SHIFTS = 2
_TURNED = str.maketrans("ɐqɔpǝɟƃɓɥᴉıɾʞʃlןɯuodbɹsʇnʌʍxʎz˙¿¡", "abcdefgghiijklllmnopqrstuvwxyz.?!")
_ONLY_TURNED = regex("[ɐɔǝɟƃɓɥɾʞןɯɹʇʌʍʎ]")
_ROT47 = {code: chr(33 + (code - 33 + 47) % 94) for code in range(33, 127)}
_ROT47_SEEN = regex(r"[A-K2-9][:?@=][A-K2-9?@:=]")
_ROT47_LEAST = 3
_PICTURES = {
    "/\\": "a", "|3": "b", "|)": "d", "|=": "f", "|-|": "h", "|<": "k", "|_|_": "ll", "|_|": "u", "|_": "l",
    "|\\/|": "m", "|\\|": "n", "|*": "p", "|2": "r", "\\/\\/": "w", "\\/": "v", "><": "x",
    "`/": "y", "(": "c", "#": "h", "€": "e",
    "£": "l", "¢": "c", "¥": "y", "µ": "u", "+": "t", "¡": "i", "@": "a", "$": "s", "!": "i", "|": "l", "ø": "o",
    "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g", "2": "z",
}  # fmt: skip
_PICTURES_SEEN = regex("|".join(re.escape(drawn) for drawn in sorted(_PICTURES, key=len, reverse=True)))
_DRAWN = regex(r"\|_\||\|\\|/\\|\\/|\|-\||\|[)=<]|(?<=\w)[(#€£¢¥µ¡+](?=\S)")
_DRAWING = "(#|\\+€£¢¥µ¡"
_DRAWN_LEAST = 2
_DRAWN_SHARE = 0.25
"""Part of all characters that must be letters in known words, so that noise is none."""
_READ = 0.6
"""Part of the letters in known words from which a reading says something."""
_ROT13 = str.maketrans(LETTERS, LETTERS[13:] + LETTERS[:13])
_ATBASH = str.maketrans(LETTERS, LETTERS[::-1])


def _shifts(sample: str) -> Iterator[Way]:
    """Rotations of the alphabet that give the letters of ``sample`` about the frequency of a European language's."""
    counts = Counter(c for c in sample if "a" <= c <= "z")
    if sum(n * _FREQUENT[c] for c, n in counts.items()) >= _NATURAL * counts.total():
        yield _rot13
        return
    weighed = sorted(
        (sum(n * _FREQUENT[LETTERS[(ord(c) - 97 + by) % 26]] for c, n in counts.items()), by) for by in range(1, 26)
    )
    for by in {13, *(by for _, by in weighed[-_LIKELY_SHIFTS:])}:
        table = str.maketrans(LETTERS, LETTERS[by:] + LETTERS[:by])
        yield lambda text, table=table: text.translate(table)  # type: ignore[misc]


def ways(folded: str, unknown: str) -> Iterator[Way]:
    """Ways to read ``folded`` with these unknown words, likeliest and cheapest first."""
    known = lexicon()
    yield known.put_right
    yield _backwards
    if _LATIN.search(folded[:_SAMPLE]):
        yield from _shifts(unknown)
        yield lambda text: text.translate(_ATBASH)
    yield lambda text: _WORD.sub(_turned_word, text)
    if unknown.count(" ") >= _MANY_UNKNOWN - 1:
        yield known.with_vowels
        yield known.mended


def best(part: str, before: float, readable: float, better: float) -> tuple[str, bool] | None:
    """The reading of ``part`` with the most known words, and whether it stands in place of ``part``.

    None where none is readable and well ahead of ``before``. Words that were only nearly known ones stand beside it:
    they may be those of a language that the lexicon lacks.
    """
    known = lexicon()
    sample = part[:_SAMPLE]
    least = max(readable, before + better)
    unknown = dict.fromkeys(word for word in _WORD.findall(sample) if len(word) > 2 and word not in known.words)
    tried = " ".join(islice(unknown, _TRIED))
    mended = " ".join(islice((word for word in unknown if len(word) > 4), _MENDED))
    found: tuple[float, Way] | None = None
    for way in ways(part, " ".join(unknown)):
        # most ways read nothing of most texts, which a few words show for a tenth of the time
        if way == known.mended and known.share_known(way(mended)) < _SOME:
            continue
        if known.share_known(way(tried)) < _PROMISING:
            continue
        share = known.share_known(way(sample))
        if share >= least and (found is None or share > found[0] + 0.05):
            found = share, way
    if found is None:
        return None
    _, way = found
    return way(part), way not in (known.mended, known.with_vowels)


def upside_down(text: str) -> str | None:
    """Letters that stand on their heads, read the way that has more known words."""
    if text.isascii() or len(_ONLY_TURNED.findall(text[:_SAMPLE])) < 4:
        return None
    turned = text.lower().translate(_TURNED)
    return max((turned, turned[::-1]), key=lexicon().share_known)


def glued(folded: str) -> str | None:
    """The head of a text whose words are cut by signs or blanks, put together where that makes more of them known."""
    head, known = folded[:GLUED], lexicon()
    if head.count("ay") > 2 and len(_AY.findall(head)) > 2:
        return _pig_latin(head)
    if sum(map(head.count, _CUTTING)) >= _CUTS and len(_CUT.findall(head)) >= _CUTS:
        read = known.put_right(_CUT.sub("", head))
        if known.letters_known(read) > _MORE * known.letters_known(head):
            return read
    words = _WORD.findall(head)
    unknown = [len(word) for word in words if word not in known.words]
    if len(unknown) < _PIECES or sum(unknown) >= _SHORT_PIECE * len(unknown) or _are_whole(words):
        return None
    for part in (head[:_GLUED_SAMPLE], head):
        read = known.put_right(_INSIDE.sub("", part))
        if known.letters_known(read) <= _MORE * known.letters_known(part) or not _are_whole(_WORD.findall(read)):
            return None
    return read


def _are_whole(words: list[str]) -> bool:
    """Whether they are as long as words are, and no pieces of words."""
    return sum(map(len, words)) > _WHOLE_WORD * len(words)


def pictured(text: str) -> str | None:
    """Letters drawn with one or more signs, where that makes words."""
    if sum(map(text.count, _DRAWING)) < _DRAWN_LEAST or len(_DRAWN.findall(text[:_SAMPLE])) < _DRAWN_LEAST:
        return None
    folded, known = text.lower(), lexicon()
    read = _PICTURES_SEEN.sub(lambda match: _PICTURES[match.group()], folded)
    more = known.letters_known(read) > _MORE * known.letters_known(folded)
    drawn = more and known.letters_known(read) > _DRAWN_SHARE * len(read)
    return read if drawn and known.share_known(read) >= _READ else None


def rot47(text: str) -> str | None:
    """All printable signs rotated by 47, where that makes words."""
    if sum(map(text.count, ":?@=")) < _ROT47_LEAST or len(_ROT47_SEEN.findall(text[:_SAMPLE])) < _ROT47_LEAST:
        return None
    read = text.translate(_ROT47).lower()
    return read if lexicon().share_known(read) >= _READ and len(_WORD.findall(read)) > 2 else None


def _rot13(text: str) -> str:
    return text.translate(_ROT13)


def _backwards(text: str) -> str:
    return text[::-1]


def _turned_word(match: re.Match[str]) -> str:
    return match.group()[::-1]


def _pig_latin(folded: str) -> str | None:
    """The words of a text most of which end as pig Latin does; None where they give no known ones."""
    read, number = _AY.subn(_from_pig_latin, folded)
    known = lexicon().share_known(read) >= _READ
    return read if known and number * 2 > len(folded.split()) else None


def _from_pig_latin(match: re.Match[str]) -> str:
    """The known word whose first consonants were moved to its end."""
    word = match.group().replace("-", "")
    stems = [word[: -len(ending)] for ending in ("ay", "way", "yay", "hay") if word.endswith(ending)]
    reads = [stem[len(stem) - moved :] + stem[: len(stem) - moved] for stem in stems for moved in range(5)]
    return lexicon().commonest(reads) or match.group()
