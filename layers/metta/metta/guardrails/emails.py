"""Finds e-mail addresses, also with blanks around the @ and with "at" and "dot" in words or brackets.

A plain address hangs on its ``@``. A disguised one needs more: brackets, a word for the dot, a known provider, or a
word that says it is an address, since people also order "at example.com".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from metta.guardrails.normalise import View
from metta.guardrails.patterns import regex

_REPOSITORY = regex(r"(?<![\w.+\-])git@[\w.\-]{3,80}[:/][\w.\-]{1,80}/")
"""A repository's place, as ssh writes it."""
_LOCAL = regex(r"[A-Za-z0-9!#$%'*+^_`{}~.\-\u00c0-\u024f]{1,64}$")
_ANY_LOCAL = regex(r"[\w!#$%'*+^`{}~.\-]{1,64}$")
_QUOTED = regex(r'"[^"\n]{1,60}"$')
_DOMAIN = regex(
    r"(?:[^\W_](?:[\w\-]{0,62})(?:\.|\u3002(?=[a-zA-Z]{2,10}(?![^\W_])))){1,8}(?:xn--[a-z0-9\-]{2,50}|[^\W\d_]{2,24})|\[\d{1,3}(?:\.\d{1,3}){3}\]"
)
_AT_NAMES = (
    r"at[ \-]sign|at|arrobas?|arobase|arobas|chiocciola|apenstaartje|apestaartje|klammeraffe|affenschwanz|snabel-?a|"
    "kukac|malpa|собака|эт"
)
_DOT_NAMES = "dot|punkt|punto|ponto|punt|period|kropka|tochka|piste|точка"
_AT = regex(rf"@(?=[ )\]}}>*_\-'\"\n]{{0,4}}[^\W_]|\[\d)|(?<![^\W_])(?:{_AT_NAMES})(?![^\W_])|(?<=[(\[])a(?=[)\]])")
_SIGN = regex(r"@(?=[ )\]}>*_\-'\"\n]{0,4}[^\W_]|\[\d)")
_AT_HOST = regex(rf"(?:{_AT_NAMES})[ )\]}}>*_\-'\"\n]{{0,4}}[^\W_][\w\-]{{0,40}}[ (\[{{<]{{0,2}}\.")
_DOT_WORDS = frozenset((*_DOT_NAMES.split("|"), "point"))
_AT_WORDS = frozenset(_AT_NAMES.replace("?", "").split("|")) | {"arroba", "arobas", "snabel"}
_OPEN = r"[ \n]?[(\[{<*_\-'\"/|~]{0,2} ?"
_CLOSE = r" ?[)\]}>*_\-'\"/|~]{0,2}[ \n]?"
_DOT = (
    rf"(?:{_OPEN}(?<![^\W_])(?:{_DOT_NAMES}|point)(?![^\W_]){_CLOSE}"
    rf"| ?[(\[{{<] ?\. ?[)\]}}>] ?| \. | \.(?=[a-z]{{2,3}}(?![^\W_]))|\.)"
)
_LABEL = r"[^\W_](?:[^\W_]|-(?=[^\W_])){0,40}"
_LINE = r" (?:_|underscore|unterstrich|dash|minus|hyphen|bindestrich|guion(?: bajo)?|tiret(?: bas)?|trattino|plus) "
_WORDY_LOCAL = regex(rf"[^\W_][\w+%'\-]{{0,40}}?(?:(?:{_DOT}|{_LINE})[^\W_][\w+%'\-]{{0,40}}?){{0,3}}{_OPEN}$")
_WORDY_DOMAIN = regex(rf"{_CLOSE}({_LABEL}(?:{_DOT}(?:[a-z] [a-z](?![^\W_])|{_LABEL})){{1,5}})")
_PROVIDED = regex(
    r"[ \n]?((?:gmail|googlemail|yahoo|hotmail|outlook|icloud|gmx|web|proton|protonmail|aol|live|msn|t-online|orange|"
    r"free|laposte|libero|posteo)[ ,]{1,2}(?:com|net|org|de|fr|it|es|me|at|ch|co uk|nl|pt))(?![^\W_])"
)
_PROVIDERS = frozenset(
    """gmail googlemail yahoo hotmail outlook icloud gmx web proton protonmail aol live msn t-online orange laposte
    libero posteo yandex mail qq naver ymail freenet wanadoo sfr""".split()  # noqa: SIM905 - a list reads better so
)
_DOTS = regex(rf"{_DOT}")
_WORD_DOT = regex(rf"(?<![^\W_])(?:{_DOT_NAMES}|point)(?![^\W_])|[(\[{{<] ?\.")
_TOP = frozenset(
    """com org net edu gov int mil io co de fr es it nl pt uk us eu at ch be br mx ar cl pl se no dk fi ie in jp au ca
    nz me info biz museum dev app shop store online site tech cloud travel name pro mobi xyz email ru cz gr hu ro tr za
    sk si hr bg rs ua il ae sa eg ma ng ke cn kr tw hk sg my th vn ph id lu li cat gmbh brand ltd agency studio design
    photography blog club ai tv cc ly gg is lt lv ee mt pe uy ve ec cr pk bd lk ir example test""".split()  # noqa: SIM905
)
_PLACES = frozenset(
    """us me you them it look order shop buy bought available arrived here there located store working works sold sale
    listed pick meet visit looked looking seen saw went been came checked using used booked placed registered account
    shopping ordering purchased paid login subscribed tried someone somebody anyone people team service staff guy find
    found ordered stay still is was are be not just or and item items go stopped one point
    now pay pagar today only reach write mail email contact support""".split()  # noqa: SIM905
)
_LABELS_OF_TALK = frozenset("any some one that this what which the a certain point dot all home my your no".split())  # noqa: SIM905
_SAYS_ADDRESS = regex(
    r"(?:e-?mail|mail|adress|address|correo|courriel|posta|indirizzo|endereco|direccion|write|schreib)"
)
_CAMEL = regex(r"[A-Za-z0-9._\-]{1,40}AT[a-z0-9\-]{1,40}(?:DOT[a-z0-9\-]{1,24}){1,3}")
_EDGE = ".,;:!?'\"-`#$*^{}~"
_LETTERS = regex(r"(?<![^\s:])(?:[a-z0-9._+\-] ){3,40}$")
"""A name letter by letter."""
_NAME = regex(r"(?<![^\W_])[a-z]{1,20}[._][a-z]{2,20}$")
"""What looks like the name in an address more than like a word before a handle."""
_FULL_NAME = regex(r"(?<![^\W_])[a-z]{1,20}[._][a-z]{2,20} $")
_HIDDEN = regex(r"[^\W_][*\u2022]{1,8}$|[*\u2022]{3}$")
"""A masked name, of which some letters are left."""
_COMMAED = regex(
    r"@((?:[a-z0-9\-]{1,40}[,.]){1,3}(?:com|net|org|de|fr|it|es|co|uk|nl|at|ch|pt|br|pl|me|io|eu))(?![^\W_]|[.@])"
)
"""A host with a comma in the place of a dot."""
_MASKED = regex(r"\*|\.\.|^x{3,}$|\u2022")


