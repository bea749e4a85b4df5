"""A kill at every step of a turn: redelivered, it ends with one reply and one complete audit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes import Killed
from world import World

from metta.errors import (
    TooManyModelTurns,
)
from metta.messages import AgentReply, Outcome

MakeWorld = Callable[..., World]


STORIES = ("answer", "hand off", "burst", "long reply")


def start(world: World, story: str) -> list[dict[str, object]]:
    if story == "hand off":
        world.agent.script = [TooManyModelTurns("6")] * 30
    if story == "long reply":
        world.agent.script = [AgentReply(text="This sentence is one of very many. " * 70)] * 30
        return [world.customer_writes("Where is my order?", channel="Channel::Instagram")]
    if story == "burst":
        return [world.customer_writes("Hello"), world.customer_writes("where is my parcel?")]
    return [world.customer_writes("Where is my order?")]


@pytest.mark.parametrize("bot", [False, True])
@pytest.mark.parametrize("story", STORIES)
def test_a_kill_at_any_step_changes_nothing_for_the_customer(make_world: MakeWorld, story: str, bot: bool) -> None:
    calm = make_world(bot=bot)
    calm.until_done(*start(calm, story))
    expected = calm.chatwoot.replies
    steps = len(calm.steps.names)
    assert steps > 10
    for at in range(steps):
        calm.client.delete_table(TableName="state-table")
        world = make_world(bot=bot)
        raws = start(world, story)
        world.steps.kill_at = at
        with pytest.raises(Killed):
            world.deliver(*raws)
        world.killed_and_back()
        world.until_done(*raws)
        where = f"killed after step {at}: {calm.steps.names[:at][-1:]}"
        assert world.chatwoot.replies == expected, where
        assert len({turn.id for turn in world.audit.turns.values()}) == 1, where
        (turn,) = world.audit.turns.values()
        assert turn.outcome in (Outcome.ANSWERED, Outcome.HANDED_OFF), where
        assert turn.sent, where
        calm = world
