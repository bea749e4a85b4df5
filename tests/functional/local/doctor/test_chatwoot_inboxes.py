"""``metta doctor --only chatwoot``: inboxes that nobody answers, or two answer, and a team that is none."""

from __future__ import annotations

import pytest

from .chatwoot_world import ChatwootWorld

INBOXES, BOT, TEAM, ASSIGNMENT = "chatwoot.inboxes", "chatwoot.bot", "chatwoot.team", "chatwoot.assignment"


def detach(chatwoot: ChatwootWorld, *inboxes: int) -> None:
    """Take the bot away from these, or from all."""
    for at in inboxes or chatwoot.emulator.world.inboxes:
        chatwoot.emulator.world.inboxes[at].bot_id = None


@pytest.mark.parametrize("alone", [True, False])
def test_an_inbox_that_does_not_exist(chatwoot: ChatwootWorld, *, alone: bool) -> None:
    """An agent is not shown inboxes that it is no member of; such a one is there all the same."""
    chatwoot.emulator.world.inboxes[12].members.discard(22)
    admin = None if alone else chatwoot.emulator.user_token
    report = chatwoot.doctor(CHATWOOT_INBOX_IDS="11,12,77", CHATWOOT_ADMIN_API_KEY=admin)

    assert report.one(INBOXES) == ("fail", "CHATWOOT_INBOX_IDS names inbox 77, which the account does not have")
    assert "behind /inbox/" in report.fixes[INBOXES]


def test_an_account_without_inboxes(chatwoot: ChatwootWorld) -> None:
    chatwoot.emulator.world.inboxes.clear()

    assert chatwoot.doctor().statuses[INBOXES] == "warn"


def test_of_inboxes_that_are_not_there_nobody_is_asked_for_a_token_that_is_set(chatwoot: ChatwootWorld) -> None:
    report = chatwoot.doctor(CHATWOOT_INBOX_IDS="77")

    assert report.one(BOT) == ("skip", "there is no inbox to be answered that a bot could be attached to")


