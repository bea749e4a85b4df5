"""Turns a conversation into the model's input items: everything a customer wrote is user data, nothing more.

An attacker may imitate any fixed marking, so what our system adds stands in elements whose name carries a mark drawn
anew for each run. Support team members and automations speak in such an element with the user's role: as ``assistant``
the model would take their promises for its own, as ``developer`` they could change its rules.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from metta.ai.bounded import clean, shorten, to_json
from metta.channels import known_channel
from metta.messages import Author, IdentityLevel, IncomingMessage, MessageContext
from metta.policy import Limits

InputItem = dict[str, Any]

_TAIL = 2000
"""Characters kept from the end of a customer text that is too long: the question is often there."""
_FILES = 15
"""Attachments named to the model; Chatwoot takes no more with one message."""
_FILE_TYPE = 40
_FILE_NAME = 120
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")


def new_mark() -> str:
    """A mark that no customer can know beforehand."""
    return secrets.token_hex(4)


def _element(name: str, mark: str, value: Any) -> str:
    return f"<{name}-{mark}>{to_json(value)}</{name}-{mark}>"


def _details(context: MessageContext, mark: str, now: datetime) -> InputItem:
    channel = known_channel(context.channel)
    details = {
        "language": context.language if _LANGUAGE.fullmatch(context.language) else "en",
        "channel": "chat" if channel is None else channel.words,
        "today": now.strftime("%Y-%m-%d, %A"),
        "customerIdentity": context.identity.level.value,
    }
    if context.reply_chars is not None:
        details["longestReply"] = f"{context.reply_chars} characters"
    if context.upset:
        details["customerMood"] = "upset"
    address = context.identity.email or context.identity.phone
    if context.identity.level is IdentityLevel.VERIFIED and address:
        details["customerAddress"] = shorten(clean(address), 320)
    return {"role": "user", "content": _element("details", mark, details)}


def _history(context: MessageContext, limits: Limits, mark: str, answered: frozenset[int]) -> list[InputItem]:
    """The newest entries that fit the limits, oldest first."""
    items: list[InputItem] = []
    left = limits.history_chars
    earlier = [entry for entry in context.history if entry.message_id not in answered]
    for entry in reversed(earlier[-limits.history_messages :] if limits.history_messages else []):
        text = clean(entry.text).strip()
        if not text:
            continue
        if len(text) > left:
            break
        left -= len(text)
        if entry.author is Author.ASSISTANT:
            items.append({"role": "assistant", "content": text})
        elif entry.author is Author.CUSTOMER:
            items.append({"role": "user", "content": text})
        else:
            items.append({"role": "user", "content": _element("team", mark, {"wrote": text})})
    return items[::-1]


def _files(messages: Sequence[IncomingMessage], mark: str) -> str:
    """The attachments of all messages, the first ones by name."""
    attachments = [attachment for message in messages for attachment in message.attachments]
    files = []
    for attachment in attachments[:_FILES]:
        file = {"type": shorten(clean(attachment.file_type), _FILE_TYPE)}
        if attachment.name:
            file["name"] = shorten(clean(attachment.name), _FILE_NAME)
        if attachment.transcript:
            file["transcript"] = "part of the customer's text"
        files.append(file)
    if len(attachments) > _FILES:
        files.append({"type": f"and {len(attachments) - _FILES} more"})
    return _element("files", mark, files) if files else ""


def build_input(
    messages: Sequence[IncomingMessage], context: MessageContext, limits: Limits, *, mark: str, now: datetime
) -> list[InputItem]:
    """The input items of a run: details, history, then the customer's messages that are to be answered.

    Args:
        messages: the turn's messages, by id. Their attachments are named; their texts are used only when
            ``context.customer_text``, which the input guardrails have passed and masked and which holds
            transcripts as well, is empty.
        context: the conversation.
        limits: bounds on history and on the customer's text, in characters.
        mark: what distinguishes our elements in this run, see ``new_mark``.
        now: aware time; its day is told to the model.
    """
    items = [_details(context, mark, now)]
    items += _history(context, limits, mark, frozenset(message.message_id for message in messages))
    text = context.customer_text or "\n\n".join(message.text for message in messages if message.text)
    said = shorten(clean(text).strip(), limits.input_chars, tail=_TAIL)
    parts = [part for part in (said, _files(messages, mark)) if part]
    items.append({"role": "user", "content": "\n".join(parts) or "(an empty message)"})
    return items
