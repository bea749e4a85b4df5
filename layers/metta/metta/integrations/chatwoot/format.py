"""Makes a text fit for a channel: Liquid switched off, Markdown as its customers see it, length within its limit.

The turn calls ``split_for_channel`` and sends the parts one by one; the client applies ``for_channel`` to whatever it
sends. Applied to its own result, neither makes a text longer.

- Liquid: Chatwoot renders ``{{...}}`` and ``{%...%}`` in outgoing text, which leaks contact data and eats braces. A
  zero-width space between the two characters ends that and is not seen by the customer.
- Markdown: Chatwoot converts it for each channel, but drops the text of links on messengers, so there they are written
  out before; TikTok has no converter at all, so there the marks are taken off.
- Length: a reply is split at paragraphs, then lines, sentences, words, into at most ``MAX_PARTS`` messages; the last
  one is shortened with an ellipsis if even that is not enough. Lengths count UTF-16 units, the strictest of the
  providers' ways to count.
"""

from __future__ import annotations

import re

from metta.channels import known_channel, limit_of
from metta.integrations.chatwoot.text import clean_text

MAX_PARTS = 5
"""More messages in a row would read as spam, and each one is another send that can fail."""

_LIQUID = re.compile(r"\{(?=[{%])")
_ZERO_WIDTH_SPACE = "\u200b"
_LINK = re.compile(r"!?\[([^\[\]\n]{1,300})\]\((https?://[^\s()]{1,1000})\)")
_MARKS = re.compile(r"\*\*(?P<bold>[^*\n]{1,1000})\*\*|`(?P<code>[^`\n]{1,1000})`|^ {0,3}#{1,6} +(?=\S)", re.MULTILINE)
_BREAKS = (
    re.compile(r"\n[ \t]*\n\s*"),
    re.compile(r"\n\s*"),
    re.compile(r"(?<=[.!?…])[\"'»”’)\]]?\s+|(?<=[。！？])\s*"),
    re.compile(r"\s+"),
)
_JOINED = re.compile("[\u0300-\u036f\u200d\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
"""Characters that belong to the one before them; a cut there would show."""


def neutralise_liquid(text: str) -> str:
    """The text with every ``{{`` and ``{%`` parted by a zero-width space, so that Chatwoot does not render it."""
    return _LIQUID.sub("{" + _ZERO_WIDTH_SPACE, text)


def for_channel(text: str, channel: str) -> str:
    """The text as it is to be posted: storable, Liquid off, Markdown adapted. Not shortened.

    Args:
        text: what shall be said, in Markdown.
        channel: ``Channel::...``; empty for a private note, which agents read as Markdown.
    """
    text = clean_text(text)
    known = known_channel(channel)
    if known is not None and not known.shows_links:
        text = _LINK.sub(_written_out, text)
    if known is not None and not known.converts_markdown:
        text = _MARKS.sub(lambda match: match["bold"] or match["code"] or "", text)
    return neutralise_liquid(text)


def split_for_channel(text: str, channel: str, *, source_id: str = "") -> list[str]:
    """The messages in which ``text`` is to be sent, in order; empty when there is nothing to say.

    Args:
        text: the whole reply.
        channel: ``Channel::...`` of the conversation.
        source_id: ``contact_inbox.source_id``, which tells Twilio's WhatsApp from its SMS.
    """
    limit = limit_of(channel, source_id)
    rest = for_channel(text, channel).strip()
    parts: list[str] = []
    while rest:
        if _units(rest) <= limit:
            return [*parts, rest]
        if len(parts) == MAX_PARTS - 1:
            return [*parts, shorten(rest, limit)]
        head, rest = _cut(rest, limit)
        parts.append(head)
    return parts


def shorten(text: str, limit: int) -> str:
    """``text`` itself when it fits, else its beginning, ended at a sentence where possible, and an ellipsis."""
    return text if _units(text) <= limit else f"{_cut(text, limit - 2)[0]} …"


def _written_out(match: re.Match[str]) -> str:
    label, url = match[1].strip(), match[2]
    if label.rstrip("/") in (url.rstrip("/"), url.partition("://")[2].rstrip("/"), ""):
        return url
    return f"{label} {url}" if label.endswith(":") else f"{label}: {url}"


def _units(text: str) -> int:
    return len(text) + sum(1 for sign in text if sign > "\uffff")


def _cut(text: str, limit: int) -> tuple[str, str]:
    """Head of at most ``limit`` units, cut at the best place in its second half, and the rest; neither is empty."""
    end = _within(text, limit)
    for pattern in _BREAKS:
        places = [match for match in pattern.finditer(text, 0, end + 1) if end // 3 < match.start() <= end]
        if places:
            head, rest = text[: places[-1].end()].rstrip(), text[places[-1].end() :]
            if head and rest and len(head) <= end:
                return head, rest
    while end > 1 and _JOINED.match(text[end]) and end > limit // 2:
        end -= 1
    if text[end - 1] == "\u200d" and end > 1:
        end -= 1
    return text[:end], text[end:]


def _within(text: str, limit: int) -> int:
    """The largest number of leading characters that take at most ``limit`` units."""
    end = min(limit, len(text) - 1)
    while _units(text[:end]) > limit:
        end -= max(1, (_units(text[:end]) - limit) // 2)
    return end
