"""Takes out of a text what tells the trained models nothing: keys, checksums, signs that come again and again.

Blanks take the place of what is taken out, so that places stay the same.
"""

from __future__ import annotations

import re
from collections import Counter

from metta.guardrails import glance
from metta.guardrails.patterns import regex

_REPEATED = regex(r"([^\w\s])(?:\s?\1){1,}+")
_LONG_RUN = 20
_OPAQUE = regex(r"[a-z0-9+/=]{20,4096}+")
_TURN = regex(r"[a-z](?=\d)|\d(?=[a-z])")
_TURNS = 5
"""Changes between letters and digits from which a long run is a key or a checksum and no words."""
_PARTED = regex(r"(?:[^\w\s]{1,8}+(?:\s[^\w\s]{1,4}+){0,4}+\w{1,24}+\s?){4}[^\w\s]")
_GAP = regex(r"[^\w]+|_+")
_COMMAND = regex(r"\\[a-z]{2,12}(?=\{)")
_TAG = regex(r"</?[a-z]{1,8} ?/?>")
_LIST_SIGNS = str.maketrans('[]",', "    ")
"""What stands between the words of a list in JSON, which are judged as the sentence that they may make."""
_OFTEN = 5
_SHARE = 3
"""Signs stand between words as a matter of form when they are so many of the gaps: one in three."""


def telling(folded: str) -> str:
    """``folded`` with blanks in place of what says nothing."""
    if folded[:2] == '["' and folded[-2:] == '"]' and "{" not in folded:
        folded = folded.translate(_LIST_SIGNS)
    raw = glance.octets(folded)
    signs = glance.signs(raw)
    if len(folded) >= _LONG_RUN:
        if glance.has_code(raw, _LONG_RUN):
            folded = _OPAQUE.sub(_blanked, folded)
        if (len(signs) > _OFTEN or glance.has_others(folded, raw)) and _PARTED.search(folded):
            folded = _unparted(folded)
    return _REPEATED.sub(_once, folded) if len(set(signs)) < len(signs) else folded


def _unparted(folded: str) -> str:
    """Without the signs that stand between words again and again, as in lists, links, and words joined by dots."""
    if len(_COMMAND.findall(folded)) >= _OFTEN:
        folded = _COMMAND.sub(_blanks, folded)
    if len(_TAG.findall(folded)) >= _OFTEN:
        folded = _TAG.sub(_blanks, folded)
    gaps = Counter(_GAP.findall(folded))
    least = max(_OFTEN, gaps.total() // _SHARE)
    usual = {gap for gap, number in gaps.items() if number >= least and not gap.isspace()}
    if not usual:
        return folded
    return _GAP.sub(lambda match: _blanks(match) if match.group() in usual else match.group(), folded)


def _blanks(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _once(match: re.Match[str]) -> str:
    return match.group(1) + " " * (len(match.group()) - 1)


def _blanked(match: re.Match[str]) -> str:
    run = match.group()
    return " " * len(run) if len(_TURN.findall(run)) >= _TURNS else run
