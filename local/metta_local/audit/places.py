"""Where in a kept text the places are that a check named in the text as it was written.

What is kept has masks in place of personal data and lacks invisible signs, so places have moved. They are followed
from mask to mask; one that cannot be followed is not marked, rather than a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence

from metta.guardrails.pii import MASKS
from metta.guardrails.secrets import SECRET_MASK
from metta.guardrails.shorten import GAP
from metta.messages import JsonObject

Place = tuple[int, int]


def places_in(text: str, findings: Sequence[JsonObject], *, rewritten: bool = False) -> list[Place | None]:
    """For each finding its place in ``text``; None where that cannot be said.

    Args:
        text: as it was kept.
        findings: ``{"check", "kind", "start", "end"}``, places in the text as it was written.
        rewritten: whether business rules may have put other text in its places (a reply's links and markup).
    """
    reach = text.find(GAP)
    reach = len(text) if reach < 0 else reach
    found: dict[int, Place | None] = {}
    moved, lost = 0, False
    masked: tuple[Place, Place] | None = None
    for number, finding in sorted(enumerate(findings), key=lambda one: (one[1]["start"], -one[1]["end"])):
        start, end = finding["start"], finding["end"]
        if masked is not None and start < masked[0][1]:
            found[number] = masked[1]
            continue
        mask = MASKS.get(finding["kind"]) if finding["check"] == "pii" else None
        mask = SECRET_MASK if finding["check"] == "leak" else mask
        at = -1 if mask is None else text.find(mask, masked[1][1] if masked else 0)
        if mask is not None and 0 <= at <= start + moved:
            masked = (start, end), (at, at + len(mask))
            found[number] = masked[1]
            moved, lost = at + len(mask) - end, False
            continue
        place = start + moved, end + moved
        found[number] = None if lost or place[0] < 0 or place[1] > reach else place
        lost = lost or (rewritten and finding["check"] == "rules")
    return [found[number] for number in range(len(findings))]
