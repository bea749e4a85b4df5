"""How the queue is set up, beside what Metta relies on: its kind, how long it keeps, who may send, when it gives up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metta_local.doctor.check import Check, fail, ok, warn
from metta_local.doctor.queue_facts import Queue

DAY = 86_400
KEEP_DAYS = 4
"""Messages should outlive a long weekend in which nobody answers."""
_NARROWING = (
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceowner",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:vpcsourceip",
    "kms:calleraccount",
)
"""Condition keys that leave some of all the world."""
_WRITING = ("sqs:sendmessage", "sqs:sendmessagebatch")
_READING = ("sqs:receivemessage",)


def kind(queue: Queue) -> Check:
    """Whether it keeps the order of a conversation."""
    name = "queue.type"
    if queue.fifo:
        return ok(name, "FIFO: the messages of a conversation come one after the other")
    found = (
        "a standard queue: messages come in any order and some twice; turn state still keeps each reply single, "
        "but turns of a conversation wait for each other and cost more receives"
    )
    return warn(name, found, "attach a FIFO queue, such as the stack's own: group ACCOUNT:CONVERSATION (receiver.md)")


def retention(queue: Queue) -> Check:
    """How long a message waits for somebody to answer."""
    name, days = "queue.retention", queue.retention_seconds / DAY
    if days >= KEEP_DAYS:
        return ok(name, f"messages wait up to {days:g} days")
    found = f"messages are lost after {_time(queue.retention_seconds)}, also those that nobody could answer by then"
    return warn(name, found, "set MessageRetentionPeriod to 1209600 (14 days), as the template does")


def sending(name: str, variable: str, queue: Queue) -> Check:
    """Whether its policy lets all the world write or read."""
    open_to_all = [each for each in queue.statements if _is_for_anybody(each)]
    if any(_allows(each, _WRITING) for each in open_to_all):
        found = f"the policy of {variable} lets anybody send: whoever knows its name can make Metta answer"
        return fail(name, found, "name the receiver's role as Principal, or narrow it with aws:SourceArn or an account")
    if any(_allows(each, _READING) for each in open_to_all):
        found = f"the policy of {variable} lets anybody receive: customers' messages can be read and taken away"
        return fail(name, found, "take that statement out of the queue's policy")
    return ok(name, f"the policy of {variable} lets nobody in who is not named")


def redrive(queue: Queue, max_receives: int) -> Check:
    """Whether a message that cannot be handled is put aside, and not before Metta has called a person."""
    name = "queue.redrive"
    if queue.redrive_target is None:
        found = "no redrive policy: a message that cannot be handled comes back for as long as the queue keeps it"
        return fail(name, found, f"set a RedrivePolicy with a dead-letter queue and maxReceiveCount {max_receives}")
    if queue.max_receives < max_receives:
        found = (
            f"the queue gives a message up after {queue.max_receives} receives, Metta counts on {max_receives} "
            "(SQS_MAX_RECEIVE_COUNT): it is dead-lettered before a person is called, and the customer hears nothing"
        )
        fix = f"make both the same: maxReceiveCount {max_receives} there, or SQS_MAX_RECEIVE_COUNT={queue.max_receives}"
        return fail(name, found, fix)
    if queue.max_receives > max_receives:
        found = (
            f"the queue permits {queue.max_receives} receives, Metta gives up after {max_receives} "
            "(SQS_MAX_RECEIVE_COUNT): the rest is never used"
        )
        fix = f"make both the same: SQS_MAX_RECEIVE_COUNT={queue.max_receives}, or maxReceiveCount {max_receives} there"
        return warn(name, found, fix)
    return ok(name, f"after {queue.max_receives} receives a message goes to the dead-letter queue")


def _is_for_anybody(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    everybody = "*" in (named if isinstance(named, list) else [named])
    return statement.get("Effect") == "Allow" and everybody and not _narrowed(statement.get("Condition"))


def _narrowed(condition: Any) -> bool:
    """Whether a condition leaves out most of the world; one on TLS, or one that says what is not, does not."""
    if not isinstance(condition, dict):
        return False
    return any(
        key.lower() in _NARROWING and "not" not in operator.lower() and operator.lower() != "null"
        for operator, keys in condition.items()
        if isinstance(keys, dict)
        for key in keys
    )


def _allows(statement: Mapping[str, Any], actions: tuple[str, ...]) -> bool:
    """Whether a statement's actions, with their wildcards, hold one of ``actions``; all but some hold it as well."""
    from fnmatch import fnmatchcase

    given = statement.get("Action", [])
    patterns = [str(each).lower() for each in (given if isinstance(given, list) else [given])]
    if "NotAction" in statement:
        return True
    return any(fnmatchcase(action, pattern) for action in actions for pattern in patterns)


def _time(seconds: int) -> str:
    if seconds >= DAY:
        return f"{seconds / DAY:.3g} days"
    return f"{seconds / 3600:.3g} hours" if seconds >= 3600 else f"{seconds / 60:.3g} minutes"
