"""Mails that a machine wrote: answering one begins a conversation of two machines that nobody ends.

Chatwoot marks what carries ``Auto-Submitted`` or ``X-Autoreply``. Delivery reports and mailboxes that nobody reads are
known by their shape, and a mail from the inbox's own address would be answered to itself. Subjects are not judged:
people answer mails called "Out of office", too. What passes for a person here is stopped as a loop (``bounds``).
"""

from __future__ import annotations

import re
from typing import Any

from metta.integrations.chatwoot.text import text_or_empty
from metta.messages import JsonObject

MAX_ADDRESSES = 20

_NO_REPLY = r"(?:no[-_.]?reply|do[-_.]?not[-_.]?reply)"
_MAILBOX = re.compile(
    rf"(?:{_NO_REPLY}|mailer-daemon|postmaster|bounces?|auto[-_.]?(?:reply|respon(?:der|se|d))|listserv|majordomo)"
    rf"(?:[+._-][^@]*)?|[^@]+[-_.]{_NO_REPLY}(?:\+[^@]*)?",
    re.IGNORECASE,
)
_REPORT = "multipart/report"


def addresses(value: Any) -> tuple[str, ...]:
    """The addresses of a mail header as Chatwoot gives it (a text or a list), lower case."""
    listed = value if isinstance(value, list) else [value]
    cleaned = (text_or_empty(one).strip().lower() for one in listed[:MAX_ADDRESSES])
    return tuple(one for one in cleaned if one)


def written_by_machine(attributes: JsonObject) -> bool:
    """Whether nobody waits for an answer to this mail, judged by a message's content attributes."""
    mail = attributes.get("email")
    if not isinstance(mail, dict):
        return False
    senders, recipients = addresses(mail.get("from")), addresses(mail.get("to"))
    return (
        bool(mail.get("auto_reply"))
        or text_or_empty(mail.get("content_type")).strip().lower().startswith(_REPORT)
        or any(_MAILBOX.fullmatch(sender.partition("@")[0]) for sender in senders)
        or (bool(recipients) and set(recipients) <= set(senders))
    )
