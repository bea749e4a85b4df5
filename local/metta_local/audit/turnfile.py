"""One turn of the case file: who wrote what where, what was judged, looked up and asked, and how and why it ended."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from metta.messages import JsonObject
from metta_local.audit import words
from metta_local.audit.places import places_in
from metta_local.audit.plain import Paper, inline

_STYLES = {"answered": "green", "handed_off": "magenta", "dropped": "yellow", "skipped": "yellow"}
_ACTION_STYLES = {"allow": "green", "redact": "yellow", "block": "red", "handoff": "magenta"}
_RESULT = 200
"""Characters of a tool's arguments and of its result."""
_EXCERPT = 60
"""Characters of an offending place beside its finding."""


def turn_file(turn: JsonObject, title: str, paper: Paper) -> None:
    """Write a turn, as ``read_turns`` gives it."""
    paper.line(f"{clock(turn['started_at'])}  {title}", style="bold")
    paper.field("Ended", _ended(turn), style=_STYLES.get(turn["outcome"]))
    paper.field("Who", f"identity {inline(words.identity(turn))}")
    paper.field(
        "Where", f"{inline(words.channel(turn['channel']))}, inbox {turn['inbox_id']}, contact {_contact(turn)}"
    )
    if not turn["history_complete"]:
        paper.field("Knew", "only the messages at hand: the earlier ones could not be listed", style="yellow")
    _wrote(turn, paper)
    for verdict in turn["verdicts"]:
        if verdict["direction"] == "input":
            _verdict(verdict, paper)
    _looked_up(turn, paper)
    _model(turn, paper)
    for verdict in turn["verdicts"]:
        if verdict["direction"] != "input":
            _verdict(verdict, paper)
    _said(turn, paper)
    if turn["outcome"] == "handed_off" or turn["handoff_steps"]:
        steps = [words.STEPS.get(step["step"], inline(step["step"])) for step in turn["handoff_steps"]]
        paper.field("Hand-off", f"done: {', '.join(steps)}" if steps else "none of its steps was done")
    _times(turn, paper)


def written(text: str | None, paper: Paper) -> None:
    """A text, or that there is none any more."""
    if text is None:
        paper.line("(the text was erased)", indent=4, style="dim")
    elif text:
        paper.quote(text)
    else:
        paper.line("(no text)", indent=4, style="dim")


def attachments(files: Any, paper: Paper) -> None:
    """Files that a customer sent."""
    for file in files if isinstance(files, list) else [] if files is None else [files]:
        if not isinstance(file, dict):  # Metta writes objects only
            paper.line(f"+ {_json(file)}", indent=4)
            continue
        name = f" {inline(file['name'])}" if file.get("name") else ""
        heard = f", heard as: {inline(file['transcript'])}" if file.get("transcript") else ""
        paper.line(f"+ {inline(file.get('file_type', 'file'))}{name}{heard}", indent=4)


def clock(moment: str) -> str:
    """A moment of the log, to the millisecond."""
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def _ended(turn: JsonObject) -> str:
    code = f" ({inline(turn['outcome'])}, {inline(turn['reason'])})" if turn["reason"] else ""
    return f"{words.ended(turn['outcome'], inline(turn['reason']))}{code}{inline(words.unfinished(turn))}"


def _contact(turn: JsonObject) -> str:
    return f"{turn['contact_id']} of Chatwoot"


def _wrote(turn: JsonObject, paper: Paper) -> None:
    if not turn["incoming_messages"]:
        paper.field("The customer wrote", "nothing that this turn was to answer")
    for message in turn["incoming_messages"]:
        how = [f"message {message['message_id']}", clock(message["created_at"]), inline(message["content_type"])]
        if message["contact_source_id"]:
            how.append(f"from {inline(message['contact_source_id'])}")
        if message["hmac_verified"]:
            how.append("the shop had proved who is logged in")
        if message["language_hint"]:
            how.append(f"browser in {inline(message['language_hint'])}")
        paper.field("The customer wrote", ", ".join(how))
        written(message["text"], paper)
        attachments(message["attachments"], paper)
        if message["attachments"] is None:
            paper.line("(attachments were erased, if there were any)", indent=4, style="dim")
    others = [id_ for id_ in turn["covered"] if id_ not in {one["message_id"] for one in turn["incoming_messages"]}]
    if others:
        paper.field("Also covered", f"messages {', '.join(map(str, others))}, whose words stood in the history")


