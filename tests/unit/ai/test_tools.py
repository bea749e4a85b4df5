"""The tools as the model sees them and as ``metta tool`` calls them: same names, same arguments, same answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from unittest.mock import Mock

import pytest

from metta.ai.run import function_tools
from metta.ai.tools import SPECS, ToolUsageError, call_tool
from metta.errors import OdooDown
from metta.integrations.odoo import OdooPort, OdooShop
from metta.messages import Identity, IdentityLevel
from metta.policy import Limits, Policy
from metta.ports import Shop
from metta_local.model import Call, Calls, Say
from unit.ai.support import CLAIMED, VERIFIED, Desk, FakeShop, Result, policy


def call(name: str, arguments: Any, *, shop: Shop | None = None, identity: Identity = VERIFIED) -> dict[str, Any]:
    return asyncio.run(call_tool(name, arguments, shop=shop or FakeShop(), identity=identity))


def test_the_tools_have_the_published_names_arguments_and_strict_schemas() -> None:
    shapes = {
        tool.name: (tool.params_json_schema["properties"], tool.params_json_schema["required"])
        for tool in function_tools()
    }
    kinds = {
        name: ({argument: value["type"] for argument, value in properties.items()}, required)
        for name, (properties, required) in shapes.items()
    }

    assert kinds == {
        "getProduct": ({"productId": "integer"}, ["productId"]),
        "searchProducts": ({"query": "string"}, ["query"]),
        "getOrder": ({"orderNumber": "string"}, ["orderNumber"]),
        "getOrdersByCustomer": ({"email": "string"}, ["email"]),
        "handOffToHuman": ({"reason": "string"}, ["reason"]),
    }
    assert all(tool.strict_json_schema for tool in function_tools())
    assert all(tool.params_json_schema["additionalProperties"] is False for tool in function_tools())


@pytest.mark.parametrize(
    ("identity", "offered"),
    [
        (Identity(), {"getProduct", "searchProducts", "handOffToHuman"}),
        (CLAIMED, {"getProduct", "searchProducts", "getOrder", "handOffToHuman"}),
        (VERIFIED, set(SPECS)),
    ],
    ids=["anonymous", "claimed", "verified"],
)
def test_the_model_is_offered_what_the_identity_level_permits(
    desk: Desk, identity: Identity, offered: set[str]
) -> None:
    desk.ask("Hello", identity=identity)

    assert {tool["name"] for tool in desk.sent()["tools"]} == offered


def test_a_tool_that_is_not_offered_cannot_be_called(desk: Desk) -> None:
    desk.emulator.script([Call("getOrder", {"orderNumber": "S00042"}), Say("I cannot look that up.")])

    reply = desk.ask("S00042", identity=Identity())

    assert desk.shop.asked == []
    assert reply.text == "I cannot look that up."
    assert [(one.name, one.ok, one.error) for one in desk.work.tool_calls] == [("getOrder", False, "UnknownTool")]


def test_the_command_and_the_model_get_the_same_result(desk: Desk) -> None:
    desk.ask("Where is S00042?")
    shown = desk.sent()["input"][-1]

    assert shown["type"] == "function_call_output"
    assert json.loads(shown["output"]) == {"data": call("getOrder", {"orderNumber": "S00042"})}
    assert desk.work.tool_calls[0].result == call("getOrder", {"orderNumber": "S00042"})


def test_the_identity_comes_from_the_conversation_whatever_the_arguments_say(desk: Desk) -> None:
    desk.emulator.script(
        [
            Call("getOrder", {"orderNumber": "S00043", "identity": "marco@example.com", "partnerId": 4712}),
            Call("getOrdersByCustomer", {"email": "marco@example.com"}),
            Say("Nothing found."),
        ]
    )

    desk.ask("I am marco@example.com, give me my orders")

    first, second = desk.work.tool_calls
    assert (first.ok, first.error) == (False, "InvalidArguments")
    assert second.result["found"] is False
    assert [asked[2] for asked in desk.shop.asked] == [VERIFIED]


@pytest.mark.parametrize(
    ("name", "arguments", "field", "words"),
    [
        ("getProduct", {}, "productId", "missing"),
        ("getOrder", {"number": "S1"}, "orderNumber", "missing"),
        ("getOrder", {"orderNumber": "S1", "email": "x@y.z"}, "arguments", "only argument"),
        ("getOrder", ["S1"], "arguments", "JSON object"),
        ("dropTable", {}, "name", "getOrdersByCustomer"),
    ],
)
def test_a_wrong_call_is_told_which_field_is_wrong(name: str, arguments: Any, field: str, words: str) -> None:
    with pytest.raises(ToolUsageError, match=words) as caught:
        call(name, arguments)

    assert caught.value.field == field


@pytest.mark.parametrize("value", ["", "  ", "\0", None, True, 1.5, ["S00042"], {"=": 1}, -1, 10**30])
@pytest.mark.parametrize("name", ["getProduct", "searchProducts", "getOrder", "getOrdersByCustomer"])
def test_a_value_that_makes_no_sense_finds_nothing_and_says_what_to_do(name: str, value: Any) -> None:
    odoo = Mock(spec=OdooPort)
    answer = call(name, {SPECS[name].argument: value}, shop=OdooShop(odoo, policy=Policy()))

    assert answer["found"] is False
    assert answer["nextStep"]
    assert odoo.mock_calls == []


@pytest.mark.parametrize("reason", [None, 7, ["x"], ""])
def test_a_hand_off_never_fails_for_its_reason(reason: Any) -> None:
    assert call("handOffToHuman", {"reason": reason}) == {"handedOff": True, "reason": "no reason given"}


def test_wrong_arguments_go_back_to_the_model_in_fixed_words(desk: Desk) -> None:
    desk.emulator.script([Call("getProduct", '{"productId": "<b>ignore'), Call("getProduct", {}), Say("Sorry.")])

    desk.ask("product one")

    outputs = [item["output"] for item in desk.sent()["input"] if item.get("type") == "function_call_output"]
    assert outputs == [
        '{"data":{"error":"getProduct was not called: the arguments are not JSON."}}',
        '{"data":{"error":"getProduct was not called: `productId` is missing."}}',
    ]
    assert [(one.ok, one.error) for one in desk.work.tool_calls] == [(False, "InvalidArguments")] * 2


@pytest.mark.parametrize(
    "raw",
    ['{"productId": NaN}', '{"productId": 1e999}', '{"productId": ' + '{"a":' * 300 + "1" + "}" * 301, '"\\ud800"', ""],
)
def test_the_record_of_a_hostile_call_can_be_written(desk: Desk, raw: str) -> None:
    desk.emulator.script([Call("getProduct", raw), Say("Sorry.")])

    desk.ask("product")

    (hostile,) = desk.work.tool_calls
    assert hostile.error == "InvalidArguments" or hostile.result["found"] is False
    json.loads(json.dumps(hostile.arguments, allow_nan=False))


def test_an_exceptions_words_never_reach_the_model_or_the_record(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.shop.failure = KeyError("password=hunter2 lena@example.org")
    desk.emulator.script([Call("searchProducts", {"query": "lamp"}), Say("I could not look that up.")])

    desk.ask("a lamp?")

    assert "hunter2" not in json.dumps(desk.sent())
    assert "hunter2" not in desk.work.model_dump_json()
    assert "hunter2" not in caplog.text
    assert "searchProducts failed: KeyError" in caplog.text
    (failed,) = desk.work.tool_calls
    assert (failed.ok, failed.error) == (False, "KeyError")
    assert failed.duration_ms >= 0


def test_odoo_down_in_a_tool_ends_the_run_instead_of_an_invented_answer(desk: Desk) -> None:
    desk.shop.failure = OdooDown("connection refused", after_seconds=7)

    with pytest.raises(OdooDown) as caught:
        desk.ask("Where is S00042?")

    assert caught.value.after_seconds == 7
    assert len(desk.emulator.requests) == 1
    (failed,) = desk.work.tool_calls
    assert (failed.name, failed.ok, failed.error) == ("getOrder", False, "OdooDown")
    assert len(desk.work.model_calls) == 1


def test_odoo_down_is_seen_also_when_another_tool_of_the_same_response_succeeds(desk: Desk) -> None:
    class HalfDown(FakeShop):
        async def get_order(self, order_number: str, **about: Any) -> Any:
            raise OdooDown("restarting")

    desk.shop = HalfDown()
    desk.emulator.script(
        [Calls((Call("searchProducts", {"query": "lamp"}), Call("getOrder", {"orderNumber": "S00042"})))]
    )

    with pytest.raises(OdooDown):
        desk.ask("both")


def test_handing_off_ends_the_run_at_once(desk: Desk) -> None:
    desk.emulator.script([Call("handOffToHuman", {"reason": "The customer wants to cancel."}), Say("never asked")])

    reply = desk.ask("cancel it")

    assert reply.handoff_reason == "The customer wants to cancel."
    assert reply.text == ""
    assert len(desk.emulator.requests) == 1


def test_handing_off_with_wrong_arguments_hands_off_all_the_same(desk: Desk) -> None:
    desk.emulator.script([Call("handOffToHuman", '{"why": 1}')])

    assert desk.ask("help").handoff_reason == "no reason given"


def test_a_claimed_customer_cannot_try_order_numbers_for_ever(desk: Desk) -> None:
    from metta.errors import HandOff

    desk.emulator.script([Call("getOrder", {"orderNumber": f"S{i:05}"}) for i in range(100, 120)])

    with pytest.raises(HandOff) as caught:
        desk.ask("try them all", identity=CLAIMED, agent=desk.agent(policy(claimed_misses=2)))

    assert caught.value.reason == "too_many_order_misses"
    assert len(desk.shop.asked) == 2


def test_a_large_result_is_cut_to_valid_json() -> None:
    class Wordy(FakeShop):
        async def search_products(self, query: str, **about: Any) -> Any:
            return Result(products=[{"productId": i, "name": "ü\u200b\x07" * 400} for i in range(100)])

    limits = Limits(tool_result_chars=1000)
    result = asyncio.run(call_tool("searchProducts", {"query": "x"}, shop=Wordy(), identity=Identity(), limits=limits))

    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    assert len(text) <= 1000
    assert result["truncated"] is True
    assert result["products"][0]["productId"] == 0
    assert "\u200b" not in text


def test_phone_customers_get_their_orders_by_the_address_that_is_proved(desk: Desk) -> None:
    phone = Identity(level=IdentityLevel.VERIFIED, phone="+4915112345678")

    desk.ask("my orders please", identity=phone)

    assert desk.called == [("getOrdersByCustomer", {"email": "+4915112345678"})]
