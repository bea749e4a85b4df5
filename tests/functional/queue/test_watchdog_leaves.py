"""The watchdog leaves alone what is somebody's: a worker's, a person's, or answered; also where it may not list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes import KEY
from watching import Watched
from world import outcomes

from metta.errors import ChatwootDown, Retry

MakeWatched = Callable[..., Watched]


@pytest.fixture
def world(make_watched: MakeWatched) -> Watched:
    return make_watched()


def test_a_conversation_that_somebody_works_on_is_left_to_them(world: Watched) -> None:
    world.lose(world.customer_writes("Where is my order?"))
    world.pass_minutes()
    world.states.acquire(KEY)
    before = len(world.steps.names)

    report = world.watch()

    assert report.fates == {"busy": 1}
    assert (report.unanswered, report.stranded) == (0, 0)
    assert "before get" not in world.steps.names[before:]


def person_is_assigned(world: Watched) -> None:
    world.chatwoot.assignee_type = "User"


def person_opened_it(world: Watched) -> None:
    world.chatwoot.status = "open"


def it_is_resolved(world: Watched) -> None:
    world.chatwoot.status = "resolved"


@pytest.mark.parametrize("bot", [False, True])
@pytest.mark.parametrize("happened", [person_is_assigned, person_opened_it, it_is_resolved])
def test_a_conversation_that_a_person_has_is_only_cleared(
    make_watched: MakeWatched, happened: Callable[[Watched], None], bot: bool
) -> None:
    world = make_watched(bot=bot)
    world.lose(world.customer_writes("Where is my order?"))
    happened(world)
    world.pass_minutes()

    report = world.watch()

    assert (report.unanswered, report.fates) == (0, {"cleared": 1})
    assert world.chatwoot.replies == world.chatwoot.notes == []
    assert world.watch().found == 0


def test_a_conversation_that_was_taken_over_is_only_cleared(world: Watched) -> None:
    world.lose(world.customer_writes("Where is my order?"))
    with world.states.held(KEY) as state:
        state.takeover = "human"
    world.pass_minutes()

    assert world.watch().fates == {"cleared": 1}
    assert world.chatwoot.notes == []
    assert not world.unfinished


@pytest.mark.parametrize("bot", [False, True])
def test_a_person_s_reply_is_an_answer(make_watched: MakeWatched, bot: bool) -> None:
    world = make_watched(bot=bot)
    world.lose(world.customer_writes("Where is my order?"))
    world.chatwoot.add("It is on its way.", "outgoing", sender_type="user")
    world.pass_minutes()

    assert world.watch().fates == {"cleared": 1}
    assert world.chatwoot.replies == world.chatwoot.notes == []


def test_a_prepared_reply_is_not_sent_after_a_person_came(world: Watched) -> None:
    raw = world.customer_writes("Where is my order?")
    world.steps.fail("post reply", ChatwootDown("502"))
    with pytest.raises(Retry):
        world.deliver(raw)
    world.chatwoot.add("It is on its way.", "outgoing", sender_type="user")
    world.pass_minutes()

    world.watch_until_quiet()

    assert world.chatwoot.replies == []
    assert len(world.audit.turns) == 1


@pytest.mark.parametrize("on_top", ["", "activity"])
def test_with_a_token_that_may_not_list_the_customer_is_found_by_the_last_message(
    make_watched: MakeWatched, on_top: str
) -> None:
    world = make_watched(bot=True)
    world.lose(world.customer_writes("Where is my order?"))
    if on_top:
        world.chatwoot.add("Conversation was muted", on_top)
    world.pass_minutes()

    world.watch()

    assert len(world.chatwoot.replies) == len(world.chatwoot.notes) == 1


def test_with_such_a_token_a_hidden_customer_is_handed_over_without_a_word(make_watched: MakeWatched) -> None:
    world = make_watched(bot=True)
    world.lose(world.customer_writes("Where is my order?"))
    world.chatwoot.add("Welcome! We are open from nine to five.", "template")
    world.pass_minutes()

    report = world.watch()

    assert report.fates == {"ended": 1}
    assert world.chatwoot.replies == []
    assert len(world.chatwoot.notes) == 1
    assert world.chatwoot.status == "open"
    assert outcomes(world) == [("handed_off", "unanswered")]
    assert world.watch().found == 0


@pytest.mark.parametrize("on_top", ["", "activity"])
def test_with_such_a_token_a_customer_who_was_answered_is_not_handed_over(
    make_watched: MakeWatched, on_top: str
) -> None:
    world = make_watched(bot=True)
    raw = world.customer_writes("Where is my order?")
    world.deliver(raw)
    world.lose(raw)
    if on_top:
        world.chatwoot.add("Conversation was muted", on_top)
    world.pass_minutes()
    before = list(world.chatwoot.thread)

    assert world.watch().fates == {"cleared": 1}
    assert world.chatwoot.thread == before


def test_with_such_a_token_a_message_that_was_dealt_with_is_not_handed_over(make_watched: MakeWatched) -> None:
    world = make_watched(bot=True)
    world.lose(world.customer_writes("Where is my order?"))
    with world.states.held(KEY) as state:
        state.cover([9001])
    world.pass_minutes()

    assert world.watch().fates == {"cleared": 1}
    assert world.chatwoot.notes == []
