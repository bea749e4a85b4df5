"""``metta doctor --only chatwoot``: tokens of the wrong kind, of another account, or more powerful than needed."""

from __future__ import annotations

import json

import pytest

from metta_local.chatwoot.faults import Fault
from metta_local.doctor import chatwoot_ask

from .chatwoot_world import ChatwootWorld

TOKEN, ACCOUNT, HISTORY = "chatwoot.token", "chatwoot.account", "chatwoot.history"


def test_a_token_that_chatwoot_does_not_know(chatwoot: ChatwootWorld) -> None:
    report = chatwoot.doctor(CHATWOOT_API_KEY="never-seen-4711")

    assert report.one(TOKEN) == ("fail", "Chatwoot does not know CHATWOOT_API_KEY")
    assert report.fixes[TOKEN].startswith("copy it again")


def test_a_user_s_token_where_a_bot_s_is_recommended(chatwoot: ChatwootWorld) -> None:
    report = chatwoot.doctor(CHATWOOT_API_KEY=chatwoot.emulator.agent_token)

    status, found = report.one(TOKEN)
    assert (status, "assigns the conversation to that user" in found) == ("warn", True)
    assert "administrator" not in found
    assert report.statuses[ACCOUNT] == "ok"
    assert report.code == 0


def test_an_administrator_s_token_that_sends(chatwoot: ChatwootWorld) -> None:
    found = chatwoot.alone(CHATWOOT_API_KEY=chatwoot.emulator.user_token).found[TOKEN]

    assert "an administrator's, who may change everything" in found


def test_a_platform_app_s_token(chatwoot: ChatwootWorld) -> None:
    report = chatwoot.doctor(CHATWOOT_API_KEY=chatwoot.emulator.world.platform_token)

    status, found = report.one(TOKEN)
    assert (status, "a platform app's" in found) == ("fail", True)
    assert "agent bot's access token" in report.fixes[TOKEN]


def test_a_proxy_that_drops_the_header(chatwoot: ChatwootWorld) -> None:
    chatwoot.watched.without = b"api_access_token"
    report = chatwoot.doctor()

    assert "does not arrive" in report.found[TOKEN]
    assert "underscores_in_headers" in report.fixes[TOKEN]


def test_a_chatwoot_that_breaks_down_while_it_is_asked(chatwoot: ChatwootWorld) -> None:
    chatwoot.emulator.faults.add(Fault("profile", status=500, times=None))
    report = chatwoot.doctor()

    assert report.one(TOKEN) == ("fail", "whose CHATWOOT_API_KEY is could not be asked: it answers 500")
    assert report.statuses[ACCOUNT] == "skip"


def test_a_chatwoot_that_falls_silent_while_it_is_asked(
    chatwoot: ChatwootWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chatwoot_ask, "CALL_SECONDS", 0.3)
    chatwoot.emulator.faults.add(Fault("profile", "delay", delay_seconds=20, times=None))
    status, found = chatwoot.doctor().one(TOKEN)

    assert (status, "no answer within" in found) == ("fail", True)


def test_a_chatwoot_that_breaks_down_halfway(chatwoot: ChatwootWorld) -> None:
    for operation in ("inboxes", "agent_bots", "webhooks", "teams", "inbox_agent_bot"):
        chatwoot.emulator.faults.add(Fault(operation, status=429, body="Retry later", times=None))
    report = chatwoot.doctor(CHATWOOT_HANDOFF_TEAM_ID="7")

    assert (report.code, report.bad()) == (0, set())
    for check in ("inboxes", "bot", "webhooks", "subscriptions", "webhook_secret", "team"):
        assert report.statuses[f"chatwoot.{check}"] == "skip", check


