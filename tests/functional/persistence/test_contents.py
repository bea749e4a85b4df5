"""How contents are stored: never with a card or social security number; masked or encrypted if the policy says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from moto import mock_aws

from functional.persistence.forgetting import (
    KEYS,
    WORDS,
    found_in_database,
    told_message,
    told_turn,
    verified,
    write,
)
from functional.persistence.samples import LENA, full_turn, later, message, new_key
from metta.bootstrap.auditing import audit_store
from metta.errors import AuditDown, GuardrailBroken, SettingsError
from metta.guardrails import Guardrails
from metta.guardrails.keeping import masked_for_audit
from metta.messages import Contact, ConversationKey, Turn
from metta.persistence.chain import chain_keys
from metta.persistence.contents import UNCHECKED, Mode, cleaned
from metta.persistence.erase import CONVERSATION, erase_conversation
from metta.persistence.heads import DynamoHeads, Known, MemoryHeads, all_heads
from metta.persistence.read import read_conversation, read_turns
from metta.persistence.store import AuditStore
from metta.persistence.text import digest
from metta.persistence.vault import Reader, Vault
from metta.policy import load_policy
from metta.settings import load
from metta_local.postgres import PostgresUrls
from tests_support.table import state_table

CARD, SSN = "4111 1111 1111 1111", "536-90-4399"
CLEAN = Guardrails(load_policy()).sanitize


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        yield state_table()


def with_numbers(key: ConversationKey) -> Turn:
    """A turn that has both in all contents: in text, as a number and as the name of a field."""
    said = f"my card is {CARD} and my SSN is {SSN}"
    turn = told_turn(key, reply=said)
    contact = Contact(id=7, name=said, email=None, phone=CARD, identifier=said)
    arguments = {
        "orderNumber": said,
        "card": 4111111111111111,
        said: [{"deep": said, "as a float": 4111111111111111.0}],
    }
    calls = [one.model_copy(update={"arguments": arguments, "result": arguments}) for one in turn.work.tool_calls]
    attachments = tuple(
        one.model_copy(update={"name": said, "transcript": said}) for one in turn.messages[0].attachments
    )
    words = {"text": said, "attachments": attachments, "contact_source_id": said, "contact": contact}
    return turn.model_copy(
        update={
            "contact": contact,
            "messages": tuple(one.model_copy(update=words) for one in turn.messages),
            "sent": tuple(one.model_copy(update={"text": said}) for one in turn.sent),
            "work": turn.work.model_copy(update={"tool_calls": calls}),
            "identity": turn.identity.model_copy(update={"email": said, "phone": CARD}),
            "input_verdict": turn.input_verdict and turn.input_verdict.model_copy(update={"text": said}),
            "output_verdict": turn.output_verdict and turn.output_verdict.model_copy(update={"text": said}),
        }
    )


def stored(urls: PostgresUrls, key: ConversationKey, reader: Reader | None = None) -> str:
    return json.dumps(read_conversation(urls.database_url, key, reader), ensure_ascii=False)


@pytest.mark.parametrize("mode", list(Mode))
def test_no_card_and_no_social_security_number_is_stored_anywhere(urls: PostgresUrls, mode: Mode) -> None:
    key, heads = new_key(), MemoryHeads()
    turn = with_numbers(key)
    skipped = told_message(key, text=f"card {CARD}", attachments=turn.messages[0].attachments)
    write(
        urls,
        heads,
        lambda store: store.save_turn(turn),
        lambda store: store.save_skip(skipped, "human_wrote"),
        mode=mode,
        clean=CLEAN,
        mask=masked_for_audit,
    )
    text = stored(urls, key, Reader(heads, KEYS))
    assert not [number for number in (CARD, CARD.replace(" ", ""), SSN, "1111") if number in text]
    assert mode is Mode.MASKED or text.count("[CARD]") >= 20
    assert verified(urls, key, heads).problems == []


def test_a_digest_of_what_is_not_kept_is_not_kept_either(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    write(urls, heads, lambda store: store.save_turn(with_numbers(key)), clean=CLEAN)
    [turn] = read_turns(urls.database_url, key)
    assert [call["result_digest"] for call in turn["tool_calls"]] == [digest(c["result"]) for c in turn["tool_calls"]]


def test_a_digest_that_looks_like_a_card_stays_a_digest() -> None:
    call = {"result": {"found": True}, "result_digest": "4111111111111111" * 4}
    assert cleaned({"tool_calls": [call]}, CLEAN)["tool_calls"] == [call]


def test_fields_whose_names_are_masked_alike_are_all_kept() -> None:
    rows = {"tool_calls": [{"arguments": {CARD: 1, "4242 4242 4242 4242": 2, "5555 5555 5555 4444": {CARD: 3}}}]}
    [call] = cleaned(rows, CLEAN)["tool_calls"]
    assert call["arguments"] == {"[CARD]": 1, "[CARD] (2)": 2, "[CARD] (3)": {"[CARD]": 3}}


def test_the_name_of_a_tool_that_there_is_not_is_contents_too(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    turn = full_turn(key)
    asked = turn.work.tool_calls[0].model_copy(update={"name": f"find_{WORDS[0]}_{CARD}", "error": "UnknownTool"})
    turn = turn.model_copy(update={"work": turn.work.model_copy(update={"tool_calls": [asked]})})
    write(urls, heads, lambda store: store.save_turn(turn), clean=CLEAN)
    [call] = read_turns(urls.database_url, key)[0]["tool_calls"]
    assert (call["name"], call["arguments"]["tool"]) == ("unknown", f"find_{WORDS[0]}_[CARD]")


def test_numbers_that_are_no_cards_stay_as_they_are(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    turn = full_turn(key, contact=LENA)
    results = {
        "total": 1234567890.5,
        "id": 9007199254740993,
        "ean": "4006381333931",
        "tracking": "00340434161094042557",
    }
    calls = [one.model_copy(update={"result": results}) for one in turn.work.tool_calls]
    turn = turn.model_copy(update={"work": turn.work.model_copy(update={"tool_calls": calls})})
    write(urls, heads, lambda store: store.save_turn(turn), clean=CLEAN)
    [row] = read_turns(urls.database_url, key)
    kept = row["tool_calls"][0]["result"]
    assert {name: kept[name] for name in ("total", "id")} == {name: results[name] for name in ("total", "id")}
    assert read_conversation(urls.database_url, key)["metadata"][0]["contact_phone"] == LENA.phone


def test_a_text_that_cannot_be_checked_is_not_stored(urls: PostgresUrls) -> None:
    def broken(text: str) -> str:
        raise GuardrailBroken(text)

    key, heads = new_key(), MemoryHeads()
    turn = full_turn(key, reply=f"number {CARD}", messages=(message(key, text="hello"),))
    write(urls, heads, lambda store: store.save_turn(turn), clean=broken)
    [row] = read_turns(urls.database_url, key)
    assert (row["reply"], row["incoming_messages"][0]["text"]) == (UNCHECKED, "hello")


def test_masked_contents_name_nobody(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    contact = Contact(id=7, name="Lena Vogt", email="lena@example.org", phone="+4915112345678", identifier="cust-17")
    said = "I am LENA, mail lena@example.org, call +49 151 12345678, IBAN DE89370400440532013000, order S00042. Vogt"
    turn = full_turn(
        key, contact=contact, reply=f"Dear Lena, {said}", messages=(message(key, text=said, contact=contact),)
    )
    write(urls, heads, lambda store: store.save_turn(turn), mode=Mode.MASKED, clean=CLEAN, mask=masked_for_audit)
    text = stored(urls, key)
    assert not [one for one in ("Lena", "LENA", "Vogt", "lena@", "12345678", "DE89", "proved@", "30111") if one in text]
    assert "I am [NAME], mail [EMAIL], call [PHONE], IBAN [IBAN], order S00042. [NAME]" in text
    assert verified(urls, key, heads).problems == []


def test_encrypted_contents_are_read_with_the_key_alone(urls: PostgresUrls, table: Any) -> None:
    key, heads = new_key(), DynamoHeads(table, "state-table")
    turn = told_turn(key)
    plain, twin = MemoryHeads(), turn.model_copy(update={"id": f"{turn.id}-plain"})
    write(urls, heads, lambda store: store.save_turn(turn), lambda store: store.save_skip(told_message(key), "x"),
          mode=Mode.ENCRYPTED)  # fmt: skip
    without = stored(urls, key)
    assert not [word for word in WORDS if word in without]
    assert without.count("[encrypted]") > 10
    assert not [word for word in WORDS if word in stored(urls, key, Reader(heads, chain_keys("another key")))]
    assert not [word for word in WORDS if word in stored(urls, key, Reader(MemoryHeads(), KEYS))]

    other = new_key()
    write(urls, plain, lambda store: store.save_turn(twin.model_copy(update={"key": other})))
    [shown] = read_conversation(urls.database_url, key, Reader(heads, KEYS))["turns"]
    [expected] = read_conversation(urls.database_url, other)["turns"]
    for one in (shown, expected):
        for name in ("id", "conversation_id", "saved_at"):
            del one[name]
    assert shown == expected
    assert shown["identity_partner_id"] == 4711
    assert verified(urls, key, heads).problems == []


def test_the_database_alone_never_holds_what_was_said_nor_the_key(urls: PostgresUrls, table: Any) -> None:
    key, heads = new_key(), DynamoHeads(table, "state-table")
    unlike = ("zzq-unlike-anything",)
    write(urls, heads, lambda store: store.save_turn(told_turn(key, reply=unlike[0])), mode=Mode.ENCRYPTED)
    assert found_in_database(urls, unlike) == []
    item = table.get_item(TableName="state-table", Key={"id": {"S": f"audit#{key}"}})["Item"]
    vault = Vault(heads, KEYS)
    assert vault.key_of(key, heads.look(key)) not in bytes(item["wrapped"]["B"])


def test_who_starts_a_conversation_at_once_agrees_on_one_key(urls: PostgresUrls, table: Any) -> None:
    key, heads = new_key(), DynamoHeads(table, "state-table")
    made = [Vault(heads, KEYS).key_of(key, Known()) for _ in range(3)]
    assert len(set(made)) == 1

    async def run() -> None:
        stores = [AuditStore(urls.database_url, heads=heads, keys=KEYS, mode=Mode.ENCRYPTED) for _ in range(4)]
        await asyncio.gather(*(store.save_skip(told_message(key), "x") for store in stores))
        await asyncio.gather(*(store.close() for store in stores))

    asyncio.run(run())
    shown = read_conversation(urls.database_url, key, Reader(heads, KEYS))
    assert {skip["text"] for skip in shown["skips"]} == {" ".join(WORDS)}
    assert verified(urls, key, heads).problems == []


def test_erasure_destroys_the_key_and_what_comes_later_has_another(urls: PostgresUrls, table: Any) -> None:
    key, heads = new_key(), DynamoHeads(table, "state-table")
    write(urls, heads, lambda store: store.save_turn(told_turn(key)), mode=Mode.ENCRYPTED)
    [backup] = read_rows(urls, key)
    first = heads.look(key).wrapped
    with psycopg.connect(urls.erase_url, autocommit=True) as connection:
        erase_conversation(connection, key, heads=heads, keys=KEYS, by=CONVERSATION, asked_by="Ada")
    assert heads.look(key).wrapped is None
    assert Reader(heads, KEYS).opened(key, "turns", {"reply": backup})["reply"] == "[encrypted]"

    after = told_message(key, created_at=heads.look(key).erased_at and heads.look(key).erased_at.replace(year=2999))  # type: ignore[union-attr]
    write(urls, heads, lambda store: store.save_skip(after, "x"), mode=Mode.ENCRYPTED)
    assert heads.look(key).wrapped not in (None, first)
    [skip] = read_conversation(urls.database_url, key, Reader(heads, KEYS))["skips"]
    assert skip["text"] == " ".join(WORDS)
    assert verified(urls, key, heads).problems == []


def test_a_worker_that_stood_still_while_the_key_was_destroyed_encrypts_with_the_next_one(
    urls: PostgresUrls, table: Any
) -> None:
    key, kept = new_key(), DynamoHeads(table, "state-table")

    class StoodStill(DynamoHeads):
        erased = False

        def look(self, key: ConversationKey) -> Known:
            known = super().look(key)
            if not self.erased:
                self.erased = True
                self.agree(key, Vault(self, KEYS)._wrap(key, b"k" * 32))
                known = super().look(key)
                with psycopg.connect(urls.erase_url, autocommit=True) as connection:
                    erase_conversation(
                        connection, key, heads=kept, keys=KEYS, by=CONVERSATION, asked_by="Ada", now=later(-3600)
                    )
            return known

    write(urls, StoodStill(table, "state-table"), lambda store: store.save_turn(told_turn(key)), mode=Mode.ENCRYPTED)
    [turn] = read_conversation(urls.database_url, key, Reader(kept, KEYS))["turns"]
    assert turn["reply"] == " ".join(WORDS)
    assert verified(urls, key, kept).problems == []


def read_rows(urls: PostgresUrls, key: ConversationKey) -> list[str]:
    with psycopg.connect(urls.database_url) as connection:
        rows = connection.execute("SELECT reply FROM metta.turns WHERE conversation_id = %s", [key.conversation_id])
        return [reply for (reply,) in rows]


def test_the_key_is_read_after_audit_key_was_changed_and_never_without_the_old_one(
    urls: PostgresUrls, table: Any
) -> None:
    key, heads = new_key(), DynamoHeads(table, "state-table")
    write(urls, heads, lambda store: store.save_turn(told_turn(key)), mode=Mode.ENCRYPTED)
    both = chain_keys("a new key, a key of the audit chain")
    write(urls, heads, lambda store: store.save_turn(told_turn(key)), mode=Mode.ENCRYPTED, keys=both)
    assert {turn["reply"] for turn in read_conversation(urls.database_url, key, Reader(heads, both))["turns"]} == {
        " ".join(WORDS)
    }
    with pytest.raises(AuditDown, match="AUDIT_KEY"):
        write(urls, heads, lambda store: store.save_turn(told_turn(key)), mode=Mode.ENCRYPTED, keys=both[:1])


def test_a_worker_whose_policy_wants_contents_encrypted_does_not_start_without_a_key(
    table: Any, tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text("audit: {contents: encrypted}")
    policy = load_policy(str(tmp_path / "policy.yaml"))
    given = {"DATABASE_URL": "postgresql://worker@127.0.0.1/metta", "IDEMPOTENCY_TABLE": "state-table"}
    audit_store(load(given | {"AUDIT_KEY": "a key"}), table, policy, Guardrails(policy))
    with pytest.raises(SettingsError, match="AUDIT_KEY"):
        audit_store(load(given), table, policy, Guardrails(policy))


@pytest.mark.parametrize("typed", ["enc1:AAAA", "enc0:enc1:AAAA", "enc0:", "enc1:"])
@pytest.mark.parametrize("mode", [Mode.PLAIN, Mode.ENCRYPTED])
def test_a_text_that_looks_encrypted_is_shown_as_it_was_written(urls: PostgresUrls, mode: Mode, typed: str) -> None:
    key, heads = new_key(), MemoryHeads()
    write(urls, heads, lambda store: store.save_turn(told_turn(key, reply=typed)), mode=mode)
    [turn] = read_conversation(urls.database_url, key, Reader(heads, KEYS))["turns"]
    assert turn["reply"] == typed


def test_a_conversation_of_which_only_a_key_is_known_has_no_head(table: Any) -> None:
    heads, key = DynamoHeads(table, "state-table"), new_key()
    heads.agree(key, b"wrapped")
    assert list(all_heads(boto3.client("dynamodb", region_name="us-east-1"), "state-table")) == []
    assert heads.get(key).number == 0
