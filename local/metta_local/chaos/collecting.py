"""Fills the ledger after a run: from Chatwoot's records, the audit database, turn state and the queues themselves."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from metta.messages import ConversationKey, JsonObject
from metta.persistence.chain import ChainKey, Head
from metta.persistence.connection import audit_conninfo
from metta.persistence.read import read_conversation
from metta.persistence.verify import verify_conversation
from metta_local.chaos.ledger import AuditedTurn, Author, Chain, Conversation, DeadLetter, Entry, SentRow
from metta_local.chatwoot import ChatwootEmulator
from metta_local.chatwoot.records import Contact, Message
from metta_local.stack import ACCOUNT_ID

_MARKED = re.compile(r"Conversation (?:was marked|is) (?P<status>open|resolved|pending|snoozed)(?: by (?P<by>.+))?")
_ASSIGNED = re.compile(r"Assigned to (?P<to>.+) by (?P<by>.+)")


def conversations(
    chatwoot: ChatwootEmulator,
    database_url: str,
    unfinished: Mapping[int, tuple[str, ...]],
    words: Mapping[int, str],
    queued: Mapping[int, float],
    heads: Mapping[ConversationKey, Head],
    keys: Sequence[ChainKey],
) -> Iterator[Conversation]:
    """Every conversation that a customer wrote in.

    Args:
        chatwoot: where they are.
        database_url: a role that may read the audit log.
        unfinished: what their turn states still hold, see ``unfinished_states``.
        words: customer message -> its word.
        queued: customer message -> when its event was first on the queue.
        heads: where their chains end, see ``metta.persistence.heads.all_heads``.
        keys: of the chains.
    """
    with psycopg.connect(audit_conninfo(database_url), prepare_threshold=None) as connection:
        for id_ in sorted(chatwoot.world.conversations):
            with chatwoot.lock:
                stored = chatwoot.world.conversations[id_]
                entries = tuple(_entry(message, words) for message in stored.messages)
                status, assigned = stored.status, stored.assignee_id is not None
            key = ConversationKey(account_id=ACCOUNT_ID, conversation_id=id_)
            audit = read_conversation(connection, key)
            head = heads.get(key, Head())
            verified = verify_conversation(connection, key, keys, head)
            skips = defaultdict(set)
            for skip in audit["skips"]:
                skips[skip["message_id"]].add(skip["reason"])
            yield Conversation(
                id_,
                entries,
                status=status,
                assigned=assigned,
                turns=tuple(_turn(row) for row in audit["turns"]),
                skips={message: frozenset(reasons) for message, reasons in skips.items()},
                queued={entry.id: queued[entry.id] for entry in entries if entry.id in queued},
                unfinished=unfinished.get(id_, ()),
                chain=Chain(verified.entries, head.number, verified.unkeyed, tuple(map(str, verified.problems))),
            )


def _entry(message: Message, words: Mapping[int, str]) -> Entry:
    marked = assigned = None
    text = message.content or ""
    if message.message_type == "activity":
        marked, assigned = _MARKED.fullmatch(text), _ASSIGNED.fullmatch(text)
    told = marked or assigned
    ours = message.content_attributes.get("metta_turn_id")
    return Entry(
        id=message.id,
        at=message.created_at,
        author=_author(message),
        text=text,
        private=message.private,
        failed=message.status == "failed",
        turn_id=ours,
        kind=message.content_attributes.get("metta_kind"),
        part=message.content_attributes.get("metta_part") or 0,
        status=marked["status"] if marked else None,
        assigned=True if assigned else False if text.startswith("Conversation unassigned") else None,
        by=(told["by"] or "") if told else "",
        answerable=bool(text.strip() or message.attachments),
        word=words.get(message.id, ""),
    )


def _author(message: Message) -> Author:
    if message.message_type == "incoming":
        return Author.CUSTOMER
    if message.message_type != "outgoing":
        return Author.OTHER
    if message.content_attributes.get("metta_turn_id"):
        return Author.METTA
    return Author.HUMAN if not isinstance(message.sender, Contact) else Author.OTHER


def _turn(row: JsonObject) -> AuditedTurn:
    sent = (SentRow(m["kind"], m["part"], m["message_id"], m["private"]) for m in row["outgoing_messages"])
    return AuditedTurn(
        id=row["id"],
        outcome=row["outcome"],
        reason=row["reason"],
        phase=row["phase"],
        attempt=row["attempt"],
        covered=frozenset(row["covered"]),
        messages=tuple(message["message_id"] for message in row["incoming_messages"]),
        sent=tuple(sent),
        handoff_steps=tuple(step["step"] for step in row["handoff_steps"]),
        delivery_unknown=row["delivery_unknown"],
        reply=row["reply"],
        verdicts=tuple(verdict["direction"] for verdict in row["verdicts"]),
        model_calls=row["model_call_count"],
        model_call_rows=len(row["model_calls"]),
        tool_calls=row["tool_call_count"],
        tool_call_rows=len(row["tool_calls"]),
        started_at=_seconds(row["started_at"]),
        finished_at=_seconds(row["finished_at"]) if row["finished_at"] else None,
    )


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def unfinished_states(dynamodb: Any, table: str) -> dict[int, tuple[str, ...]]:
    """What turn state still holds that is not finished, by conversation."""
    found: dict[int, tuple[str, ...]] = {}
    for page in dynamodb.get_paginator("scan").paginate(TableName=table):
        for item in page["Items"]:
            kind, _, key = item["id"]["S"].partition("#")
            if kind == "turn" and (rest := tuple(_rest(item))):
                found[int(key.rpartition(":")[2])] = rest
    return found


def _rest(item: Mapping[str, Any]) -> Iterator[str]:
    if "turns" in item:
        turns = json.loads(gzip.decompress(bytes(item["turns"]["B"])))
        if turns["hand"]:
            yield f"the turn {turns['hand']['id']} in hand ({turns['hand']['phase']})"
        for turn in turns["outbox"]:
            yield f"the audit rows of {turn['id']}"
    if "watch" in item:
        yield "a watch entry"


def left_on_queue(sqs: Any, queue_url: str) -> int:
    """Records that are waiting, in flight or delayed."""
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(attributes.get(name, 0)) for name in names)


def dead_letters(sqs: Any, dlq_url: str) -> list[DeadLetter]:
    """What lies in the dead-letter queue; it is taken out."""
    found = []
    while messages := _take(sqs, dlq_url):
        found += [_dead(message) for message in messages]
    return found


def _take(sqs: Any, url: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["metta_reason"]
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def _dead(message: Mapping[str, Any]) -> DeadLetter:
    body = json.loads(message["Body"])
    event = str(body.get("event", ""))
    about_message = event.startswith("message_")
    reason = message.get("MessageAttributes", {}).get("metta_reason", {}).get("StringValue", "")
    return DeadLetter(
        conversation=(body.get("conversation") or {}).get("id") if about_message else body.get("id"),
        message_id=body.get("id") if about_message else None,
        event=event,
        reason=reason,
    )
