"""A simulated identity is what the conversation proves under the policy, and nothing that is merely said (I7)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from metta.console.arranged import Arranged, CannotBeError, arrange
from metta.console.request import SimulationRequest
from metta.integrations.chatwoot.identity import identify
from metta.messages import ConversationKey, Identity, IncomingMessage
from metta.policy import IdentityPolicy


def arranged(**given: Any) -> Arranged:
    return arrange(SimulationRequest.model_validate({"content": "x", **given}))


def proved(found: Arranged, policy: IdentityPolicy | None = None) -> Identity:
    message = IncomingMessage(
        key=ConversationKey(account_id=1, conversation_id=1),
        message_id=1,
        inbox_id=1,
        text="x",
        created_at=datetime.now(UTC),
        channel=found.channel,
        contact=found.contact,
        contact_source_id=found.source_id,
        hmac_verified=found.hmac_verified,
    )
    return identify(message, policy or IdentityPolicy())


def test_without_an_identity_the_contact_claims_what_it_carries() -> None:
    assert proved(arranged(contact={"email": "lena@example.org"})).level == "claimed"
    assert proved(arranged()).level == "anonymous"
    assert arranged().channel == "Channel::WebWidget"


def test_a_number_is_proved_on_whatsapp_unless_another_channel_is_named() -> None:
    phone = {"level": "verified", "phone": "+49 151 12345678"}

    assert arranged(identity=phone).channel == "Channel::Whatsapp"
    assert proved(arranged(identity=phone)) == Identity(level="verified", phone="+4915112345678")
    assert arranged(identity=phone, channel="Channel::Sms").source_id == "+4915112345678"


def test_an_address_is_proved_by_the_login_or_by_the_mail_itself() -> None:
    email = {"level": "verified", "email": "Lena@Example.org"}

    assert proved(arranged(identity=email)) == Identity(level="verified", email="lena@example.org")
    by_mail = arranged(identity=email, channel="Channel::Email")
    assert (by_mail.source_id, by_mail.hmac_verified) == ("lena@example.org", False)
    assert proved(by_mail).level == "verified"


def test_a_policy_that_does_not_trust_mail_makes_less_of_it() -> None:
    by_mail = arranged(identity={"level": "verified", "email": "lena@example.org"}, channel="Channel::Email")

    assert proved(by_mail, IdentityPolicy(trust_email_sender=False)).level == "claimed"


def test_the_contact_s_own_fields_stay_where_the_identity_says_nothing() -> None:
    found = arranged(
        contact={"name": "Lena", "email": "old@example.org"}, identity={"level": "claimed", "phone": "+4915112345678"}
    )

    assert (found.contact.name, found.contact.email, found.contact.phone) == (
        "Lena",
        "old@example.org",
        "+4915112345678",
    )


def test_what_no_conversation_proves_is_refused_by_name() -> None:
    with pytest.raises(CannotBeError, match="WhatsApp and SMS") as refused:
        arranged(identity={"level": "verified", "phone": "+4915112345678"}, channel="Channel::Telegram")

    assert refused.value.field == "identity.phone"
