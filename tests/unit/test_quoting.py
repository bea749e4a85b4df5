"""What a stranger wrote stays text inside our Markdown: no link, no picture, no mention, no way out of the quote."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from metta.guardrails.chars import strip_invisible
from metta.integrations.chatwoot.format import for_channel
from metta.quoting import LEFT_OUT, MOST_LINES, quoted

RENDER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
"""As free as a renderer of notes can be."""
CHATWOOT_MENTION = re.compile(r"\(mention://(?:user|team)/(\d+)/(.+?)\)")
SLACK_PING = re.compile(r"<[!@#]")

PIECES = [
    "`", "``", "```", "~~~", "> ", ">", "#", "- ", "1. ", "---", "===", "|", "|-|-|", "\\", "\\`", "*", "_", "~~",
    "[x](https://evil.example)", "![x](https://evil.example/p.png)", "[x]: https://evil.example", "[x]", "<b>", "<!--",
    "<script>", "https://evil.example", "www.evil.example", "lena@example.org", "(mention://user/21/Nina)",
    "[@Nina](mention://user/21/Nina%20Kraus)", "(MENTION://team/4/x)", "<!channel>", "<@U024>", "{{contact.email}}",
    "{% raw %}", "{% endraw %}", "&lt;", "&#96;", "\n", "\n\n", "\r\n", "\u2028", "\x85", "\x0b", "    ", "\t",
    "\u200b", "\u202e", "\x00", "\ud800", "where is my order?",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=25).map("".join)


def rendered(quote: str) -> tuple[list[Token], list[Token]]:
    """Block tokens and inline tokens of a note that holds the quote between two paragraphs of ours."""
    blocks = RENDER.parse(f"**Before**:\n\n{quote}\n\nAfter")
    return blocks, [token for block in blocks for token in block.children or []]


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_whatever_it_holds_it_is_code_in_one_quote_and_nothing_else(text: str) -> None:
    quote = for_channel(quoted(text, 200), "")

    blocks, inline = rendered(quote)

    kinds = [block.type for block in blocks]
    inside = ["blockquote_open", "paragraph_open", "inline", "paragraph_close", "blockquote_close"] if quote else []
    paragraph = ["paragraph_open", "inline", "paragraph_close"]
    assert kinds == [*paragraph, *inside, *paragraph]
    if quote:
        assert {token.type for token in blocks[5].children or []} <= {"code_inline", "softbreak", "hardbreak"}
    assert [token.content for token in inline if token.type == "text" and token.content] == ["Before", ":", "After"]


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_it_calls_nobody_and_runs_no_template(text: str) -> None:
    note = for_channel(quoted(text, 200), "")
    assert not CHATWOOT_MENTION.search(note)
    assert not re.search(r"(?i)mention://", note)
    assert not SLACK_PING.search(note)
    assert "{{" not in note
    assert "{%" not in note


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300) | HOSTILE, st.integers(20, 400))
def test_it_is_bounded_and_holds_nothing_invisible_of_the_customers(text: str, limit: int) -> None:
    quote = quoted(text, limit)
    lines = quote.split("\n")
    assert len(lines) <= MOST_LINES
    shown = [line.removeprefix("> `").removesuffix("`  ").replace("\u200b", "") for line in lines]
    assert sum(map(len, shown)) <= limit + 2 * len(LEFT_OUT)
    assert "".join(shown) == strip_invisible("".join(shown))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab\n *[]()!<>#.", max_size=150))
def test_a_text_that_fits_is_shown_word_by_word(text: str) -> None:
    _, inline = rendered(quoted(text, 500)) if text.count("\n") < MOST_LINES else ([], [])
    if inline:
        assert (
            " ".join(t.content for t in inline if t.type == "code_inline").replace("\u200b", "").split() == text.split()
        )


@pytest.mark.parametrize("nothing", ["", " \n\t\n", "\u200b\u2060\n\ufeff"])
def test_nothing_to_read_gives_no_quote(nothing: str) -> None:
    assert quoted(nothing, 100) == ""


def test_of_a_long_text_the_beginning_and_the_end_are_shown() -> None:
    quote = quoted("begin " + "x " * 1000 + "the wish", 100)
    assert quote.startswith("> `begin x")
    assert LEFT_OUT in quote
    assert quote.endswith("the wish`  ")


def test_of_many_lines_the_first_and_the_last_are_shown() -> None:
    lines = quoted("\n".join(f"line {n}" for n in range(100)), 5000).split("\n")
    assert len(lines) == MOST_LINES
    assert (lines[0], lines[-1]) == ("> `line 0`  ", "> `line 99`  ")
    assert f"> `{LEFT_OUT}`  " in lines


def test_a_hostile_text_takes_no_longer() -> None:
    for hostile in ("`" * 100_000, "\n" * 100_000, "(mention:" * 10_000, "<" * 100_000, "\u200d" * 100_000):
        started = time.process_time()
        quoted(hostile, 1500)
        assert time.process_time() - started < 1
