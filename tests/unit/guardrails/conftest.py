"""A guardrail set with the packaged policy and the context of Lena Vogt's turn about her order S00042."""

from __future__ import annotations

import json

import pytest

from metta.guardrails import Guardrails
from metta.messages import Contact, ConversationKey, MessageContext
from metta.policy import Policy, load_policy

ORDER = json.dumps(
    {
        "found": True,
        "orderNumber": "S00042",
        "status": "confirmed",
        "orderedOn": "2026-06-15",
        "promisedFor": "2026-06-20",
        "delivery": "shipped",
        "total": "57.39 \u20ac",
        "items": [
            {"name": "Aurora desk lamp 3000K", "reference": "LAMP-100", "quantity": 1, "total": "49.9 \u20ac"},
            {"name": "Bulb E27", "quantity": 3, "total": "7.49 \u20ac"},
        ],
        "parcels": [
            {
                "status": "delivered",
                "shippedOn": "2026-06-18 14:05",
                "carrier": "DHL",
                "trackingNumber": "00340434161094012345",
                "trackingLink": "https://track.example/p/00340434161094012345",
            }
        ],
        "note": "https://evil.example/manual",
    }
)


@pytest.fixture(scope="session")
def policy() -> Policy:
    return load_policy()


@pytest.fixture(scope="session")
def guardrails(policy: Policy) -> Guardrails:
    return Guardrails(policy)


@pytest.fixture
def nowhere() -> MessageContext:
    """A conversation of which nothing is known."""
    return MessageContext(
        key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901, name="Lena Vogt")
    )


@pytest.fixture
def turn(nowhere: MessageContext) -> MessageContext:
    """Lena asked for her order, and the tool answered."""
    return nowhere.model_copy(
        update={
            "contact": Contact(id=901, name="Lena Vogt", email="lena@example.org", phone="+4915112345678"),
            "customer_text": "Where is my order S00042? I paid 60 euros on June 1st.",
            "tool_results": (ORDER,),
        }
    )
