"""Who the customer is comes from what the channel proves, never from what can be edited or typed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from metta.integrations.chatwoot.identity import identify, normal_email, normal_phone
from metta.messages import Contact, ConversationKey, Identity, IdentityLevel, IncomingMessage
from metta.policy import IdentityPolicy

POLICY = IdentityPolicy()
LENA: dict[str, Any] = {"email": "lena@example.org", "phone": "+4915112345678"}


def message(
    channel: str = "Channel::WebWidget", contact: dict[str, Any] | None = None, **fields: Any
) -> IncomingMessage:
    return IncomingMessage(
        key=ConversationKey(account_id=3, conversation_id=84),
        message_id=1,
        inbox_id=11,
        text="",
        channel=channel,
        created_at=datetime(2026, 6, 17, tzinfo=UTC),
        contact=Contact(id=901, **(LENA if contact is None else contact)),
        **fields,
    )


def verified(**addresses: Any) -> Identity:
    return Identity(level=IdentityLevel.VERIFIED, **addresses)


def claimed(**addresses: Any) -> Identity:
    return Identity(level=IdentityLevel.CLAIMED, **addresses)


@pytest.mark.parametrize(
    ("channel", "source_id"),
    [
        ("Channel::Whatsapp", "4915112345678"),
        ("Channel::TwilioSms", "whatsapp:+4915112345678"),
        ("Channel::TwilioSms", "+4915112345678"),
        ("Channel::Sms", "+4915112345678"),
    ],
)
def test_the_sender_of_a_phone_channel_is_verified_by_the_number_it_wrote_from(channel: str, source_id: str) -> None:
    edited = {"email": "marco@example.com", "phone": "+393331234567"}

    identity = identify(message(channel, edited, contact_source_id=source_id), POLICY)

    assert identity == verified(phone="+4915112345678")


@pytest.mark.parametrize(
    ("channel", "source_id"),
    [
        ("Channel::Whatsapp", ""),
        ("Channel::Whatsapp", "DE.1234567890123456"),
        ("Channel::Whatsapp", "+4915112345678"),
        ("Channel::Whatsapp", "4915112345678\n"),
        ("Channel::Whatsapp", "049151123456"),
        ("Channel::Whatsapp", "٤٩١٥١١٢٣٤٥٦"),
        ("Channel::Whatsapp", "1234567890123456"),
        ("Channel::TwilioSms", "messenger:123456789"),
        ("Channel::TwilioSms", "4915112345678"),
        ("Channel::Sms", "whatsapp:+4915112345678"),
        ("Channel::Telegram", "4915112345678"),
        ("Channel::Api", "+4915112345678"),
        ("Channel::WebWidget", "4915112345678"),
        ("", "4915112345678"),
    ],
)
def test_what_is_no_number_of_that_channel_proves_nothing(channel: str, source_id: str) -> None:
    assert identify(message(channel, contact_source_id=source_id), POLICY) == claimed(**LENA)


def test_the_sender_of_a_mail_is_verified_by_the_address_it_came_from_not_by_the_contacts() -> None:
    mail = message("Channel::Email", {"email": "marco@example.com"}, contact_source_id=" Lena@Example.org")

    assert identify(mail, POLICY) == verified(email="lena@example.org")
    assert identify(mail.model_copy(update={"mail_from": ("lena@example.org",)}), POLICY).level == "verified"


def test_a_policy_that_distrusts_mail_leaves_a_claim() -> None:
    mail = message("Channel::Email", contact_source_id="lena@example.org")

    assert identify(mail, IdentityPolicy(trust_email_sender=False)) == claimed(**LENA)


@pytest.mark.parametrize("senders", [("eve@evil.example",), ("lena@example.org", "eve@evil.example")])
def test_somebody_elses_mail_in_the_thread_is_not_the_customers(senders: tuple[str, ...]) -> None:
    mail = message("Channel::Email", contact_source_id="lena@example.org", mail_from=senders)

    assert identify(mail, POLICY).level == IdentityLevel.CLAIMED


def test_a_stranger_in_the_thread_claims_only_their_own_address() -> None:
    mail = message("Channel::Email", contact_source_id="lena@example.org", mail_from=("eve@evil.example",))

    assert identify(mail, POLICY) == claimed(email="eve@evil.example")


def test_an_address_as_source_id_proves_nothing_outside_an_email_inbox() -> None:
    assert identify(message(contact_source_id="lena@example.org"), POLICY).level == IdentityLevel.CLAIMED


def test_a_vouched_for_identifier_that_is_the_email_verifies_it() -> None:
    contact = {"identifier": "Lena@example.org", "email": "lena@example.org", "phone": "+4915112345678"}

    assert identify(message(contact=contact, hmac_verified=True), POLICY) == verified(email="lena@example.org")
    assert identify(message(contact=contact), POLICY) == claimed(**LENA)


def test_an_email_changed_after_the_vouching_is_only_a_claim() -> None:
    contact = {"identifier": "lena@example.org", "email": "marco@example.com"}

    assert identify(message(contact=contact, hmac_verified=True), POLICY) == claimed(email="marco@example.com")


def test_an_opaque_identifier_verifies_only_through_the_policy() -> None:
    contact = {"identifier": "cust-77", **LENA}
    vouched = message(contact=contact, hmac_verified=True)

    assert identify(vouched, POLICY) == claimed(**LENA)
    mapped = IdentityPolicy(identifier_partners={"cust-77": 4711})
    assert identify(vouched, mapped) == verified(partner_id=4711)
    assert identify(message(contact=contact), mapped) == claimed(**LENA)


def test_a_mapped_identifier_keeps_its_partner_when_the_email_was_changed() -> None:
    contact = {"identifier": "lena@example.org", "email": "marco@example.com"}
    mapped = IdentityPolicy(identifier_partners={"lena@example.org": 4711})

    assert identify(message(contact=contact, hmac_verified=True), mapped) == verified(partner_id=4711)


def test_vouching_without_an_identifier_proves_nothing() -> None:
    assert identify(message(hmac_verified=True), POLICY) == claimed(**LENA)


def test_a_contact_without_addresses_is_anonymous() -> None:
    assert identify(message(contact={}), POLICY) == Identity()
    assert identify(message(contact={"email": "not an address", "phone": "12"}), POLICY) == Identity()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Lena@Example.ORG ", "lena@example.org"),
        ("o'neil+shop@mail.co.uk", "o'neil+shop@mail.co.uk"),
        ("Lena <lena@example.org>", None),
        ("lena@example.org,marco@example.com", None),
        ("lena@example", None),
        ("lena@@example.org", None),
        ("lena@example.org\nx", None),
        ("lena@exämple.org", None),
        ("%@example.org" * 40, None),
        ("", None),
        (None, None),
    ],
)
def test_only_a_bare_address_is_an_address(text: str | None, address: str | None) -> None:
    assert normal_email(text) == address


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+49 (151) 123-456.78", "+4915112345678"),
        ("+4915112345678", "+4915112345678"),
        ("4915112345678", None),
        ("+0151123456", None),
        ("+49x1234567", None),
        ("+" + "1" * 16, None),
        (None, None),
    ],
)
def test_only_an_international_number_is_a_number(text: str | None, number: str | None) -> None:
    assert normal_phone(text) == number