class TestAccount:
    def test_a_bot_of_another_account(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.alone(CHATWOOT_ACCOUNT_ID="4")

        assert report.one(ACCOUNT)[0] == "fail"
        assert "a bot of another account than 4" in report.found[ACCOUNT]

    def test_a_user_of_another_account_is_told_which_are_its(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.doctor(CHATWOOT_API_KEY=chatwoot.emulator.agent_token, CHATWOOT_ACCOUNT_ID="12")

        assert "does not belong to account 12; it belongs to 3" in report.found[ACCOUNT]
        assert "the number behind /accounts/" in report.fixes[ACCOUNT]
        assert report.statuses[HISTORY] == "fail"

    def test_whether_an_account_is_there_is_not_told_to_a_bot(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.alone(CHATWOOT_ACCOUNT_ID="99")

        status, found = report.one(ACCOUNT)
        assert (status, "whether there is an account 99 is not told to a bot" in found) == ("skip", True)

    def test_unless_there_has_ever_been_a_conversation(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.world.next_conversation_id = 1
        chatwoot.emulator.customer_writes(901, "Hi")

        assert chatwoot.alone().statuses[ACCOUNT] == "ok"

    def test_before_4_14_2_a_bot_is_told_nothing(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.is_version("4.14.1")
        status, found = chatwoot.alone().one(ACCOUNT)

        assert (status, "before Chatwoot 4.14.2" in found) == ("skip", True)
        assert chatwoot.doctor().statuses[ACCOUNT] == "ok", (
            "an administrator's token shows that it is among the bots there"
        )

    @pytest.mark.parametrize("alone", [True, False])
    def test_a_suspended_one(self, chatwoot: ChatwootWorld, *, alone: bool) -> None:
        chatwoot.emulator.world.account.suspended = True
        report = chatwoot.alone() if alone else chatwoot.doctor()

        assert report.one(ACCOUNT) == ("fail", "account 3 is suspended: nothing can be read or written")

    @pytest.mark.parametrize("sends", ["bot", "agent"])
    def test_a_plan_without_api(self, chatwoot: ChatwootWorld, sends: str) -> None:
        body = json.dumps({"error": "API access is not enabled for this account"})
        chatwoot.emulator.faults.add(Fault("get_conversation", status=403, body=body, times=None))

        report = chatwoot.alone(CHATWOOT_API_KEY=getattr(chatwoot.emulator, f"{sends}_token"))

        assert report.one(ACCOUNT) == ("fail", "account 3 has no access to the API")


class TestHistory:
    def test_none_beside_a_bot(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.doctor(CHATWOOT_HISTORY_API_KEY=None)

        status, found = report.one(HISTORY)
        assert (status, "answers are given from the messages at hand" in found) == ("warn", True)

    def test_none_is_needed_beside_a_user(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.alone(CHATWOOT_API_KEY=chatwoot.emulator.agent_token)

        assert report.one(HISTORY) == ("ok", "CHATWOOT_API_KEY may list messages itself")

    @pytest.mark.parametrize("same", [True, False])
    def test_a_bot_s_token_may_not_list_messages(self, chatwoot: ChatwootWorld, *, same: bool) -> None:
        bots = chatwoot.emulator.world.bots
        report = chatwoot.doctor(CHATWOOT_HISTORY_API_KEY=bots[5 if same else 6].token)

        assert report.statuses[HISTORY] == "fail"
        assert ("the same token as CHATWOOT_API_KEY" in report.found[HISTORY]) == same
        assert "no bot may list messages" in report.found[HISTORY]
        assert "role agent" in report.fixes[HISTORY]

    def test_the_same_user_s_token_twice(self, chatwoot: ChatwootWorld) -> None:
        token = chatwoot.emulator.agent_token
        report = chatwoot.doctor(CHATWOOT_API_KEY=token, CHATWOOT_HISTORY_API_KEY=token)

        assert report.one(HISTORY)[0] == "warn"
        assert "the same token as CHATWOOT_API_KEY: it adds nothing" in report.found[HISTORY]

    def test_a_wrong_token_and_a_platform_app_s(self, chatwoot: ChatwootWorld) -> None:
        platform = chatwoot.emulator.world.platform_token
        assert (
            "does not know CHATWOOT_HISTORY_API_KEY"
            in (chatwoot.doctor(CHATWOOT_HISTORY_API_KEY="wrong-token").found[HISTORY])
        )
        assert "platform app's" in chatwoot.doctor(CHATWOOT_HISTORY_API_KEY=platform).found[HISTORY]

    def test_more_power_than_it_takes(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.doctor(CHATWOOT_HISTORY_API_KEY=chatwoot.emulator.user_token, CHATWOOT_ADMIN_API_KEY=None)

        assert report.bad() == {HISTORY}
        assert "an administrator's: whoever gets hold of it may change everything" in report.found[HISTORY]
        assert "skip" not in report.statuses.values(), "but it shows all there is to see"

    @pytest.mark.parametrize("named", ["12,13", None])
    def test_a_user_who_is_no_member_of_an_inbox(self, chatwoot: ChatwootWorld, named: str | None) -> None:
        chatwoot.emulator.world.inboxes[12].members.discard(22)
        report = chatwoot.doctor(CHATWOOT_INBOX_IDS=named)

        assert report.statuses[HISTORY] == "fail"
        assert "no member of inbox 12: there history is refused" in report.found[HISTORY]
        assert "Collaborators" in report.fixes[HISTORY]

    def test_one_that_is_not_answered_does_not_matter(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.world.inboxes[12].members.discard(22)

        assert chatwoot.doctor(CHATWOOT_INBOX_IDS="11,13").bad() == set()


class TestAdministrator:
    def test_no_administrator_s(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.doctor(CHATWOOT_ADMIN_API_KEY=chatwoot.emulator.agent_token)

        assert report.bad() == {"chatwoot.admin"}
        assert "shows no more than other tokens" in report.found["chatwoot.admin"]

    def test_wrong(self, chatwoot: ChatwootWorld) -> None:
        assert chatwoot.doctor(CHATWOOT_ADMIN_API_KEY="wrong-token").statuses["chatwoot.admin"] == "fail"

    def test_without_it_each_check_says_which_token_would_show_it(self, chatwoot: ChatwootWorld) -> None:
        agent, alone = chatwoot.doctor(CHATWOOT_ADMIN_API_KEY=None), chatwoot.alone()

        skipped = {name for name, status in agent.statuses.items() if status == "skip"}
        assert {name.removeprefix("chatwoot.") for name in skipped} == {
            "bot",
            "webhooks",
            "subscriptions",
            "webhook_secret",
        }
        assert all("CHATWOOT_ADMIN_API_KEY" in agent.found[name] for name in skipped)
        for name in ("chatwoot.inboxes", "chatwoot.bot"):
            assert alone.statuses[name] == "skip"
            assert "CHATWOOT_HISTORY_API_KEY" in alone.found[name]
        assert alone.bad() == {HISTORY}
