"""Plain words for what the audit log says in words of the code: outcomes, reasons, checks, identity, steps.

Reasons of hand-offs and the kinds of findings have their words already, those of the note that the team reads.
"""

from __future__ import annotations

from typing import Any

from metta.channels import known_channel
from metta.guardrails.note_texts import note_words
from metta.messages import JsonObject

CLOSED = {
    "auto_reply": "a machine wrote this mail",
    "blocked_contact": "the contact is blocked in Chatwoot",
    "human_assigned": "a person of the team is assigned to the conversation",
    "not_answerable_status": "the conversation's status says that it is not Metta's to answer",
    "other_inbox": "the inbox is none that Metta answers for",
}
DROPPED = CLOSED | {
    "answered": "the customer had been answered in the meantime",
    "conversation_gone": "the conversation is gone from Chatwoot",
    "handed_off": "the conversation had been handed to a person in the meantime",
    "human": "a person of the team had taken over",
    "human_reply": "a person of the team answered first",
    "nobody_waits": "no customer was waiting any more",
    "overtaken": "the customer wrote again before it was sent; a later turn answers all of it",
}
SKIPPED = CLOSED | {
    "human_reply": "a person of the team had answered already",
    "human_took_over": "a person of the team has the conversation",
}
NOT_ANSWERED = CLOSED | {
    "activity": "it is Chatwoot's own note about the conversation",
    "automation": "an automation rule sent it",
    "campaign": "a campaign sent it",
    "cannot_reply": "the channel's time window for replies is over",
    "csat": "it belongs to Chatwoot's survey",
    "deleted": "it was deleted",
    "empty": "it holds neither words nor files",
    "other_account": "it belongs to another Chatwoot account",
    "other_bot": "another bot wrote it",
    "other_event": "it is an event that asks for no answer",
    "outgoing": "a person of the team wrote it",
    "own_message": "Metta wrote it",
    "private": "it is a private note",
    "template": "it is a text that Chatwoot sends by itself",
    "unsupported": "it is of a kind that Chatwoot cannot show",
}
"""Why a message was not answered, by the reason of the skip."""
ANSWERED = {
    "": "by the assistant",
    "attachment_only": "with a fixed text: only files came, which Metta does not open",
    "empty": "with a fixed text: nothing came that could be understood",
}
BLOCKED = "input_blocked"
STEPS = {
    "note": "private note for the team",
    "word": "word to the customer",
    "status": "conversation opened",
    "team": "given to the team",
}
OUTCOMES = {
    "answered": "Answered",
    "handed_off": "Handed to a person",
    "dropped": "Reply not sent",
    "skipped": "Not answered",
}
PHASES = {
    "started": "it did not get so far that a text was decided",
    "prepared": "the text was decided, and nothing was sent",
    "sending": "it broke off while sending",
    "sent": "everything was done",
}
SENT = {
    "reply": "Reply to the customer",
    "note": "Draft as a private note",
    "handoff_note": "Private note for the team",
    "handoff_word": "Word to the customer",
}
ACTIONS = {
    "allow": "nothing to object to",
    "redact": "passed on with parts taken out",
    "block": "stopped",
    "handoff": "left to a person",
}
FOUND = {
    "getProduct": "product",
    "searchProducts": "product search",
    "getOrder": "order",
    "getOrdersByCustomer": "the customer's orders",
    "handOffToHuman": "asked for a person",
}


MODEL_FAILURES = {
    "APIConnectionError": "it could not be reached: check OPENAI_BASE_URL and the network",
    "APITimeoutError": "it did not answer in time",
    "AuthenticationError": "it refused the key: check OPENAI_API_KEY",
    "InternalServerError": "it had trouble of its own",
    "NotFoundError": "it does not know the model or the address: check OPENAI_MODEL and OPENAI_BASE_URL",
    "PermissionDeniedError": "the key may not use this model: check the key's rights",
    "RateLimitError": "it had too many requests, or the account's credit is used up",
}
"""What the classes of the model client's errors mean to whoever runs Metta."""


def ended(outcome: str, reason: str) -> str:
    """How a turn ended and why, as a sentence without its end."""
    said = OUTCOMES.get(outcome, outcome)
    if outcome == "answered":
        if reason.startswith(f"{BLOCKED}:"):
            return f"{said} with a fixed text, since a check stopped the message: {decided(reason.partition(':')[2])}"
        return f"{said} {ANSWERED.get(reason) or _unknown(reason)}"
    if outcome == "handed_off":
        return f"{said}: {note_words('en').reason(reason)}"
    known = {"dropped": DROPPED, "skipped": SKIPPED}.get(outcome, {})
    return f"{said}: {known.get(reason) or _unknown(reason)}"


def unfinished(turn: JsonObject) -> str:
    """What has to be added to how a turn ended, each part after a semicolon: what could not be found out or done."""
    said = ""
    if turn["delivery_unknown"]:
        said += "; whether a message reached the customer could not be found out, and the team was told so"
    if turn["phase"] != "sent":
        said += f"; {PHASES.get(turn['phase'], turn['phase'])}"
    return said


def judged(action: str, reason: str) -> str:
    """What was decided about a text, and because of what."""
    said = ACTIONS.get(action, action)
    return f"{said}, because of {decided(reason)}" if reason else said


def not_answered(reason: str) -> str:
    """Why a message was not answered."""
    return NOT_ANSWERED.get(reason) or _unknown(reason)


def decided(reason: str) -> str:
    """What decided a verdict, from ``check/kind``."""
    check, _, kind = reason.partition("/")
    if check == "broken":
        return f"the check itself failed ({kind})"
    return noticed(check, kind)


def noticed(check: str, kind: str) -> str:
    """What a check noticed: its kind in words, or that of the check where the kind has none."""
    detail = note_words("en").detail
    return detail.get(kind) or detail.get(check) or _unknown(f"{check}/{kind}")


def model_failed(error: str) -> str:
    """What a failed request to the model came to; empty where the class of the error says no more than itself."""
    return MODEL_FAILURES.get(error, "")


def identity(turn: JsonObject) -> str:
    """How well the customer was known, and by what."""
    words = note_words("en").words
    level = turn["identity_level"]
    shown = ", ".join(
        f"{name} {turn[column]}"
        for name, column in (
            ("e-mail", "identity_email"),
            ("phone", "identity_phone"),
            ("Odoo partner", "identity_partner_id"),
        )
        if turn[column] is not None
    )
    if level == "anonymous":
        return words["not_known"]
    if level == "claimed":
        return f"{words['claimed']}{f' ({shown})' if shown else ''}"
    return f"{words[_proof(turn)] if shown else 'verified; by what was erased'}{f' ({shown})' if shown else ''}"


def channel(name: str) -> str:
    """A channel as people call it."""
    known = known_channel(name)
    return known.words if known else name.removeprefix("Channel::") or "unknown channel"


def _proof(turn: JsonObject) -> str:
    if turn["identity_phone"] is not None:
        sources: list[Any] = [message["contact_source_id"] for message in turn["incoming_messages"]]
        whatsapp = turn["channel"] == "Channel::Whatsapp" or str((sources or [""])[-1]).startswith("whatsapp:")
        return "verified_whatsapp" if whatsapp else "verified_phone"
    return "verified_email" if turn["channel"] == "Channel::Email" else "verified_login"


def _unknown(reason: str) -> str:
    """For what a later version of Metta wrote."""
    return f"for a reason this version has no words for ({reason})" if reason else "no reason was written down"