class TestBot:
    def test_attached_to_no_inbox(self, chatwoot: ChatwootWorld) -> None:
        detach(chatwoot)
        report = chatwoot.doctor()

        status, found = report.one(BOT)
        assert (status, found.endswith("silence")) == ("fail", True)
        assert "no bot is attached to inboxes 11, 12, 13" in found
        assert "Bot configuration" in report.fixes[BOT]

    def test_not_attached_to_an_inbox_that_is_named(self, chatwoot: ChatwootWorld) -> None:
        detach(chatwoot, 12)
        report = chatwoot.doctor(CHATWOOT_INBOX_IDS="11,12")

        assert "no bot is attached to inbox 12:" in report.found[BOT]

    def test_an_agent_s_token_is_enough_to_see_it(self, chatwoot: ChatwootWorld) -> None:
        detach(chatwoot, 12)
        report = chatwoot.doctor(CHATWOOT_INBOX_IDS="11,12", CHATWOOT_ADMIN_API_KEY=None)

        assert report.one(BOT)[0] == "fail"
        assert "no bot is attached to inbox 12:" in report.found[BOT]

    def test_where_no_inbox_is_named_those_with_the_bot_are_meant(self, chatwoot: ChatwootWorld) -> None:
        detach(chatwoot, 12)
        report = chatwoot.doctor()

        assert report.one(BOT) == ("ok", "Metta's bot is attached to inboxes 11, 13")

    def test_another_bot_is_attached(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.world.inboxes[11].bot_id = 6
        report = chatwoot.doctor(CHATWOOT_INBOX_IDS="11,12")

        status, found = report.one(BOT)
        assert (status, "another bot than Metta's is attached to inbox 11" in found) == ("fail", True)

    def test_the_token_of_another_bot_of_the_account(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.doctor(CHATWOOT_API_KEY=chatwoot.emulator.world.bots[6].token)

        assert "another bot than Metta's is attached to inboxes 11, 12, 13" in report.found[BOT]
        assert "use that bot's token" in report.fixes[BOT]

    def test_an_account_webhook_beside_another_bot_brings_two_answers(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.path = "account"
        chatwoot.emulator.world.inboxes[11].bot_id = 6
        report = chatwoot.doctor()

        assert "beside an account webhook: both answer" in report.found[BOT]

    def test_a_user_s_token_beside_an_attached_bot(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.doctor(CHATWOOT_API_KEY=chatwoot.emulator.agent_token, CHATWOOT_HISTORY_API_KEY=None)

        assert report.bad() == {"chatwoot.token"}
        assert report.one(BOT) == ("ok", "a bot is attached to inboxes 11, 12, 13")

    def test_a_user_s_token_beside_two_bots_of_which_one_signs_with_metta_s_secret(
        self, chatwoot: ChatwootWorld
    ) -> None:
        chatwoot.emulator.world.inboxes[12].bot_id = 6
        report = chatwoot.doctor(
            CHATWOOT_API_KEY=chatwoot.emulator.agent_token, CHATWOOT_HISTORY_API_KEY=None, CHATWOOT_INBOX_IDS="11,12"
        )

        assert report.bad() == {"chatwoot.token", BOT}
        assert "another bot than Metta's is attached to inbox 12" in report.found[BOT]


class TestAccountWebhook:
    def test_alone_with_pending_nobody_is_answered(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.path = "account"
        detach(chatwoot)
        report = chatwoot.doctor()

        assert report.bad() == {BOT}
        assert "an account webhook tells of them, but new conversations are open at once" in report.found[BOT]
        assert report.found[BOT].endswith("silence")
        assert "CHATWOOT_ANSWER_WHEN=unassigned" in report.fixes[BOT]

    def test_alone_with_unassigned_all_is_well(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.path = "account"
        detach(chatwoot)

        assert chatwoot.doctor(CHATWOOT_ANSWER_WHEN="unassigned").bad() == set()

    def test_neither_bot_nor_webhook(self, chatwoot: ChatwootWorld) -> None:
        detach(chatwoot)
        report = chatwoot.doctor(CHATWOOT_ANSWER_WHEN="unassigned")

        assert report.statuses[BOT] == "fail"
        assert "Metta hears nothing" in report.found[BOT]

    def test_whether_there_is_one_an_agent_does_not_see(self, chatwoot: ChatwootWorld) -> None:
        detach(chatwoot)
        report = chatwoot.doctor(CHATWOOT_ANSWER_WHEN="unassigned", CHATWOOT_ADMIN_API_KEY=None)

        assert report.statuses[BOT] == "skip"
        assert "CHATWOOT_ADMIN_API_KEY" in report.found[BOT]


class TestAssignment:
    def test_conversations_that_are_given_to_a_person_at_once(self, chatwoot: ChatwootWorld) -> None:
        chatwoot.emulator.path = "account"
        detach(chatwoot)
        chatwoot.emulator.world.inboxes[13].enable_auto_assignment = True
        report = chatwoot.doctor(CHATWOOT_ANSWER_WHEN="unassigned")

        assert report.bad() == {ASSIGNMENT}
        assert report.one(ASSIGNMENT)[0] == "warn"
        assert "a new conversation of inbox 13 is given to whoever is online" in report.found[ASSIGNMENT]

    def test_pending_ones_are_not(self, chatwoot: ChatwootWorld) -> None:
        for inbox in chatwoot.emulator.world.inboxes.values():
            inbox.enable_auto_assignment = True

        assert chatwoot.doctor().bad() == set()
        assert chatwoot.doctor(CHATWOOT_ANSWER_WHEN="unassigned").bad() == set(), "with a bot they begin as pending"
        detach(chatwoot)
        assert chatwoot.doctor().bad() == {BOT}, "and without one that is the lesser trouble"

    def test_a_bot_alone_is_not_shown_what_inboxes_do(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.alone(CHATWOOT_ANSWER_WHEN="unassigned")

        assert report.statuses[ASSIGNMENT] == "skip"
        assert "a user's token shows it" in report.found[ASSIGNMENT]


class TestTeam:
    def test_that_does_not_exist(self, chatwoot: ChatwootWorld) -> None:
        report = chatwoot.doctor(CHATWOOT_HANDOFF_TEAM_ID="70", CHATWOOT_ADMIN_API_KEY=None)

        assert report.bad() == {TEAM}
        assert report.one(TEAM)[0] == "fail"
        assert "no team 70" in report.found[TEAM]

    def test_that_does(self, chatwoot: ChatwootWorld) -> None:
        assert chatwoot.doctor(CHATWOOT_HANDOFF_TEAM_ID="7").one(TEAM) == ("ok", "hand-offs go to team 7")

    def test_a_bot_alone_is_not_shown_teams(self, chatwoot: ChatwootWorld) -> None:
        assert chatwoot.alone(CHATWOOT_HANDOFF_TEAM_ID="7").statuses[TEAM] == "skip"