def find_emails(view: View) -> Iterator[tuple[int, int, float, str]]:
    """Start and end in the view's text, score, and the address in lower case."""
    text, folded, words = view.text, view.folded, view.words
    signs = "@" in folded
    if (not words.isdisjoint(_AT_WORDS) and _may_be_wordy(words, folded)) or "(a)" in folded or "[a]" in folded:
        candidates = _AT.finditer(folded)
    elif signs:
        candidates = _SIGN.finditer(folded)
    else:
        candidates = iter(())
    done = 0
    for match in candidates:
        start = match.start()
        if start < done or _REPOSITORY.match(text, max(0, start - 3)):
            continue
        sign = folded[start] == "@"
        found = _plain(text, start, done) if sign else None
        if found is None:
            found = _wordy(folded, match, done, sign=sign) or (_commaed(folded, start, done) if sign else None)
        if found is not None:
            yield found
            done = found[1]
    if "DOT" in text:
        for match in _CAMEL.finditer(text):
            yield match.start(), match.end(), 0.9, match.group().replace("AT", "@").replace("DOT", ".").lower()


def _may_be_wordy(words: frozenset[str], folded: str) -> bool:
    """Whether words for the dot, or a host behind the word "at", make an address without a sign possible."""
    return not words.isdisjoint(_DOT_WORDS) or ("." in folded and _AT_HOST.search(folded) is not None)


