"""``metta guard``: judges texts given as JSON Lines, one answer a line, in the order of the questions.

It uses the packaged policy or the one it is given, reads no variable, and judges in an empty context. So on ``output``
nobody's e-mail address or phone is known to be the customer's own and each one is stopped, while figures are not
checked, since only a turn has sources to check them against.
"""

from __future__ import annotations

import json
import math
from typing import Any, TextIO

from metta.guardrails.engine import Guardrails
from metta.messages import Contact, ConversationKey, Direction, MessageContext, Verdict
from metta.policy import load_policy

_NOWHERE = MessageContext(key=ConversationKey(account_id=0, conversation_id=0), inbox_id=0, contact=Contact(id=0))
_DIRECTIONS = tuple(direction.value for direction in Direction)
_MOST_DIGITS = 300
"""Digits of a whole number; a longer one is as good as infinite, and is refused where a number is wanted."""


class _BadLineError(ValueError):
    """A line that is no question; the text names the field."""

    def __init__(self, message: str, id_: Any = None) -> None:
        super().__init__(message)
        self.id = id_


def run(stdin: TextIO, stdout: TextIO, stderr: TextIO, *, policy: str | None = None) -> int:
    """Answer every line ``{"id", "text", "direction"}`` of ``stdin`` with one line on ``stdout``.

    An answer is ``{"id", "action", "findings", "text"}`` in ASCII. A malformed line is named on ``stderr`` with its
    number and field, gets ``{"id", "error"}`` in its place, and the batch goes on. Empty lines are passed over.

    Args:
        stdin, stdout, stderr: where questions come from and answers go.
        policy: path of a policy file.

    Returns:
        0, or 1 when any line was malformed.

    Raises:
        SettingsError: the policy file is wrong.
    """
    guardrails = Guardrails(load_policy(policy))
    code = 0
    for number, line in enumerate(_lines(stdin), 1):
        if not line.strip():
            continue
        try:
            answer = _answer(guardrails, line)
        except _BadLineError as error:
            code = 1
            stderr.write(f"line {number}: {error}\n")
            answer = {"id": error.id, "error": str(error)}
        stdout.write(json.dumps(answer, ensure_ascii=True, separators=(",", ":")) + "\n")
    stdout.flush()
    return code


def _lines(stdin: TextIO) -> Any:
    """Lines as UTF-8, whatever the terminal's encoding is; bytes that are none become U+FFFD."""
    raw = getattr(stdin, "buffer", None)
    if raw is None:
        return stdin
    return (line.decode("utf-8", "replace") for line in raw)


def _answer(guardrails: Guardrails, line: str) -> dict[str, Any]:
    question = _parsed(line)
    text, direction = question["text"], question["direction"]
    judge = guardrails.validate_input if direction == Direction.INPUT else guardrails.validate_output
    verdict = judge(text, _NOWHERE)
    return {"id": question["id"], **_shown(verdict)}


def _shown(verdict: Verdict) -> dict[str, Any]:
    findings = [
        {"check": f.check, "kind": f.kind, "start": f.start, "end": f.end, "score": f.score} for f in verdict.findings
    ]
    return {"action": verdict.action.value, "findings": findings, "text": verdict.text}


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def _parsed(line: str) -> dict[str, Any]:
    try:
        question = json.loads(line.lstrip("\ufeff"), parse_int=_whole)
    except (ValueError, RecursionError) as error:
        at = f" (column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise _BadLineError(f"not JSON{at}") from None
    if not isinstance(question, dict):
        raise _BadLineError("not a JSON object")
    id_ = question.get("id")
    if not isinstance(id_, str | int | float) or isinstance(id_, bool):
        raise _BadLineError("id: must be text or a number" if "id" in question else "id: missing", None)
    if not isinstance(id_, str) and not math.isfinite(id_):
        raise _BadLineError("id: is not finite or too large to be a number", None)
    if not isinstance(question.get("text"), str):
        raise _BadLineError("text: must be text" if "text" in question else "text: missing", id_)
    direction = question.get("direction", Direction.INPUT.value)
    if direction not in _DIRECTIONS:
        raise _BadLineError('direction: must be "input" or "output"', id_)
    return {"id": id_, "text": question["text"], "direction": direction}
