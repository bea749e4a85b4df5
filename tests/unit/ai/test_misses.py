"""Who only claims an address looks for orders in vain a few times, not for ever; honest customers as they like."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from metta.ai.misses import BoundedShop, Tries, TriesInMemory
from metta.errors import HandOff, OdooDown, StateDown
from metta.messages import Identity, IdentityLevel, Try
from metta_local.model import Call, Calls, Say
from unit.ai.support import CLAIMED, KEY, NOW, VERIFIED, Desk, FakeShop, policy

MARCO = Identity(level=IdentityLevel.CLAIMED, email="marco@example.com")
DAY = 86400.0


class Notebook(TriesInMemory):
    """Tries that tell what they were asked, and can be out of reach."""

    def __init__(self, *, down: str = "") -> None:
        super().__init__()
        self.down = down
        self.told: list[tuple[str, str, str]] = []

    def take_try(self, subject: str, name: str, *, limit: int, kept_until: datetime) -> Try | None:
        self.told.append(("take", subject, name))
        if self.down == "take":
            raise StateDown("unreachable")
        return super().take_try(subject, name, limit=limit, kept_until=kept_until)

    def give_back_try(self, subject: str, name: str) -> None:
        self.told.append(("give back", subject, name))
        if self.down == "give back":
            raise StateDown("unreachable")
        super().give_back_try(subject, name)


class Counter:
    """A contact at the counter: asks for orders in one conversation or another, on one day or another."""

    def __init__(self, tries: Tries | None = None, **limits: Any) -> None:
        self.shop = FakeShop()
        self.tries = tries or TriesInMemory()
        self.limits = policy(**limits).limits
        self.clock = NOW.timestamp()

    def ask(self, number: str, *, identity: Identity = CLAIMED, conversation: int = 77, contact: int = 901) -> str:
        """What comes of one lookup: found, not found, not found and a person, or a person without a lookup."""
        ended: list[HandOff] = []
        key = KEY.model_copy(update={"conversation_id": conversation})
        shop = BoundedShop(self.shop, self.tries, key, contact, self.limits, ended=ended.append, now=lambda: self.clock)
        looked_up = len(self.shop.asked)
        try:
            result: Any = asyncio.run(shop.get_order(number, identity=identity))
        except HandOff:
            assert len(self.shop.asked) == looked_up, "the customer's guess was looked up all the same"
            return "a person"
        assert len(self.shop.asked) == looked_up + 1
        if result.found:
            assert not ended
            return "found"
        return "not found, a person" if ended else "not found"


def test_the_last_miss_of_a_conversation_ends_with_a_person_and_no_guess_follows() -> None:
    counter = Counter(claimed_misses=3)
    assert [counter.ask(f"S0009{n}") for n in range(5)] == [
        "not found",
        "not found",
        "not found, a person",
        "a person",
        "a person",
    ]


def test_a_new_conversation_gives_a_contact_no_new_guesses_beyond_the_days() -> None:
    counter = Counter(claimed_misses=3, contact_claimed_misses=5)
    for n, conversation in enumerate((77, 77, 77, 78)):
        counter.ask(f"S0009{n}", conversation=conversation)
    assert counter.ask("S00095", conversation=79) == "not found, a person"
    assert counter.ask("S00096", conversation=80) == "a person"
    assert counter.ask("S00096", conversation=81, contact=902) == "not found"


def test_a_new_day_gives_a_contact_new_guesses_but_not_in_the_same_conversation() -> None:
    counter = Counter(claimed_misses=2, contact_claimed_misses=2)
    counter.ask("S00091")
    counter.ask("S00092")
    counter.clock += DAY
    assert counter.ask("S00093") == "a person"
    assert counter.ask("S00093", conversation=78) == "not found"


@pytest.mark.parametrize("again", ["S00099", "s00099", " # S00099 ", "S 000 99", "\uff3300099"])
def test_the_same_question_again_is_one_miss_however_it_is_written(again: str) -> None:
    counter = Counter(claimed_misses=2)
    assert counter.ask("S00099") == "not found"
    assert counter.ask(again) == "not found"
    assert counter.ask("S00098") == "not found, a person"


@pytest.mark.parametrize(
    ("number", "identity"),
    [
        ("S00098", CLAIMED),
        ("S0009", CLAIMED),
        ("S000990", CLAIMED),
        ("S0009-9", CLAIMED),
        ("S00099", MARCO),
        ("S00099", Identity(level=IdentityLevel.CLAIMED, email="lena@example.org", phone="+4915112345678")),
    ],
)
def test_another_number_or_another_address_is_another_guess(number: str, identity: Identity) -> None:
    counter = Counter(claimed_misses=2)
    assert counter.ask("S00099") == "not found"
    assert counter.ask(number, identity=identity) == "not found, a person"


@pytest.mark.parametrize("nonsense", ["", "my order", "%", "\ud800", "S00099'--", "9" * 300])
def test_what_can_be_no_number_is_no_guess(nonsense: str) -> None:
    counter = Counter(claimed_misses=1)
    assert counter.ask(nonsense) == "not found"
    assert counter.ask("S00099") == "not found, a person"


def test_the_question_of_the_last_miss_may_be_asked_again_by_a_turn_that_is_tried_again() -> None:
    counter = Counter(claimed_misses=1)
    assert counter.ask("S00099") == "not found, a person"
    assert counter.ask("S00099") == "not found, a person"
    counter.shop.owners["S00099"] = "lena@example.org"
    assert counter.ask("S00099") == "found"
    assert counter.ask("S00098") == "not found, a person", "the order that was found is no miss any more"


def test_a_customer_who_finds_her_orders_may_ask_for_any_number_of_them() -> None:
    counter = Counter(claimed_misses=1, contact_claimed_misses=1)
    counter.shop.owners = {f"S{n:05}": "lena@example.org" for n in range(20)}
    assert [counter.ask(f"S{n:05}") for n in range(20)] == ["found"] * 20


def test_who_is_verified_is_never_counted() -> None:
    counter = Counter(Notebook(down="take"), claimed_misses=1)
    assert [counter.ask(f"S0009{n}", identity=VERIFIED) for n in range(5)] == ["not found"] * 5
    assert counter.tries.told == []  # type: ignore[attr-defined]


def test_without_the_counts_no_order_is_looked_up() -> None:
    counter = Counter(Notebook(down="take"))
    with pytest.raises(StateDown):
        counter.ask("S00042")
    assert counter.shop.asked == []


def test_a_try_that_cannot_be_given_back_costs_no_answer() -> None:
    counter = Counter(Notebook(down="give back"), claimed_misses=2)
    assert counter.ask("S00042") == "found"
    assert counter.ask("S00099") == "not found, a person", "the safe side"


def test_lookups_during_an_outage_of_the_shop_are_no_misses() -> None:
    counter = Counter(claimed_misses=1, contact_claimed_misses=1)
    counter.shop.failure = OdooDown("restarting")
    for number in ("S00042", "S00098", "S00099"):
        with pytest.raises(OdooDown):
            counter.ask(number)
    counter.shop.failure = None
    assert counter.ask("S00042") == "found"


def test_an_outage_takes_no_miss_back() -> None:
    counter = Counter(claimed_misses=2)
    counter.ask("S00099")
    counter.shop.failure = OdooDown("restarting")
    with pytest.raises(OdooDown):
        counter.ask("S00099")
    counter.shop.failure = None
    assert counter.ask("S00098") == "not found, a person"


@pytest.mark.parametrize("failure", [RuntimeError("a mistake"), asyncio.CancelledError()])
def test_a_lookup_of_which_nobody_knows_how_it_ended_is_a_miss(failure: BaseException) -> None:
    counter = Counter(claimed_misses=1)
    counter.shop.failure = failure
    with pytest.raises(type(failure)):
        counter.ask("S00042")
    counter.shop.failure = None
    assert counter.ask("S00043") == "a person"
    assert counter.ask("S00042") == "found"


def test_a_guess_that_the_contact_may_not_make_is_none_of_the_conversation() -> None:
    counter = Counter(claimed_misses=2, contact_claimed_misses=1)
    counter.ask("S00091", conversation=78)
    assert counter.ask("S00092") == "a person"
    counter.clock += DAY
    assert counter.ask("S00093") == "not found, a person"
    counter.clock += DAY
    assert counter.ask("S00094") == "not found, a person", "its second"


def test_what_is_counted_tells_neither_number_nor_address() -> None:
    notebook = Notebook()
    Counter(notebook).ask("S00099")
    told = repr(notebook.told).casefold()
    assert len(notebook.told) == 2
    assert "s00099" not in told
    assert "lena" not in told


def test_a_guess_that_the_contact_may_not_make_takes_no_miss_of_the_conversation_back() -> None:
    counter = Counter(claimed_misses=2, contact_claimed_misses=2)
    counter.ask("S00091")
    counter.clock += DAY
    for conversation, number in enumerate(("S00092", "S00093"), 78):
        counter.ask(number, conversation=conversation)
    assert counter.ask("S00091") == "a person"
    counter.clock += DAY
    assert counter.ask("S00094") == "not found, a person"


def test_guesses_of_several_messages_are_one_count(desk: Desk) -> None:
    tries = TriesInMemory()
    for number in ("S00091", "S00092"):
        desk.emulator.script([Call("getOrder", {"orderNumber": number}), Say("I cannot find it.")])
        assert desk.ask(f"Where is {number}?", identity=CLAIMED, agent=desk.agent(tries=tries)).text
    desk.emulator.script([Call("getOrder", {"orderNumber": "S00093"}), Say("never asked")])
    requests = len(desk.emulator.requests)

    with pytest.raises(HandOff) as caught:
        desk.ask("Where is S00093?", identity=CLAIMED, agent=desk.agent(tries=tries))

    assert caught.value.reason == "too_many_order_misses"
    assert len(desk.emulator.requests) == requests + 1
    last = desk.work.tool_calls[-1]
    assert (last.ok, last.result["found"]) == (True, False), "the audit log holds what the customer was not told"


def test_a_guess_too_many_is_recorded_as_a_call_that_was_not_made(desk: Desk) -> None:
    tries = TriesInMemory()
    desk.emulator.script([Call("getOrder", {"orderNumber": "S00091"})])
    with pytest.raises(HandOff):
        desk.ask("Where is it?", identity=CLAIMED, agent=desk.agent(policy(claimed_misses=1), tries=tries))
    desk.emulator.script([Call("getOrder", {"orderNumber": "S00042"})])

    with pytest.raises(HandOff, match="no more"):
        desk.ask("And this?", identity=CLAIMED, agent=desk.agent(policy(claimed_misses=1), tries=tries))

    assert [number for _, number, _, _ in desk.shop.asked] == ["S00091"]
    last = desk.work.tool_calls[-1]
    assert (last.arguments, last.result, last.error) == ({"orderNumber": "S00042"}, {}, "HandOff")


def test_a_model_that_looks_for_several_orders_at_once_has_no_more_tries(desk: Desk) -> None:
    many = tuple(Call("getOrder", {"orderNumber": f"S0009{n}"}) for n in range(6))
    desk.emulator.script([Calls(many), Say("never asked")])

    with pytest.raises(HandOff) as caught:
        desk.ask("try these", identity=CLAIMED, agent=desk.agent(policy(claimed_misses=2)))

    assert caught.value.reason == "too_many_order_misses"
    assert len(desk.shop.asked) == 2
