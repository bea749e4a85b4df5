"""With a Chatwoot of somebody's own the page shows turns and what is real, and writes nothing into it."""

from __future__ import annotations

import pytest

from functional.playground.ground import running, until
from metta_local.chatwoot import ChatwootEmulator
from metta_local.serving import LoopbackServer
from metta_local.stack import ACCOUNT_ID

CARD = "4111 1111 1111 1111"


def test_turns_are_shown_and_nothing_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    theirs = ChatwootEmulator()
    with LoopbackServer(theirs.app) as server:
        variables = {
            "CHATWOOT_BASE_URL": server.url,
            "CHATWOOT_API_KEY": theirs.bot_token,
            "CHATWOOT_HISTORY_API_KEY": theirs.user_token,
            "CHATWOOT_ACCOUNT_ID": str(ACCOUNT_ID),
            "CHATWOOT_WEBHOOK_SECRET": theirs.webhook_secret,
        }
        with running(**variables) as ground:
            theirs.webhook_url = ground.stack.receiver_url
            hello = ground.state()["hello"]
            assert hello["writable"] is False
            assert hello["services"]["chatwoot"]["emulated"] is False
            assert not any("chatwoot" in one["name"] for one in ground.state()["faults"]["faults"])
            for name, given in (
                ("write", {"texts": ["hello"]}),
                ("scenes", {}),
                ("agent", {"conversation_id": 84, "action": "resolve"}),
            ):
                answer = ground.http.post(f"/api/{name}", json=given)
                assert (answer.status_code, "real" in answer.json()["error"]) == (409, True)
            assert theirs.conversations() == []

            id_ = theirs.customer_writes(901, f"My card is {CARD}, do you sell mugs?")["conversation_id"]
            [turn] = ground.audited(id_)
            [verdict] = [one for one in turn["verdicts"] if one["direction"] == "input"]
            [card] = [one for one in verdict["findings"] if one["kind"] == "CARD"]
            assert CARD not in verdict["text"], "the customer's own words are not at hand: what was kept is shown"
            assert verdict["text"][card["start"] : card["end"]].startswith("[")
            shown = ground.conversation(id_)
            assert (shown["customer"]["name"], shown["channel"], shown["status"]) == ("Lena Vogt", "website", "pending")
            assert [(one["from"], one["turn_id"]) for one in shown["messages"]] == [
                ("customer", None),
                ("metta", turn["id"]),
            ]
            until(lambda: len(theirs.customer_sees(id_)) == 1)
        theirs.stop()
    said = capfd.readouterr()
    assert CARD not in said.out + said.err
