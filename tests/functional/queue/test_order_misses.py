"""I8 over whole conversations: a claimed address gets a few guesses at order numbers, whatever is retried or killed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from fakes import Killed, MortalDynamoDB
from moto import mock_aws
from pydantic import BaseModel, SecretStr
from world import World, outcomes

from metta.ai.agent import MettaAgent
from metta.bootstrap.worker import build_worker
from metta.counters import DynamoCounters
from metta.errors import OdooDown, Retry, StateDown
from metta.messages import AgentReply, Identity, JsonObject
from metta.settings import ModelSettings, load
from metta_local.chatwoot import ChatwootEmulator
from metta_local.lambda_context import LocalContext
from metta_local.model import Call, ModelEmulator, Say
from metta_local.odoo import OdooEmulator
from metta_local.serving import LoopbackServer
from tests_support import record
from tests_support.table import state_table

LENA, WEBSITE, WHATSAPP = 901, 11, 12
HERS = ("S00040", "S00042", "S00044")
OTHERS = ("S00043", "S00047", "S00048", "S00049", "S90001", "S90002", "S90003")
"""Other people's orders, and some that do not exist."""
REASON = "too_many_order_misses"
WORDS = "several order numbers did not match the address"


class Desk:
    """Chatwoot, Odoo and a model that looks up what it is asked for, with the worker that is deployed between them."""

    def __init__(self, stack: ExitStack) -> None:
        self.bodies: list[JsonObject] = []
        self.chatwoot = ChatwootEmulator(post=self._webhook)
        self.chatwoot.webhook_url = "http://127.0.0.1:1"
        self.model, self.odoo, self.table = ModelEmulator(), OdooEmulator(), state_table()
        apps = (self.chatwoot.app, self.model.app, self.odoo.app)
        desk, mind, shop = (stack.enter_context(LoopbackServer(app)).url for app in apps)
        given = {
            "CHATWOOT_BASE_URL": desk,
            "CHATWOOT_API_KEY": self.chatwoot.bot_token,
            "CHATWOOT_ACCOUNT_ID": "3",
            "ODOO_URL": shop,
            "ODOO_DB": self.odoo.database,
            "ODOO_USERNAME": self.odoo.username,
            "ODOO_API_KEY": self.odoo.api_key,
            "OPENAI_BASE_URL": f"{mind}/v1",
            "OPENAI_API_KEY": self.model.api_key,
            "IDEMPOTENCY_TABLE": "state-table",
            "DATABASE_URL": "postgresql://worker@127.0.0.1:1/metta",
            "BURST_QUIET_SECONDS": "0",
        }
        self.worker = build_worker(
            load(given), emit_metrics=False, log_stream=io.StringIO(), client=lambda _service: self.table
        )
        stack.enter_context(closing(self.worker))

    def _webhook(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        del url, headers
        self.bodies.append(json.loads(body))
        return 200

    def asks(self, number: str, *, inbox: int = WEBSITE, new: bool = False, times: int = 1) -> int:
        """Lena asks for an order, and her message is delivered; the conversation's id."""
        said = self.chatwoot.customer_writes(LENA, f"Where is my order {number}?", inbox, new_conversation=new)
        assert self.chatwoot.courier.drain()
        body = next(one for one in self.bodies if one.get("id") == said["id"] and one["event"] == "message_created")
        self.model.script([Call("getOrder", {"orderNumber": number}), Say(f"I looked for {number}.")])
        for receive in range(1, times + 1):
            self.worker.handle({"Records": [record(body, n=said["id"], receives=receive)]}, LocalContext())
        self.model.reset()
        conversation: int = said["conversation_id"]
        return conversation

    def gives_back(self, conversation: int) -> None:
        """A person lets Metta answer again."""
        self.chatwoot.set_status(conversation, "pending")
        assert self.chatwoot.courier.drain()
        body = [one for one in self.bodies if one["event"] == "conversation_status_changed"][-1]
        self.worker.handle({"Records": [record(body, n=len(self.bodies))]}, LocalContext())

    @property
    def looked_up(self) -> list[str]:
        """The numbers that Odoo was asked for, each once: mail and phone are looked for apart."""
        asked = [str(call.args) + str(call.kwargs) for call in self.odoo.calls if call.model == "sale.order"]
        return list(dict.fromkeys(number for text in asked for number in (*HERS, *OTHERS) if number in text))

    def note(self, conversation: int) -> str:
        """What the team reads, where a person has the conversation."""
        if self.chatwoot.conversation(conversation)["status"] != "open":
            return ""
        return "\n".join(message["content"] for message in self.chatwoot.messages(conversation) if message["private"])


@pytest.fixture
def desk() -> Iterator[Desk]:
    with mock_aws(), ExitStack() as stack:
        yield Desk(stack)


def test_a_wrong_guess_in_each_of_three_messages_ends_with_a_person_in_the_third(desk: Desk) -> None:
    for number in OTHERS[:2]:
        conversation = desk.asks(number)
        assert desk.chatwoot.customer_sees(conversation)[-1] == f"I looked for {number}."
        assert desk.note(conversation) == ""
    desk.asks(OTHERS[2])
    assert WORDS in desk.note(conversation)
    assert OTHERS[2] not in desk.chatwoot.customer_sees(conversation)[-1]
    assert desk.looked_up == list(OTHERS[:3])


def test_a_conversation_given_back_has_no_new_guesses(desk: Desk) -> None:
    for number in OTHERS[:3]:
        conversation = desk.asks(number)
    desk.gives_back(conversation)
    assert desk.note(conversation) == ""
    assert desk.asks(HERS[0]) == conversation
    assert WORDS in desk.note(conversation)
    assert desk.looked_up == list(OTHERS[:3]), "even a right number is not looked up any more"


def test_a_second_conversation_of_the_contact_has_what_the_first_left_of_the_day(desk: Desk) -> None:
    first, second, third = (desk.asks(number, new=True) for number in OTHERS[:3])
    for conversation in (first, second, third):
        assert desk.note(conversation) == ""
    for number in OTHERS[3:5]:
        assert desk.note(desk.asks(number, new=True)) == ""
    assert WORDS in desk.note(desk.asks(OTHERS[5], new=True)), "the sixth of the day"
    last = desk.asks(OTHERS[6], new=True)
    assert WORDS in desk.note(last)
    assert desk.looked_up == list(OTHERS[:6])


def test_a_message_that_is_delivered_again_counts_once(desk: Desk) -> None:
    desk.asks(OTHERS[0], times=4)
    assert desk.note(desk.asks(OTHERS[0])) == ""
    assert desk.note(desk.asks(OTHERS[1])) == ""
    assert WORDS in desk.note(desk.asks(OTHERS[2]))


def test_orders_that_are_found_cost_nothing(desk: Desk) -> None:
    for number in (OTHERS[0], *HERS, *HERS, OTHERS[1]):
        conversation = desk.asks(number)
        assert desk.note(conversation) == ""


def test_who_writes_from_her_own_phone_is_not_counted(desk: Desk) -> None:
    for number in OTHERS:
        conversation = desk.asks(number, inbox=WHATSAPP)
        assert desk.note(conversation) == ""
    items = desk.table.scan(TableName="state-table")["Items"]
    assert not [item for item in items if item["id"]["S"].startswith("misses#")]


# kills and outages, one conversation in memory


class Found(BaseModel):
    """What is said of an order."""

    found: bool


class Orders:
    """Knows whose some orders are; each look takes place in the world, where the worker can be killed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks: list[str] = []

    async def get_order(self, order_number: object, *, identity: Identity, language: str = "en") -> BaseModel:
        del identity, language
        self.world.steps.do("look", lambda: self.looks.append(order_number))
        return Found(found=order_number in HERS)


class Asking:
    """The agent, with a model that looks up the last word of the customer's text; new with every worker."""

    def __init__(self, world: World, model: ModelEmulator, url: str) -> None:
        self.world, self.model, self.url = world, model, url
        self.orders = Orders(world)

    async def run(self, messages: Any, context: Any, work: Any, *, seconds: float) -> AgentReply:
        access = ModelSettings(SecretStr(self.model.api_key), self.url, "gpt-5.6-luna")
        counters = DynamoCounters(MortalDynamoDB(self.world.client, self.world.steps), "state-table")
        shop: Any = self.orders
        agent = MettaAgent(access, self.world.policy, shop, tries=counters)
        number = messages[-1].text.split()[-1]
        self.model.reset()
        self.model.script([Call("getOrder", {"orderNumber": number}), Say("I looked for it.")])
        try:
            return await agent.run(messages, context, work, seconds=seconds)
        finally:
            await agent.aclose()


@pytest.fixture
def ask(make_world: Callable[..., World]) -> Iterator[Callable[[], World]]:
    model = ModelEmulator()
    with LoopbackServer(model.app) as server:

        def make() -> World:
            world = make_world()
            world.agent = Asking(world, model, f"{server.url}/v1")  # type: ignore[assignment]
            return world

        yield make


def looks(world: World) -> list[str]:
    agent: Any = world.agent
    found: list[str] = agent.orders.looks
    return found


def open_tries(world: World) -> list[int]:
    """How many tries are counted, for the conversation and for the contact."""
    return [len(item.get("tries", {}).get("SS", ())) for item in world.items("misses#").values()]


def test_a_kill_around_a_guess_makes_no_room_for_another(ask: Callable[[], World]) -> None:
    names = ("before try", "after try", "before look", "after look", "before give back", "after give back")
    calm = ask()
    calm.limit(claimed_misses=1)
    calm.until_done(calm.customer_writes(f"Where is {HERS[0]}"))
    steps = list(calm.steps.names)
    places = [at + 1 for at, name in enumerate(steps) if name in names]
    assert [name.split(" ", 1)[1] for name in steps if name in names[::2]] == ["try", "try", "look", *["give back"] * 2]
    assert (outcomes(calm), open_tries(calm)) == ([("answered", "")], [0, 0])
    for wish in (HERS[0], OTHERS[0]):
        for at in places:
            calm.client.delete_table(TableName="state-table")
            world = ask()
            world.limit(claimed_misses=1)
            raw = world.customer_writes(f"Where is {wish}")
            world.steps.kill_at = at
            where = f"{wish}, killed after {steps[at - 1]}"
            try:
                world.deliver(raw)
            except Killed:
                world.killed_and_back()
                world.until_done(raw)
            assert outcomes(world) == ([("answered", "")] if wish in HERS else [("handed_off", REASON)]), where
            assert set(looks(world)) == {wish}
            assert max(open_tries(world)) == (0 if wish in HERS else 1), where
            world.chatwoot.status = "pending"
            calm = world


def test_a_killed_guess_is_a_guess_where_another_follows(ask: Callable[[], World]) -> None:
    world = ask()
    world.limit(claimed_misses=1)
    raw = world.customer_writes(f"Where is {OTHERS[0]}")
    world.steps.during("look", lambda: setattr(world.steps, "kill_at", 0))
    with pytest.raises(Killed):
        world.deliver(raw)
    world.killed_and_back()
    world.until_done(raw, world.customer_writes(f"Or else {OTHERS[1]}"))
    assert outcomes(world) == [("handed_off", REASON)]
    assert looks(world) == [OTHERS[0]], "the second number is not looked up"


@pytest.mark.parametrize("fault", ["try", "look"])
def test_an_outage_in_the_middle_of_a_guess_counts_it_once(ask: Callable[[], World], fault: str) -> None:
    world = ask()
    world.limit(claimed_misses=2)
    raw = world.customer_writes(f"Where is {OTHERS[0]}")
    error = StateDown("unreachable") if fault == "try" else OdooDown("restarting")
    for _ in range(3):
        world.steps.fail(fault, error, "after")
    with pytest.raises(Retry):
        world.deliver(raw)
    world.until_done(raw)
    assert outcomes(world) == [("answered", "")]
    assert open_tries(world) == [1, 1]


def test_without_the_table_no_order_is_looked_up(ask: Callable[[], World]) -> None:
    world = ask()
    raw = world.customer_writes(f"Where is {OTHERS[0]}")
    world.steps.fail("try", StateDown("unreachable"))
    with pytest.raises(StateDown):
        world.deliver(raw)
    assert looks(world) == []
    world.until_done(raw)
    assert (outcomes(world), looks(world)) == ([("answered", "")], [OTHERS[0]])
