"""Quotes text that strangers wrote inside Markdown of our own, so that it stays text whatever it holds.

Chatwoot renders notes as Markdown, makes links of bare addresses, runs Liquid over backticks, notifies whomever a
``(mention://user/...)`` names even inside code, and may pass notes on to Slack. So each line is inline code in a block
quote: nothing in code becomes emphasis, link or picture, and it wraps as text does.
"""

from __future__ import annotations

import re

from metta.guardrails.chars import strip_invisible

MOST_LINES = 24
"""Lines of a quote; of a longer text the first two thirds and the end are shown."""
LEFT_OUT = "[...]"
_BREAK = "\u200b"
_PINGS = re.compile(r"(?i)(?<=mention:)(?=//)|(?<=<)(?=[!@#])")
"""Where Chatwoot's and Slack's mentions are taken apart."""


def quoted(text: str, limit: int) -> str:
    """``text`` as a Markdown quote in which nothing is rendered; empty when there is nothing to read.

    Args:
        text: anything; breaks of line are kept, empty lines are not.
        limit: characters of ``text`` that are shown, from its beginning and its end.
    """
    # tabs and line breaks of all kinds first, since they count as invisible
    lines = [" ".join(line.split()) for line in text.splitlines()]
    lines = [line for line in (strip_invisible(line).strip() for line in lines) if line]
    plain = shortened("\n".join(lines), limit)
    lines = plain.split("\n") if plain else []
    if len(lines) > MOST_LINES:
        head = MOST_LINES * 2 // 3
        lines = [*lines[:head], LEFT_OUT, *lines[head + 1 - MOST_LINES :]]
    return "\n".join(f"> `{_inert(line)}`  " for line in lines)


def shortened(text: str, limit: int) -> str:
    """``text``, or its first two thirds and its end, where wishes sit, with a sign on a line between."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    return f"{text[:head].strip()}\n{LEFT_OUT}\n{text[head - limit :].strip()}"


def _inert(line: str) -> str:
    """A line that neither ends its code nor calls anybody; a backtick becomes a letter that looks like one."""
    return _PINGS.sub(_BREAK, line.replace("`", "\u02cb"))