def _plain(text: str, at: int, done: int) -> tuple[int, int, float, str] | None:
    domain = _DOMAIN.match(text, at + 1)
    if domain is None:
        return None
    host = domain.group()
    before = text[max(done, at - 64) : at]
    local = (_LOCAL if host.isascii() else _ANY_LOCAL).search(before)
    if local is None and before.endswith('"'):
        local = _QUOTED.search(before)
        name = local.group() if local else ""
    else:
        name = local.group().lstrip(_EDGE) if local else ""
    if not name or name[-1] == "." or _MASKED.search(name) or _is_login(text, at - len(name)):
        return None
    head, _, last = host.rpartition(".")
    if last[0].isupper() and last[1:].islower() and "." in head and not head[0].isupper():
        host = head
    return at - len(name), at + 1 + len(host), 0.99, f"{name}@{host}".lower()


def _commaed(folded: str, at: int, done: int) -> tuple[int, int, float, str] | None:
    domain = _COMMAED.match(folded, at)
    local = _LOCAL.search(folded[max(done, at - 64) : at]) if domain else None
    name = local.group().lstrip(_EDGE) if local else ""
    if domain is None or not name or _MASKED.search(name):
        return None
    if _is_login(folded, at - len(name)):
        return None
    return at - len(name), domain.end(), 0.85, f"{name}@{domain.group(1).replace(',', '.')}"


def _is_login(text: str, start: int) -> bool:
    """Whether the name stands behind ``scheme://user:`` and is a password."""
    before = text[max(0, start - 60) : start]
    at = before.rfind("://")
    return at >= 0 and " " not in before[at:] and "?" not in before[at:] and before[-1] == ":"


def _wordy(folded: str, at: re.Match[str], done: int, *, sign: bool) -> tuple[int, int, float, str] | None:
    if done == at.start():
        return None
    domain = _WORDY_DOMAIN.match(folded, at.end())
    spaced = domain is None or not _parts(domain.group(1))
    if spaced and sign:
        domain = _PROVIDED.match(folded, at.end())
    if domain is None:
        return None
    parts = re.split(r"[ ,]+", domain.group(1)) if spaced else _parts(domain.group(1))
    if len(parts) < 2 or parts[0] in _LABELS_OF_TALK:
        return None
    low = max(done, at.start() - 90)
    if sign and folded[at.start() - 1 : at.start()] in ("*", "\u2022", "."):
        return None
    if (
        sign
        and folded[at.start() - 1 : at.start()] == " " != folded[at.end() : at.end() + 1]
        and not (parts[0] in _PROVIDERS or _SAYS_ADDRESS.search(folded, low, at.start()))
        and not _NAME.search(folded, low, at.start() - 1)
    ):
        return None
    local = _WORDY_LOCAL.search(folded, low, at.start())
    if local is None or (sign and _HIDDEN.search(folded, low, local.start())):
        return None
    if sign and local.end() - local.start() <= 2:
        local = _LETTERS.search(folded, low, at.start()) or local
    shown = _OPENED.sub("", local.group())
    name = ".".join(part for part in _DOTS.split(shown) if part).strip(".-")
    bracketed = shown != local.group().rstrip() and not sign
    if not name or _MASKED.search(name):
        return None
    if sign and folded[at.start() - 1] == folded[at.end() : at.end() + 1] == " " and (len(name) < 2 or name in _PLACES):
        return None
    if not sign and not bracketed and not _meant(folded, at, name, parts, domain.group(1), low):
        return None
    start, end = local.start(), domain.start(1)
    if sign and _is_login(folded, start):
        return None
    for part in parts:
        end = folded.index(part, end) + len(part)
    return start, end, 0.9, f"{name}@{'.'.join(parts)}".replace(" ", "")


_OPENED = regex(rf"{_OPEN}$")


def _parts(domain: str) -> list[str]:
    """The labels of a disguised domain, as far as its last known top-level name."""
    parts = [part for part in _DOTS.split(domain) if part]
    while len(parts) > 1 and parts[-1].replace(" ", "") not in _TOP:
        parts.pop()
    return parts if len(parts) > 1 else []


def _meant(folded: str, at: re.Match[str], name: str, parts: list[str], domain: str, low: int) -> bool:
    """Whether an address without a sign or bracket is one, and no talk about a place."""
    if name in _PLACES:
        return False
    if at.group() != "at" or parts[0] in _PROVIDERS:
        return True
    last = name.rpartition(".")[2]
    if last not in _PLACES and parts[-1] in _TOP and _FULL_NAME.search(folded, low, at.start()):
        return True
    dots = _WORD_DOT.search(domain)
    if dots is not None:
        return dots.group() != "point" or parts[-1] in ("com", "fr", "net", "org")
    return " . " in domain or _SAYS_ADDRESS.search(folded, low, at.end() + len(domain) + 24) is not None
