"""Finds e-mail addresses, also with spaces around the @ and with "at" and "dot" in words or brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metta.guardrails.normalise import View

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-\u00c0-\u024f]{1,64}$")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9\u00c0-\u024f](?:[A-Za-z0-9\u00c0-\u024f\-]{0,62})\.){1,8}[A-Za-z]{2,24}")
_AT = re.compile(r" {0,2}(?:@|[(\[{<] ?(?:at|@) ?[)\]}>]|(?<= )at(?= )) {0,2}")
_DOT = r"(?: ?[(\[{] ?(?:dot|punkt|punto|point|\.) ?[)\]}] ?| (?:dot|punkt|punto|point) |\.)"
_WORDY_LOCAL = re.compile(rf"[a-z0-9_+\-]{{1,40}}(?:{_DOT}[a-z0-9_+\-]{{1,40}}){{0,3}}$")
_WORDY_DOMAIN = re.compile(rf"[a-z0-9\-]{{1,40}}(?:{_DOT}[a-z0-9\-]{{1,24}}){{1,4}}")
_DOT_WORD = re.compile(r"\b(?:dot|punkt|punto|point)\b")
_DOTS = re.compile(rf"{_DOT}|\s")
_TOP = frozenset(
    """com org net edu gov io co de fr es it nl pt uk us eu at ch be br mx ar cl pl se no dk fi ie in jp au ca nz me
    info biz museum dev app shop ru cz gr hu ro tr za""".split()  # noqa: SIM905 - a list of words reads better so
)
_PLACES = frozenset(
    """us me you them it look order shop buy bought available arrived here there located store working works sold sale
    listed pick meet visit find found ordered stay still is was are be not just or and item items""".split()  # noqa: SIM905
)
_EDGE = ".,;:!?'\"-"


def find_emails(view: View) -> Iterator[tuple[int, int, float, str]]:
    """Start and end in the view's text, score, and the address in lower case."""
    text, folded = view.text, view.folded
    done = 0
    for match in _AT.finditer(folded):
        if match.start() < done:
            continue
        found = None
        if match.group() == "@":
            found = _plain(text, match.start())
        if found is None:
            found = _wordy(folded, match)
        if found is not None:
            yield found
            done = found[1]


def _plain(text: str, at: int) -> tuple[int, int, float, str] | None:
    domain = _DOMAIN.match(text, at + 1)
    local = _LOCAL.search(text[max(0, at - 64) : at]) if domain else None
    if local is None or domain is None:
        return None
    name = local.group().lstrip(_EDGE + "/=?{|`(&#*")
    if not name or name[-1] == ".":
        return None
    return at - len(name), domain.end(), 0.99, f"{name}@{domain.group()}".lower()


def _wordy(folded: str, at: re.Match[str]) -> tuple[int, int, float, str] | None:
    domain = _WORDY_DOMAIN.match(folded, at.end())
    local = _WORDY_LOCAL.search(folded[max(0, at.start() - 120) : at.start()]) if domain else None
    if local is None or domain is None:
        return None
    parts = [part for part in _DOTS.sub(" ", domain.group()).split() if part]
    while len(parts) > 1 and parts[-1] not in _TOP:
        parts.pop()
    name = _DOTS.sub(".", local.group()).strip(".-")
    if len(parts) < 2 or not name:
        return None
    in_words = "@" not in at.group() and not any(c in at.group() for c in "([{<")
    if in_words and (name in _PLACES or not _DOT_WORD.search(domain.group())):
        return None
    end = at.end()
    for part in parts:
        end = folded.index(part, end) + len(part)
    start = at.start() - len(local.group())
    while folded[start] in ".-":
        start += 1
    return start, end, 0.9, f"{name}@{'.'.join(parts)}"
