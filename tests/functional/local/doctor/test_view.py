"""What a person sees: areas one below the other, columns in line, colour and a spinner on a terminal alone."""

from __future__ import annotations

import io
import re
import socket

import pytest

from metta_local.doctor import view
from metta_local.doctor.check import Check, fail, ok, skip, warn

from ..terminal import on_terminal

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CHECKS = [
    ok("settings.variables", "well-formed"),
    fail("queue.connection", "there is no queue that AWS_SQS_QUEUE_URL names", "is the name right?"),
    warn("queue.dead_letters_waiting", "about 3 messages are there", "`metta redrive --dry-run` shows them"),
    skip("state.connection", "not checked: the variables come first"),
]


def shown(checks: list[Check]) -> list[str]:
    out = io.StringIO()
    view.show(checks, out)
    return out.getvalue().splitlines()


def test_areas_stand_one_below_the_other_and_columns_in_line() -> None:
    assert shown(CHECKS) == [
        "settings",
        "  ok    variables             well-formed",
        "",
        "queue",
        "  fail  connection            there is no queue that AWS_SQS_QUEUE_URL names",
        "                              -> is the name right?",
        "  warn  dead_letters_waiting  about 3 messages are there",
        "                              -> `metta redrive --dry-run` shows them",
        "",
        "state",
        "  skip  connection            not checked: the variables come first",
        "",
        "1 ok, 1 warning, 1 failure, 1 skipped",
    ]


@pytest.mark.parametrize(
    ("checks", "last"),
    [
        ([ok("a.b", "c")], "1 ok, 0 warnings, 0 failures"),
        ([warn("a.b", "c", "d")] * 2, "0 ok, 2 warnings, 0 failures"),
        ([fail("a.b", "c", "d")] * 2, "0 ok, 0 warnings, 2 failures"),
    ],
)
def test_the_last_line_counts(checks: list[Check], last: str) -> None:
    assert shown(checks)[-1] == last


def test_a_long_finding_is_one_line_for_other_programs() -> None:
    long = " ".join(["word"] * 100)

    assert f"  ok    b  {long}" in shown([ok("a.b", long)])


def test_what_looks_like_markup_is_text() -> None:
    assert "  ok    b  [red]x[/red] :smile:" in shown([ok("a.b", "[red]x[/red] :smile:")])


class TestTerminal:
    def test_long_findings_are_folded_below_each_other_in_colour(self) -> None:
        seen = on_terminal("doctor", "--only", "settings", METTA_POLICY="/nowhere/" + "deep/" * 30)

        assert "\x1b[" in seen.out
        lines = ESCAPES.sub("", seen.out).replace("\r", "").splitlines()
        assert max(len(line) for line in lines) <= 120 + len("deep/") * 30, "a path is not broken"
        start = next(line for line in lines if line.startswith("  fail  policy"))
        following = lines[lines.index(start) + 1]
        column = re.match(r"  fail  policy +", start)
        assert column is not None
        assert following.startswith(" " * column.end())

    def test_a_bar_names_what_is_still_looked_at_and_is_gone_in_the_end(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
            seen = on_terminal("doctor", "--only", "model", OPENAI_API_KEY="k", OPENAI_BASE_URL=url)

        assert "looking at model" in seen.err
        assert seen.err.endswith("\x1b[2K"), "the bar is wiped"
        assert "does not answer" in seen.out

    def test_a_pipe_gets_neither(self) -> None:
        seen = on_terminal("doctor", out=False, err=False)

        assert seen.err == ""
        assert "\x1b" not in seen.out

    def test_json_on_a_terminal_is_json_alone(self) -> None:
        seen = on_terminal("doctor", "--json", "--only", "settings")

        assert seen.out.strip().startswith('{"ok": true')
