"""Plain words for the steps of a turn and for what makes it be tried again."""

from __future__ import annotations

from metta_local.audit.words import FOUND

_STEPS = {
    "turn": "The whole turn",
    "context": "Read the conversation",
    "validate_input": "Check the customer's text",
    "bounds": "Check limits and budget",
    "second_opinion": "Ask for a second opinion",
    "agent": "Let the agent answer",
    "run": "Run of the agent",
    "agent loop": "The agent at work",
    "model turn": "Model and its tools",
    "model": "Ask the model",
    "handoff": "The agent hands over",
    "guardrail": "Check of the agent's library",
    "validate_output": "Check the reply",
    "recheck": "Look again before sending",
    "send": "Send",
    "audit": "Write the audit",
}
_COME_BACK = {
    "ChatwootDown": "Chatwoot did not answer as it should",
    "SendUnknown": "Chatwoot's answer to a message was lost: it is looked up before anything else is sent",
    "OdooDown": "Odoo did not answer as it should",
    "ModelDown": "the model did not answer as it should",
    "AuditDown": "the audit database did not answer as it should",
    "StateDown": "the turn's state could not be read or written",
    "ConversationBusy": "another worker still holds the conversation",
    "Overtaken": "the customer wrote again",
    "Unsettled": "a message may still be on its way: it is looked up once that is settled",
    "Paused": "a service that is down is left alone for a while",
    "NotStarted": "too little time was left to begin",
    "Killed": "the worker was killed",
    "Cancelled": "it was called off",
}
INTERRUPTED = "Interrupted: the worker was killed. What it had in hand comes back to the queue"
TAKEN_UP = "Interrupted: the worker was killed before anything left. A later turn dealt with these messages"
WORKING = "At work"


def label(name: str) -> str:
    """What a span is about."""
    if name.startswith("tool "):
        tool = name.removeprefix("tool ")
        return f"Tool {tool}: {FOUND[tool]}" if tool in FOUND else f"Tool {tool}"
    return _STEPS.get(name, name)


def comes_back(error: str) -> str:
    """How a turn stands that is tried again, and why."""
    return f"Comes back to the queue: {_COME_BACK.get(error, f'a failure ({error})')}"
