"""The private note with which a conversation goes to a person: what is wanted, what was tried, why it stopped."""

from __future__ import annotations

from metta.messages import Turn

WHY = {
    "human_request": "the customer asked for a person",
    "model_request": "the assistant asked for a person",
    "attempts_exhausted": "several tries failed for technical reasons",
    "receives_exhausted": "the message came back from the queue too often",
    "model_refused": "the model declined to answer",
    "too_many_model_turns": "the assistant did not come to a conclusion",
    "budget_exhausted": "the time or token budget of the turn ran out",
    "budget_exhausted:tokens": "the turn used more of the model than one turn may",
    "budget_exhausted:day": "today's budget for the model is used up",
    "contact_rate": "the customer sent more messages than the assistant answers in an hour",
    "loop": "it looks as if a machine answers the assistant's replies",
    "unanswered": "the customer has waited for an answer for too long",
    "guardrail_broken": "a safety check failed to run",
    "broken": "a safety check failed to run",
    "output_blocked": "a safety check stopped the drafted reply",
    "cannot_reply": "the channel no longer accepts a reply (its time window is over)",
    "delivery_failed": "the channel refused to deliver a reply",
    "delivery_unknown": "a reply may already have been delivered; whether it was could not be found out",
    "chatwoot_refused": "Chatwoot refused the reply",
}
"""Reason -> words for the team. Others are shown as they are."""


def reason_in_words(reason: str) -> str:
    """Say a stable reason for people; a detail after ``:`` is kept in brackets."""
    if reason in WHY:
        return WHY[reason]
    name, _, detail = reason.partition(":")
    words = WHY.get(name, name.replace("_", " "))
    return f"{words} ({detail.strip()})" if detail.strip() else words


def note(turn: Turn) -> str:
    """The note for ``turn``, from its checked texts only, in Markdown."""
    lines = [f"**Metta hands this conversation over**: {reason_in_words(turn.reason)}."]
    if turn.delivery_unknown:
        lines.append("A reply may already have been delivered. Please check before you answer.")
    wanted = "\n".join(m.text.strip() for m in turn.messages if m.text.strip())
    if wanted:
        shown = wanted if len(wanted) <= 600 else wanted[:600] + " ..."
        lines.append("The customer wrote:\n> " + shown.replace("\n", "\n> "))
    files = [a.file_type for m in turn.messages for a in m.attachments]
    if files:
        lines.append(f"Attachments: {', '.join(files)}.")
    tried = [f"{call.name}{'' if call.ok else ' (failed)'}" for call in turn.work.tool_calls]
    if tried:
        lines.append(f"Looked up: {', '.join(dict.fromkeys(tried))}.")
    if turn.attempt > 1:
        lines.append(f"Tries: {turn.attempt}.")
    return "\n\n".join(lines)
