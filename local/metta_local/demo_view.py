"""How ``metta demo`` looks to a person."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, TextIO

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from metta.messages import JsonObject
from metta_local.demo_scenes import SCENES, Played
from metta_local.progress import Progress

_ACTIONS = {"allow": "green", "redact": "yellow", "block": "red", "handoff": "magenta"}
_LONGEST = 400
_LONGEST_VALUE = 60
_AUDIT_COLUMNS = {
    "turns": ("outcome", "reason", "attempt", "prompt_version", "guardrail_version", "model_call_count", "cost_usd"),
    "incoming_messages": ("message_id", "text"),
    "outgoing_messages": ("message_id", "kind", "private", "text"),
    "verdicts": ("direction", "action", "reason", "version"),
    "findings": ("check", "kind", "start", "end", "score"),
    "tool_calls": ("name", "arguments", "ok", "duration_ms"),
    "model_calls": ("model", "input_tokens", "output_tokens", "cost_usd", "duration_ms"),
    "handoff_steps": ("step",),
}
"""Table -> the columns that the demo shows of it; ``--json`` has all of them."""


class DemoView:
    """Writes to ``out``, with a bar of its own elsewhere; ``quiet`` says nothing at all, for ``--json``."""

    def __init__(self, out: TextIO, progress: Progress, *, quiet: bool) -> None:
        self._progress = progress
        self._console = Console(file=out, highlight=False, quiet=quiet)
        self._settled = 0

    def starting(self) -> None:
        """Nothing runs yet."""
        self._print("Starting the local stack ...")

    def started(self, services: dict[str, dict[str, Any]], seconds: float) -> None:
        """Say what is emulated."""
        self._print(f"Started in {seconds:.1f} s. What stands in for what:")
        table = Table(show_header=False, box=None, pad_edge=True)
        for name, facts in services.items():
            kind = Text("emulated", "yellow") if facts["emulated"] else Text("real", "green")
            table.add_row(Text(name, "bold"), kind, Text(str(facts["what"])))
        self._print(table)
        self._print(f"\nPlaying {len(SCENES)} conversations at the same time ...")
        self._progress.now("conversations are played")

    def settled(self, played: Played) -> None:
        """One conversation is over."""
        self._settled += 1
        self._progress.step()
        self._print(Text(f"  {self._settled:2} of {len(SCENES)} settled: {played.scene.name}", "dim"))

    def conversation(self, conversation: JsonObject) -> None:
        """Everything about one conversation."""
        parts: list[Any] = [Text(conversation["shows"], "italic dim"), Text()]
        for message in conversation["messages"]:
            if message["from"] == "customer":
                files = "".join(f" [{kind}]" for kind in message["attachments"])
                parts.append(_line(conversation["customer"], f"{message['text'] or ''}{files}", "bold cyan"))
        for turn in conversation["turns"]:
            parts += _turn(turn)
        parts += _audit(conversation["audit"])
        parts += [_line("WRONG", problem, "bold red") for problem in conversation["problems"]]
        style = "red" if conversation["problems"] else "green"
        title = Text(f"{conversation['name']} (conversation {conversation['conversation_id']})")
        self._print(Panel(Group(*parts), title=title, title_align="left", border_style=style))

    def end(self, document: JsonObject) -> None:
        """How it went, and what to look at next."""
        count = len(document["conversations"])
        emulated = [name for name, facts in document["emulated"].items() if facts["emulated"]]
        self._print(
            f"{count} conversations in {document['seconds']} s, "
            f"{'all as they have to be' if document['ok'] else 'not all as they have to be'}. "
            f"Emulated here: {', '.join(emulated) or 'nothing'}. `metta demo --json` gives the same as JSON."
        )
        if document["ok"]:
            self._print("Next: `make up` serves a page on which you write to it yourself and watch each turn.")

    def _print(self, shown: object) -> None:
        with self._progress.aside():
            self._console.print(shown)


def _line(label: str, text: str, style: str) -> Text:
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
    return Text.assemble((f"{label}: ", style), shown)


def _turn(turn: JsonObject) -> list[Text]:
    lines = [Text(f"Turn {turn['id']}: identity {turn['identity']}, language {turn['language']}", "dim")]
    for verdict in turn["verdicts"]:
        findings = ", ".join(f"{one['check']}/{one['kind']} {one['score']:.2f}" for one in verdict["findings"])
        lines.append(
            Text.assemble(
                (f"  {verdict['direction']} guardrails: ", "bold"),
                (verdict["action"], _ACTIONS.get(verdict["action"], "")),
                f" {verdict['reason']}" if verdict["reason"] else "",
                f" [{findings}]" if findings else " [no findings]",
            )
        )
    for call in turn["tool_calls"]:
        asked = json.dumps(call["arguments"], ensure_ascii=False)
        found = json.dumps(call["result"], ensure_ascii=False)
        lines.append(_line("  tool", f"{call['name']} {asked} -> {found}", "bold"))
    if turn["model_calls"]:
        spent = f"{turn['model']}, {turn['model_calls']} calls, {turn['tokens']} tokens, ${turn['cost_usd']:.6f}"
        lines.append(_line("  model", spent, "bold"))
    ended = turn["outcome"] + (f" ({turn['reason']})" if turn["reason"] else "")
    lines.append(_line("  outcome", f"{ended} after {turn['latency_ms'] or 0:.0f} ms", "bold"))
    if turn["reply"] is not None:
        lines.append(_line("Metta", turn["reply"], "bold green"))
    if turn["handoff"] is not None:
        lines.append(_line("Metta", turn["handoff"]["word"] or "", "bold green"))
        lines.append(_line("Private note", turn["handoff"]["note"] or "", "bold magenta"))
        lines.append(_line("Conversation", turn["handoff"]["status"], "bold magenta"))
    return lines


def _audit(rows: list[JsonObject]) -> list[Text]:
    """The rows that PostgreSQL gave back, one line each, with the columns that tell most."""
    counts = Counter(row["table"] for row in rows)
    total = ", ".join(f"{count} {table}" for table, count in counts.items()) or "none"
    lines = [_line("Audit rows in PostgreSQL", total, "bold")]
    for row in rows:
        columns = _AUDIT_COLUMNS.get(row["table"])
        if columns:
            told = ", ".join(f"{name} {_value(row[name])}" for name in columns if row[name] not in (None, ""))
            lines.append(_line(f"  {row['table']}", told, "dim"))
    return lines


def _value(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]} ..."
