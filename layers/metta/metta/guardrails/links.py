"""Finds links, images, HTML and Liquid in a reply, and what may stand in their place without spoiling the text.

A link stays when its host is on the policy's list, when the facts hold it, or when a tool gave it in a field meant for
links (``link``, ``trackingLink``, ``...url``): free text from a tool, such as a
product description, vouches for nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from metta.guardrails.patterns import regex
from metta.messages import MessageContext

LINK_MASK = "[link]"
_TOP = (
    "com|org|net|io|info|biz|xyz|ru|cn|tk|ly|gg|eu|shop|online|site|website|ai|uk|de|fr|nl|pl|pt|ch|jp|br|ua|kz|cc|ws|pw"
    "|su|dev|icu|vip|lol|zip|mov|gov|edu|museum|africa|asia|mobi|aero|jobs|travel|moe|\u0440\u0444|\u0443\u043a\u0440"
    "|ca|dk|cz|gr|hu|ie|il|kr|lt|lu|lv|mx|nz|ro|rs|sk|tr|tv|tw|vn|za|ar|cl|fi|ir|ke|li|ng|pe|ph|sg|th|ae|cm|hk"
)
_TOP_WORDS = (
    "app|top|club|store|live|pro|page|link|click|work|cloud|tech|space|fun|win|buzz|ltd|me|co"
    "|it|es|se|no|us|at|be|in|is|to|as|am|my|so|la|fm|id|si|st|sh"
)
"""Endings that are words too: only in small letters, since a sentence may begin after a full stop without a blank."""


class Markup(NamedTuple):
    """A stretch of the reply that must not leave as it is."""

    kind: str
    start: int
    end: int
    instead: str


_IMAGE = regex(
    r"!\[([^\]\n]{0,300})\](?:\(([^()\s]{0,2000}(?:\([^()\s]{0,200}\))?[^()\n]{0,300})\)|\[[^\]\n]{0,100}\])"
)
_NAMED_LINK = regex(
    r"\[([^\[\]\n]{0,300})\]\(\s{0,3}<?((?:j\s?a\s?v\s?a|v\s?b)\s?s\s?c\s?r\s?i\s?p\s?t\s?:[^)\n]{0,300}\){0,1}|[^()\s<>]{0,2000}(?:\([^()\s]{0,200}\)[^()\s<>]{0,200})?)>?(?:\s[^()\n]{0,300})?\)"
)
_REFERENCE = regex(r"(?m)^ {0,3}\[[^\]\n]{1,100}\]:[ \t]{0,4}<?(\S{1,2000})[^\n]{0,200}$")
_AUTOLINK = regex(r"<((?:https?|ftp|mailto|data|javascript|vbscript|file):[^\s<>]{1,2000})>", re.IGNORECASE)
_TAG = regex(r"<(?:!--[^>]{0,2000}(?:-->|>)?|[/!?]?[A-Za-z][A-Za-z0-9:-]{0,30}(?=[\s/>])[^<>]{0,2000}>?)")
_BARE = regex(
    rf"(?<![\w@.\-])(?:(?:(?!hxxp)[a-z][a-z0-9+\-]{{1,20}}(?::(?=[/\\]{{2}}))[/\\]{{2}}|https?:[/\\]|www\.)[^\s<>\"'`\])}}]{{1,2000}}"
    rf"|(?:javascript|vbscript|data|file):(?=[^\s])[^\s<>\"'`)]{{1,2000}}|\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d{{1,5}})?/[^\s<>\"'`)]{{1,2000}}"
    rf"|hxxps?(?:://|\[:\]//)[^\s<>\"'`)}}]{{1,2000}}"
    rf"|[a-z0-9](?:[a-z0-9\-]{{0,40}})(?:(?:[\[(]\.[\])]| ?[\[(]dot[\])] ?)[a-z0-9\-]{{1,40}}){{1,4}}"
    rf"(?:/[^\s<>\"'`)}}]{{0,2000}})?"
    rf"|(?:[^\W_](?:(?:[^\W_]|-){{0,40}})\.){{1,4}}(?:(?:{_TOP}|(?-i:{_TOP_WORDS}))\b(?![\w.@\-]*@)(?:/[^\s<>\"'`\])}}]{{0,2000}})?|[a-z]{{2,12}}/[^\s<>\"'`\])}}]{{1,2000}}))",
    re.IGNORECASE,
)
_LIQUID = regex(r"\{{1,1000}+(?:%|(?<=\{\{))")
_HOST = regex(r"(?:[a-z][a-z0-9+.\-]{0,20}:)?(?://)?(?:[^/@\s?#\\]{0,100}@)?([^/:?#\s\\]{1,253})", re.IGNORECASE)
_NO_HOSTS = frozenset(("ASP.NET", "ADO.NET", "VB.NET", "ML.NET"))
"""Names of products that look like a host."""
_ENDING = ".,;:!?)…»”’"


def find_markup(text: str, hosts: tuple[str, ...], facts: str, context: MessageContext) -> list[Markup]:
    """Everything in ``text`` that is to be exchanged, by place, none overlapping.

    Args:
        text: the reply as the model wrote it.
        hosts: allowed hosts, lower case; subdomains are allowed with them.
        facts: the policy's facts, lower case.
        context: whose tool results and customer text may vouch for a link.
    """
    found: list[Markup] = []
    given: set[str] | None = None

    def allowed(url: str) -> bool:
        nonlocal given
        if given is None:
            given = set(_given(context))
        return _is_allowed(url, hosts, facts, given)

    if "[" in text:
        found += [
            Markup("image", *m.span(), m[1]) for m in _IMAGE.finditer(text) if not (m[2] and _on_list(m[2], hosts))
        ]
        found += [
            Markup("link", *m.span(), m[1]) for m in _NAMED_LINK.finditer(text) if not allowed(m[2]) or "://" in m[1]
        ]
        found += [Markup("link", *m.span(), "") for m in _REFERENCE.finditer(text) if not allowed(m[1])]
    if "<" in text:
        found += [Markup("link", *m.span(), m[1] if allowed(m[1]) else LINK_MASK) for m in _AUTOLINK.finditer(text)]
        found += [Markup("html", *m.span(), "") for m in _TAG.finditer(text)]
    for match in _BARE.finditer(text):
        url = match.group().rstrip(_ENDING)
        if not allowed(url) and not _said(url, facts, context):
            found.append(Markup("link", match.start(), match.start() + len(url), LINK_MASK))
    if "{" in text:
        found += [Markup("liquid", *m.span(), _loosened(m.group())) for m in _LIQUID.finditer(text)]
    return _apart(found)


def _loosened(braces: str) -> str:
    """The same signs with blanks between, so that they open no Liquid."""
    return " ".join(braces)


def _apart(found: list[Markup]) -> list[Markup]:
    kept: list[Markup] = []
    for item in sorted(found, key=lambda m: (m.start, -m.end)):
        if not kept or item.start >= kept[-1].end:
            kept.append(item)
    return kept


def _host(url: str) -> str:
    match = _HOST.match(url)
    return match[1].lower().rstrip(".") if match else ""


def _on_list(url: str, hosts: tuple[str, ...]) -> bool:
    if "\\" in url:  # some read it as a slash and some as part of a name: nobody knows which host is meant
        return False
    if not re.match(r"https?://|www\.|[a-z0-9]", url, re.IGNORECASE) or re.match(
        r"(?!https?:)[a-z]{2,20}:(?!\d)", url, re.IGNORECASE
    ):
        return False
    host = _host(url)
    return any(host == allowed or host.endswith("." + allowed) for allowed in hosts)


def _is_allowed(url: str, hosts: tuple[str, ...], facts: str, given: set[str]) -> bool:
    if _on_list(url, hosts) or url in given:
        return True
    if url.lower().startswith(("mailto:", "tel:")):
        return url.split(":", 1)[1].split("?")[0].lower() in facts and "?" not in url
    return bool(facts) and "://" in url and re.search(re.escape(url.lower()) + r"(?![\w/\-?=&%])", facts) is not None


def _said(url: str, facts: str, context: MessageContext) -> bool:
    """A bare host name that facts or customer wrote, or none at all; a path or a scheme would make it a link."""
    if ":" in url or "/" in url:
        return False
    if url in _NO_HOSTS:
        return True
    name = url.lower()
    return name in facts or name in context.customer_text.lower()


def _given(context: MessageContext) -> Iterator[str]:
    for result in context.tool_results:
        try:
            yield from _links(json.loads(result))
        except ValueError:
            continue


def _links(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _links(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _links(inner, key)
    elif isinstance(value, str) and key.lower().endswith(("link", "url")):
        yield value.strip()
