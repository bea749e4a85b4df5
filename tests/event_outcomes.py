"""How each event of ``events/`` ends: one table, for every runtime that the built worker is run under."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from e2e_world import World, load_event
from metta.messages import JsonObject

CONVERSATIONS = (84, 85, 120, 130)
"""The conversations that the events tell of."""


@dataclass(frozen=True)
class Ending:
    """What is left of an event once the function has answered.

    Attributes:
        replies: conversations that a customer got a reply in, once for each reply.
        turns: conversation, outcome and customer messages of each audited turn.
        skipped: why records were skipped, as the log says it.
        rejected: message groups of what went to the dead-letter queue.
        failed: places, within the event, of the records that come back.
    """

    replies: tuple[int, ...] = ()
    turns: tuple[tuple[int, str, tuple[int, ...]], ...] = ()
    skipped: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    failed: tuple[int, ...] = ()


def _answered(conversation: int, *messages: int, outcome: str = "answered") -> Ending:
    return Ending(replies=(conversation,), turns=((conversation, outcome, messages),))


ENDINGS = {
    "01_incoming_text_webwidget": _answered(84, 5001),
    "02_incoming_attachment_null_content": _answered(84, 5002),
    "03_outgoing_by_agent_still_pending": Ending(skipped=("outgoing",)),
    "04_private_note": Ending(skipped=("private",)),
    "05_activity_SYNTHETIC_not_emitted": Ending(skipped=("activity",)),
    "06_agent_bot_own_reply": Ending(skipped=("own_message",)),
    "06b_agent_bot_delivery_bot_assigned": _answered(85, 5010, outcome="handed_off"),
    "07_incoming_whatsapp": _answered(120, 6001),
    "07b_outgoing_whatsapp_native_app_echo": Ending(skipped=("outgoing",)),
    "08_incoming_email_auto_reply": Ending(skipped=("auto_reply",)),
    "09_message_updated_csat": Ending(skipped=("csat",)),
    "10_template_greeting": Ending(skipped=("template",)),
    "11_message_updated_delivery_failed": Ending(skipped=("other_event",)),
    "12_conversation_status_changed": Ending(skipped=("other_event",)),
    "13_conversation_updated_assignee": Ending(skipped=("other_event",)),
    "14_webwidget_triggered": Ending(skipped=("other_event",)),
    "15_outgoing_by_captain_assistant": Ending(skipped=("other_bot",)),
    "16_wrapped_by_receiver": _answered(84, 5001),
    "17_malformed_body": replace(_answered(120, 6001), rejected=("3:84",)),
    "18_mixed_batch": Ending(
        replies=(84, 120),
        turns=((84, "answered", (5001, 5012)), (120, "answered", (6001,))),
        skipped=("private", "template"),
        rejected=("3:84",),
    ),
}
"""By the event's name. A message that the worker rejects lies in the dead-letter queue and does not come back."""


def play(world: World, name: str, invoke: Callable[[JsonObject], Any], read_log: Callable[[], str]) -> Ending:
    """Let a customer write what the event tells of, invoke the function with it, and look at what is left.

    Args:
        world: fresh; what it already audited is left out.
        name: of the event.
        invoke: takes the event, gives what the handler answered.
        read_log: everything the function wrote so far.
    """
    event = load_event(name)
    for record in event["Records"]:
        record["messageId"] = str(uuid.uuid4())  # sent anew: a FIFO queue takes the same one once in five minutes
    if not _customers(event):
        for known in ("01_incoming_text_webwidget", "07_incoming_whatsapp"):
            world.remember(load_event(known))
    world.remember(event)
    audited = {one: len(world.audited(one)) for one in CONVERSATIONS}
    written = len(read_log())
    answer = invoke(event)
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    known_conversations = sorted(world.chatwoot.world.conversations)
    return Ending(
        replies=tuple(one for one in known_conversations for _ in world.replies(one)),
        turns=tuple(
            (one, outcome, tuple(ids)) for one in CONVERSATIONS for outcome, ids in world.audited(one)[audited[one] :]
        ),
        skipped=tuple(sorted(_skipped(read_log()[written:]))),
        rejected=tuple(letter["Attributes"]["MessageGroupId"] for letter in world.dead_letters()),
        failed=tuple(place for place, record in enumerate(event["Records"]) if record["messageId"] in failed),
    )


def _customers(event: JsonObject) -> bool:
    return any('"message_type":"incoming"' in record["body"] for record in event["Records"])


def _skipped(log: str) -> list[str]:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{") and '"skipped: ' in line]
    return [line["reason"] for line in lines]
