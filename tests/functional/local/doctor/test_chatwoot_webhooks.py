"""``metta doctor --only chatwoot``: webhooks that come twice, tell too little, go nowhere, or are not believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .chatwoot_world import WEBHOOK, ChatwootWorld
from .test_chatwoot_inboxes import detach

TWICE, EVENTS, ADDRESS, SECRET = (
    "chatwoot.webhooks",
    "chatwoot.subscriptions",
    "chatwoot.webhook_address",
    "chatwoot.webhook_secret",
)
NEEDED = ["message_created", "message_updated", "conversation_status_changed", "conversation_updated"]


@pytest.fixture
def by_account(chatwoot: ChatwootWorld) -> ChatwootWorld:
    """No bot; an account webhook brings messages, and open conversations are answered."""
    chatwoot.emulator.path = "account"
    detach(chatwoot)
    return chatwoot


def unassigned(chatwoot: ChatwootWorld, **changes: str | None) -> Any:
    return chatwoot.doctor(CHATWOOT_ANSWER_WHEN="unassigned", **changes)


class TestTwice:
    def test_the_same_address_as_bot_and_as_account_webhook(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.path = "both"
        report = chatwoot.doctor()

        assert report.bad() == {TWICE}
        status, found = report.one(TWICE)
        assert (status, "(the bot 5 and account webhook 1): every message comes twice" in found) == ("warn", True)
        assert report.fixes[TWICE].startswith("delete the account webhook")

    @pytest.mark.parametrize(
        "again", [f"{WEBHOOK}/", "https://METTA.shop.example:443/webhook", "http://metta.shop.example/webhook"]
    )
    def test_two_account_webhooks_whose_addresses_only_look_different(
        self, by_account: ChatwootWorld, again: str
    ) -> None:
        by_account.emulator.add_webhook(again, NEEDED, by_account.emulator.webhook_secret)

        assert "account webhook 1 and account webhook 2" in unassigned(by_account).found[TWICE]

    def test_an_api_inbox_that_calls_back_to_it(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.world.inboxes[13].webhook_url = WEBHOOK

        assert "the bot 5 and the callback of inbox 13" in chatwoot.doctor().found[TWICE]

    def test_two_doors_of_metta_s(self, chatwoot: ChatwootWorld) -> None:
        other_door = "https://door2.shop.example/webhook"
        chatwoot.emulator.add_webhook(other_door, NEEDED, chatwoot.emulator.webhook_secret)

        assert "both bring every message to Metta" in chatwoot.doctor().found[TWICE]

    def test_an_account_webhook_beside_somebody_else_s_bot_is_one_door_of_metta_s(
        self, chatwoot: ChatwootWorld
    ) -> None:
        """A user's token sends, so that the bot is known to be another's by its secret alone."""
        world = chatwoot.emulator.world
        world.bots[6].outgoing_url, world.bots[6].secret = "https://crm.example/hook", "another-secret"
        for inbox in world.inboxes.values():
            inbox.bot_id = 6
        chatwoot.emulator.path = "account"
        report = chatwoot.doctor(CHATWOOT_API_KEY=chatwoot.emulator.agent_token, CHATWOOT_HISTORY_API_KEY=None)

        assert report.bad() == {"chatwoot.token", "chatwoot.bot"}
        assert "beside an account webhook: both answer" in report.found["chatwoot.bot"]

    def test_somebody_else_s_webhook_is_none_of_metta_s(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.add_webhook("https://crm.example/hook", ["message_created"], "another-secret")

        assert chatwoot.doctor().bad() == set()


class TestSubscriptions:
    def test_of_a_bot_are_fixed(self, chatwoot: ChatwootWorld) -> None:
        assert chatwoot.doctor().found[EVENTS].startswith("a bot's events are fixed")

    @pytest.mark.parametrize(
        ("events", "status", "says"),
        [
            (NEEDED[1:], "fail", "not subscribed to message_created: Metta hears of no message"),
            (NEEDED[:1], "warn", "a failed delivery, a conversation given back or resolved, a person who takes over"),
            (NEEDED[:3], "warn", "does not tell Metta of a person who takes over"),
            ([*NEEDED, "inbox_updated"], "warn", "the channels' credentials"),
            ([*NEEDED, "conversation_typing_on"], "ok", "1 events more that only cost"),
            (NEEDED, "ok", "brings what is needed"),
        ],
    )
    def test_of_an_account_webhook(self, by_account: ChatwootWorld, events: list[str], status: str, says: str) -> None:
        by_account.emulator.webhook_url = None
        by_account.emulator.add_webhook(WEBHOOK, events, by_account.emulator.webhook_secret)
        report = unassigned(by_account)

        assert (report.statuses[EVENTS], says in report.found[EVENTS]) == (status, True), report.found[EVENTS]
        assert status == "ok" or "subscribe it to message_created, " in report.fixes[EVENTS]


@pytest.mark.usefixtures("name_server")
class TestAddress:
    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:8000/webhook",
            "https://localhost/webhook",
            "http://10.0.0.7/webhook",
            "https://metta/webhook",
            "https://metta.corp.internal/webhook",
        ],
    )
    def test_that_a_remote_chatwoot_does_not_reach(
        self, chatwoot: ChatwootWorld, served: Callable[[Any], str], url: str
    ) -> None:
        chatwoot.emulator.webhook_url = url
        remote = served(chatwoot.watched).replace("127.0.0.1", "chat.shop.example")
        report = chatwoot.doctor(CHATWOOT_BASE_URL=remote)

        assert report.one(ADDRESS)[0] == "fail"
        assert "of this machine or a private network" in report.found[ADDRESS]

    def test_on_the_same_machine_it_does(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.webhook_url = "http://127.0.0.1:8000/webhook"

        assert chatwoot.doctor().bad() == set()

    def test_in_clear(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.webhook_url = WEBHOOK.replace("https", "http")
        report = chatwoot.doctor()

        assert report.bad() == {ADDRESS}
        assert report.one(ADDRESS)[0] == "warn"

    def test_of_a_bot_that_has_none(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.webhook_url = None
        report = chatwoot.doctor()

        assert report.one(ADDRESS) == ("fail", "the bot has no webhook URL: Metta hears nothing")
        assert "Settings > Bots" in report.fixes[ADDRESS]

    def test_of_a_bot_of_the_whole_installation_is_not_shown(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.world.bots[5].account_id = None
        report = chatwoot.doctor()

        assert report.bad() == set()
        assert report.statuses[ADDRESS] == report.statuses[SECRET] == "skip"

    def test_where_nothing_leads_anywhere(self, chatwoot: ChatwootWorld) -> None:
        detach(chatwoot)
        report = chatwoot.doctor(CHATWOOT_API_KEY=chatwoot.emulator.agent_token, CHATWOOT_HISTORY_API_KEY=None)

        assert report.statuses[ADDRESS] == "fail"
        assert "neither a bot nor an account webhook leads anywhere" in report.found[ADDRESS]

    def test_where_no_bot_is_attached_webhooks_are_not_shown_to_an_agent(self, chatwoot: ChatwootWorld) -> None:
        detach(chatwoot)

        assert chatwoot.doctor(CHATWOOT_ADMIN_API_KEY=None).statuses[ADDRESS] == "skip"

    def test_of_one_of_two_bots_neither_of_which_is_known_to_be_metta_s(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.world.inboxes[11].bot_id = 6
        report = chatwoot.doctor(
            CHATWOOT_API_KEY=chatwoot.emulator.agent_token,
            CHATWOOT_HISTORY_API_KEY=None,
            CHATWOOT_WEBHOOK_SECRET="of-neither-4711",
        )

        assert report.one(ADDRESS) == ("skip", "which of the bots that are attached is Metta's is not shown")
        assert report.statuses[SECRET] == "skip"

    def test_that_is_no_address(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.webhook_url = "https://[half"
        chatwoot.emulator.add_webhook("https://crm.example/hook", NEEDED, "another-secret")

        assert chatwoot.doctor().one(ADDRESS) == ("fail", "the webhook's URL is not an address: Metta hears nothing")


class TestSecret:
    def test_none_is_set(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.doctor(CHATWOOT_WEBHOOK_SECRET=None)

        assert report.bad() == {SECRET}
        assert "the worker takes whatever is on the queue" in report.found[SECRET]

    def test_not_the_bot_s(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.doctor(CHATWOOT_WEBHOOK_SECRET="of-the-other-bot")

        assert report.bad() == {SECRET}
        assert "is not what the bot signs with: every message of its is refused" in report.found[SECRET]

    def test_not_that_of_the_only_bot_while_a_user_s_token_sends(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.doctor(
            CHATWOOT_API_KEY=chatwoot.emulator.agent_token,
            CHATWOOT_HISTORY_API_KEY=None,
            CHATWOOT_WEBHOOK_SECRET="of-the-other-bot",
        )

        assert "is not what the bot signs with" in report.found[SECRET]

    def test_not_the_account_webhook_s(self, by_account: ChatwootWorld) -> None:
        report = unassigned(by_account, CHATWOOT_WEBHOOK_SECRET="of-a-bot-4711")

        assert "is not what account webhook 1 signs with" in report.found[SECRET]

    def test_a_rotation_that_was_not_finished(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.doctor(
            CHATWOOT_WEBHOOK_SECRET="new-one-4711", CHATWOOT_WEBHOOK_SECRET_PREVIOUS=chatwoot.emulator.webhook_secret
        )

        assert report.one(SECRET) == ("warn", "Chatwoot still signs with CHATWOOT_WEBHOOK_SECRET_PREVIOUS")

    def test_a_chatwoot_that_does_not_sign_for_bots(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.is_version("4.12.1")
        report = chatwoot.doctor()

        assert report.statuses[SECRET] == "fail"
        assert "refuses every message" in report.found[SECRET]
        assert "4.13.0" in report.fixes[SECRET]
