"""``metta demo``: plays sample conversations through webhook, queue, worker and audit log, and shows what came of them.

Customers write in the emulated Chatwoot; its signed webhooks go to the receiver, from there to the queue, and the
worker loop hands them to the Lambda handler. The demo then reads Chatwoot and the audit database, and fails when a
conversation did not end as it has to.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from metta.errors import AuditDown, MettaError
from metta.messages import ConversationKey, JsonObject
from metta.persistence.read import read_conversation
from metta_local import demo_report, given_services
from metta_local.chatwoot import ChatwootEmulator
from metta_local.console import CommandError, stdout_kept
from metta_local.demo_playing import write
from metta_local.demo_scenes import SCENES, Played
from metta_local.demo_view import DemoView
from metta_local.inprocess import InProcessWorker
from metta_local.migrate_command import require_current
from metta_local.progress import Progress
from metta_local.stack import ACCOUNT_ID, LocalStack

SETTLE_SECONDS = 120.0
"""Longest wait for all conversations; with the emulated model they take a few seconds."""
LOOK_SECONDS = 0.25


def run(*, as_json: bool = False, log: str | None = None) -> int:
    """Play the scenes and show them.

    Args:
        as_json: one JSON document on stdout and nothing else.
        log: keeps the log there; otherwise it is removed when all went well.

    Returns:
        0 when every conversation ended as it has to, else 1.

    Raises:
        CommandError: something did not start; the text names the log.
    """
    if os.environ.get("CHATWOOT_BASE_URL"):
        raise CommandError(
            "CHATWOOT_BASE_URL is set: the demo plays the customers itself and does not write into a real Chatwoot. "
            "Unset it, or use `metta up` or `metta worker` with it"
        )
    given_services.check(os.environ)
    path = _kept(log) if log else _temporary_file()
    try:
        with Progress("starting the local stack", len(SCENES)) as progress, stdout_kept(path) as out:
            view = DemoView(out, progress, quiet=as_json)
            document = play(view)
            if as_json:
                json.dump(document, out, ensure_ascii=True)
                out.write("\n")
            else:
                view.end(document)
    except (KeyboardInterrupt, MettaError, BrokenPipeError):  # they say all there is to say
        if log is None:
            path.unlink(missing_ok=True)
        raise
    except (RuntimeError, psycopg.Error) as error:
        raise CommandError(f"{error}\nthe log is in {path}") from None
    if not document["ok"]:
        raise CommandError(f"{_failed(document)}; the log is in {path}")
    if log is None:
        path.unlink(missing_ok=True)
    return 0


def play(view: DemoView) -> JsonObject:
    """Start the stack, play all scenes at the same time, and report on each when all are settled."""
    began = time.monotonic()
    view.starting()
    with ExitStack() as running:
        stack = running.enter_context(LocalStack())
        require_current(stack.settings())
        running.enter_context(stack.applied())
        running.enter_context(InProcessWorker(stack.settings()))
        assert stack.chatwoot is not None
        services = stack.describe()
        view.started(services, time.monotonic() - began)
        chatwoot = stack.chatwoot
        with ThreadPoolExecutor(max_workers=len(SCENES)) as customers:
            played = list(customers.map(lambda scene: write(chatwoot, scene), SCENES))
        settle(played, stack.settings().database.get_secret_value(), view.settled)
        known_words = services["model"]["emulated"] and services["odoo"]["emulated"]
        conversations = [_report(one, chatwoot, emulated=known_words) for one in played]
    for conversation in conversations:
        view.conversation(conversation)
    return demo_report.document(conversations, services, time.monotonic() - began)


def settle(played: list[Played], database_url: str, told: Callable[[Played], None]) -> None:
    """Wait until the audit log covers every message that was written, at most ``SETTLE_SECONDS``.

    The audit is the last step of a turn, so whatever it covers has been sent or handed off before.
    """
    until = time.monotonic() + SETTLE_SECONDS
    waiting = list(played)
    with psycopg.connect(database_url, autocommit=True) as connection:
        # Reads of several tables must see one moment, or a turn that is written meanwhile comes without its parts.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        while waiting and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            for one in list(waiting):
                _look(one, connection)
                if one.settled:
                    waiting.remove(one)
                    told(one)


def _look(one: Played, connection: psycopg.Connection[Any]) -> None:
    key = ConversationKey(account_id=ACCOUNT_ID, conversation_id=one.conversation_id)
    try:
        with connection.transaction():
            one.record = read_conversation(connection, key)
    except AuditDown:
        return
    covered = {id_ for turn in one.record["turns"] for id_ in turn["covered"]}
    covered |= {skip["message_id"] for skip in one.record["skips"]}
    one.settled = covered.issuperset(one.message_ids)


def _report(one: Played, chatwoot: ChatwootEmulator, *, emulated: bool) -> JsonObject:
    status = str(chatwoot.conversation(one.conversation_id)["status"])
    messages = demo_report.thread(chatwoot.messages(one.conversation_id))
    conversation: JsonObject = {
        "name": one.scene.name,
        "shows": one.scene.shows,
        "customer": one.scene.customer.name,
        "conversation_id": one.conversation_id,
        "status": status,
        "messages": messages,
        "turns": demo_report.turns(one.record, messages, status),
        "audit": demo_report.audit_rows(one.record),
    }
    conversation["problems"] = demo_report.problems(one, conversation, emulated=emulated)
    return conversation


def _kept(log: str) -> Path:
    try:
        Path(log).open("a").close()
    except OSError as error:
        raise CommandError(f"--log {log}: cannot be written ({error.strerror})") from None
    return Path(log)


def _temporary_file() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="metta-demo-", suffix=".log")
    os.close(descriptor)
    return Path(name)


def _failed(document: JsonObject) -> str:
    wrong = [
        f"{conversation['name']}: {', '.join(conversation['problems'])}"
        for conversation in document["conversations"]
        if conversation["problems"]
    ]
    return f"{len(wrong)} of {len(document['conversations'])} conversations went wrong\n  " + "\n  ".join(wrong)
