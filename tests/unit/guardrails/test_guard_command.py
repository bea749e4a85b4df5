"""``metta guard``: one ASCII line for each question, in order, whatever a line holds."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from metta_local import cli, guard


def _ask(*lines: object) -> tuple[int, list[dict[str, Any]], str]:
    questions = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    stdout, stderr = io.StringIO(), io.StringIO()
    code = guard.run(io.StringIO(questions), stdout, stderr)
    assert stdout.getvalue().isascii()
    return code, [json.loads(line) for line in stdout.getvalue().splitlines()], stderr.getvalue()


def test_questions_are_answered_in_order() -> None:
    code, answers, errors = _ask(
        {"id": "a", "text": "Where is my order?", "direction": "input"},
        {"id": "b", "text": "card 4111 1111 1111 1111", "direction": "input"},
        {"id": 3, "text": "Write to marco@example.com", "direction": "output"},
        {"id": "d", "text": "I want a human", "direction": "input"},
        {"id": "e", "text": "Your order S00042 costs 12.34 €.", "direction": "output"},
    )
    assert (code, errors) == (0, "")
    assert [answer["id"] for answer in answers] == ["a", "b", 3, "d", "e"]
    assert [answer["action"] for answer in answers] == ["allow", "redact", "block", "handoff", "allow"]
    assert answers[1] == {
        "id": "b",
        "action": "redact",
        "findings": [{"check": "pii", "kind": "CARD", "start": 5, "end": 24, "score": 0.99}],
        "text": "card [CARD]",
    }
    assert list(answers[0]) == ["id", "action", "findings", "text"]


def test_a_bad_line_is_named_and_the_batch_goes_on() -> None:
    code, answers, errors = _ask(
        "not json",
        {"id": "b", "text": 5, "direction": "input"},
        {"id": "c", "direction": "input"},
        {"text": "no id", "direction": "input"},
        {"id": "e", "text": "x", "direction": "sideways"},
        "[1]",
        {"id": "g", "text": "fine", "direction": "input"},
    )
    assert code == 1
    assert errors.splitlines() == [
        "line 1: not JSON (column 1)",
        "line 2: text: must be text",
        "line 3: text: missing",
        "line 4: id: missing",
        'line 5: direction: must be "input" or "output"',
        "line 6: not a JSON object",
    ]
    assert [answer["id"] for answer in answers] == [None, "b", "c", None, "e", None, "g"]
    assert all("error" in answer for answer in answers[:6])
    assert answers[6]["action"] == "allow"


def test_a_number_that_no_answer_could_repeat_is_named_by_its_field() -> None:
    code, answers, errors = _ask(
        '{"id": NaN, "text": "x"}',
        '{"id": -Infinity, "text": "x"}',
        '{"id": 1e999, "text": "x"}',
        f'{{"id": {"7" * 6000}, "text": "x"}}',
        f'{{"id": "e", "text": {"7" * 6000}}}',
        f'{{"id": {"7" * 30}, "text": "fine", "count": {"7" * 6000}}}',
    )
    assert code == 1
    assert [line.split(": ", 1)[1] for line in errors.splitlines()] == [
        *["id: is not finite or too large to be a number"] * 4,
        "text: must be text",
    ]
    assert [answer["id"] for answer in answers] == [None] * 4 + ["e", int("7" * 30)]
    assert answers[5]["action"] == "allow"


def test_lone_surrogates_and_huge_texts_are_answered() -> None:
    code, answers, _ = _ask(
        '{"id": "a", "text": "hi \\ud800 there", "direction": "input"}',
        {"id": "b", "text": "lamp " * 30_000, "direction": "input"},
        {"id": "c", "text": "", "direction": "output"},
        "",
    )
    assert code == 0
    assert answers[0]["text"] == "hi  there"
    assert [answer["action"] for answer in answers] == ["allow"] * 3


def test_nothing_heavy_is_loaded_and_bytes_that_are_no_text_are_survived() -> None:
    program = (
        "import sys; from metta_local import guard; code = guard.run(sys.stdin, sys.stdout, sys.stderr);"
        "heavy = {'agents', 'boto3', 'httpx', 'openai', 'psycopg'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    lines = b'{"id": 1, "text": "gr\xc3\xbc\xc3\x9fe", "direction": "input"}\n\xff\xfe\n'
    done = subprocess.run([sys.executable, "-c", program], input=lines, capture_output=True, check=False)
    assert done.returncode == 1
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["text"] == "grüße"
    assert "error" in second
    assert done.stderr.startswith(b"line 2: not JSON")


def test_an_operators_own_policy_can_be_tried(tmp_path: Path) -> None:
    policy, question = tmp_path / "shop.yaml", {"id": 1, "text": "My lamp caught fire", "direction": "input"}
    policy.write_text("rules: { forbidden_topics: { recalls: [caught fire] } }", encoding="utf-8")
    stdout, stderr = io.StringIO(), io.StringIO()

    assert guard.run(io.StringIO(json.dumps(question)), stdout, stderr, policy=str(policy)) == 0
    assert json.loads(stdout.getvalue())["action"] == "handoff"
    assert _ask(question)[1][0]["action"] == "allow", "as packaged it is no topic for people"


def test_a_policy_with_a_mistake_is_named_before_any_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "shop.yaml"
    policy.write_text("ruels: {}", encoding="utf-8")

    assert cli.main(["guard", "--policy", str(policy)]) == 1
    shown = capsys.readouterr()
    assert (shown.out, "did you mean rules?" in shown.err) == ("", True)
