"""What a customer said in one turn, bounded, and who it proves or claims them to be."""

from __future__ import annotations

from collections.abc import Sequence

from metta.messages import Identity, IdentityLevel, IncomingMessage, Verdict

LEVELS = (IdentityLevel.ANONYMOUS, IdentityLevel.CLAIMED, IdentityLevel.VERIFIED)
SHORTEST_SHARE = 200
"""Characters that every text of a long burst keeps."""


def bounded(text: str, limit: int) -> str:
    """A text over ``limit`` keeps its beginning and its last 2,000 characters, where attacks and wishes sit."""
    if len(text) <= limit:
        return text
    tail = min(2000, limit // 4)
    return f"{text[: limit - tail]}\n[...]\n{text[-tail:]}"


def bounded_together(texts: Sequence[str], limit: int) -> list[str]:
    """Texts of a burst, each within ``limit``; together hardly more than twice that, since checking them takes CPU."""
    share = limit if sum(map(len, texts)) <= 2 * limit else max(SHORTEST_SHARE, 2 * limit // len(texts))
    return [bounded(text, min(limit, share)) for text in texts]


def with_transcripts(message: IncomingMessage) -> str:
    """The customer's words: text plus transcripts of voice messages."""
    return "\n".join(part for part in (message.text, *(a.transcript for a in message.attachments)) if part.strip())


def weakest(identities: Sequence[Identity]) -> Identity:
    """What is known of whoever wrote all the messages of a turn: with several writers, none of them is proved."""
    last = identities[-1]
    if all(identity == last for identity in identities):
        return last
    lowest = min(identities, key=lambda identity: LEVELS.index(identity.level))
    if lowest.level is IdentityLevel.ANONYMOUS:
        return Identity()
    return Identity(level=IdentityLevel.CLAIMED, email=lowest.email, phone=lowest.phone)


def claim(identity: Identity, original: str, verdict: Verdict) -> Identity | None:
    """The address that the customer typed, as a claim; None where something is proved or none was typed."""
    typed = [f for f in verdict.findings if f.check == "pii" and f.kind == "EMAIL"]
    if identity.level is IdentityLevel.VERIFIED or not typed:
        return None
    address = original[typed[-1].start : typed[-1].end].strip()
    if "@" not in address or not address.isascii():  # folding a look-alike letter would make it another address
        return None
    return Identity(level=IdentityLevel.CLAIMED, email=address.lower(), phone=identity.phone)