def _verdict(verdict: JsonObject, paper: Paper) -> None:
    of = "customer's text" if verdict["direction"] == "input" else "reply"
    said = inline(words.judged(verdict["action"], verdict["reason"]))
    if verdict["reason"]:
        said += f" ({inline(verdict['reason'])})"
    paper.field(f"Checks of the {of}", f"{said}. Rules: {inline(verdict['version'])}",
                style=_ACTION_STYLES.get(verdict["action"]))  # fmt: skip
    text, findings = verdict["text"], verdict["findings"]
    rewritten = verdict["direction"] == "output" and verdict["action"] == "redact"
    places = [None] * len(findings) if text is None else places_in(text, findings, rewritten=rewritten)
    for finding, place in zip(findings, places, strict=True):
        what = inline(words.noticed(finding["check"], finding["kind"]))
        where = f"characters {finding['start']} to {finding['end']}"
        excerpt = f": ⟦{inline((text or '')[place[0] : place[1]], _EXCERPT)}⟧" if place is not None else ""
        name = f"{inline(finding['check'])}/{inline(finding['kind'])}"
        paper.line(f"- {what} ({name}), {finding['score']:.1%} sure, {where}{excerpt}", indent=4)
    if text is None:
        paper.line("(the text was erased)", indent=4, style="dim")
    elif findings:
        paper.line("The places marked:", indent=4, style="dim")
        paper.quote(text, indent=6, places=[place for place in places if place is not None])
    elif verdict["direction"] == "input":
        paper.line("No check found anything in it.", indent=4, style="dim")


def _looked_up(turn: JsonObject, paper: Paper) -> None:
    if not turn["tool_calls"]:
        paper.field("Looked up", "nothing")
    for call in turn["tool_calls"]:
        what = words.FOUND.get(call["name"], "")
        named = f"{inline(call['name'])}{f' ({what})' if what else ''}"
        took = f"{call['duration_ms']:.0f} ms"
        ended = took if call["ok"] else f"FAILED ({inline(call['error'])}) after {took}"
        paper.field("Looked up", f"{named}, {ended}, at {clock(call['started_at'])}",
                    style=None if call["ok"] else "red")  # fmt: skip
        paper.line(f"asked: {_json(call['arguments'])}", indent=4)
        paper.line(f"found: {_json(call['result'])}", indent=4)
        if call["result_digest"]:
            paper.line(f"digest of the result: {inline(call['result_digest'])}", indent=4, style="dim")


def _model(turn: JsonObject, paper: Paper) -> None:
    if not turn["model_calls"]:
        paper.field("Model", "none was asked")
        return
    calls = turn["model_calls"]
    paper.field("Model", f"{inline(turn['model'])}, prompt {inline(turn['prompt_version'] or 'none')}, "
                f"{len(calls)} {'request' if len(calls) == 1 else 'requests'}, {_tokens(turn)}, "
                f"${turn['cost_usd']:.6f}")  # fmt: skip
    for call in calls:
        meaning = f": {words.model_failed(call['error'])}" if words.model_failed(call["error"]) else ""
        failed = f", FAILED ({inline(call['error'])}){meaning}" if call["error"] else ""
        paper.line(
            f"- {clock(call['started_at'])} {inline(call['model'])}: {_tokens(call)}, ${call['cost_usd']:.6f}, "
            f"{call['duration_ms']:.0f} ms{failed}",
            indent=4,
        )


def _tokens(row: JsonObject) -> str:
    return (
        f"{row['input_tokens']} tokens in ({row['cached_tokens']} of them cached), {row['output_tokens']} out "
        f"({row['reasoning_tokens']} of them to reason)"
    )


def _said(turn: JsonObject, paper: Paper) -> None:
    sent = turn["outgoing_messages"]
    for message in sent:
        kind = words.SENT.get(message["kind"], inline(message["kind"]))
        id_ = "id not known" if message["message_id"] is None else f"message {message['message_id']}"
        part = f", part {message['part'] + 1}" if message["part"] else ""
        seen = "only the team sees it" if message["private"] else "the customer sees it"
        paper.field(kind, f"{id_}{part}, {seen}, in {inline(turn['language'])}")
        written(message["text"], paper)
    replied = any(message["kind"] in ("reply", "note") for message in sent)
    if turn["reply"] and not replied:
        paper.field("Reply that was decided", "it was not sent")
        written(turn["reply"], paper)
    elif not sent:
        paper.field("Sent", "nothing")


def _times(turn: JsonObject, paper: Paper) -> None:
    took = "not finished" if turn["latency_ms"] is None else f"took {turn['latency_ms'] / 1000:.3f} s"
    waited = "" if turn["waited_ms"] is None else f"; the customer waited {turn['waited_ms'] / 1000:.3f} s"
    finished = "" if turn["finished_at"] is None else f", until {clock(turn['finished_at'])}"
    tries = "1 try" if turn["attempt"] == 1 else f"{turn['attempt']} tries"
    paper.field("Time", f"{took}{finished}{waited}; {tries}")
    if turn["timings"]:
        steps = ", ".join(f"{inline(step['step'])} {step['duration_ms']:.0f} ms" for step in turn["timings"])
        paper.line(f"of that: {steps}", indent=4)
    escaped = "; it held what PostgreSQL cannot keep, escaped as \\u0000" if turn["escaped"] else ""
    paper.line(
        f"Turn {inline(turn['id'])}, rules {inline(turn['guardrail_version'] or 'none')}, "
        f"written down at {clock(turn['saved_at'])}{escaped}.",
        indent=2,
        style="dim",
    )


def _json(value: Any) -> str:
    return "(erased)" if value is None else inline(json.dumps(value, ensure_ascii=False), _RESULT)
