"""The tools the model sees, and the one way in which a tool is called, by a model or by ``metta tool``.

Who the customer is comes from the run's context, never from an argument (I7). Results are bounded JSON objects. What
goes wrong inside a tool reaches the model only as fixed words; a dependency that is down ends the run instead, so that
no answer is invented in its absence.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agents import AgentBase, FunctionTool, RunContextWrapper
from agents.tool_context import ToolContext
from pydantic import BaseModel

from metta.ai.bounded import bounded, clean, shorten, to_json
from metta.errors import HandOff, MettaError
from metta.messages import AgentWork, Identity, IdentityLevel, JsonObject, ToolCall
from metta.policy import Limits
from metta.ports import Shop

log = logging.getLogger(__name__)

HANDOFF_TOOL = "handOffToHuman"
NO_REASON = "no reason given"
_FAILED = "The tool failed. Do not guess its answer. Try once more or call handOffToHuman."
_REASON_CHARS = 300


class ToolUsageError(ValueError):
    """A tool was called wrongly; the text says how to call it rightly and holds nothing of what was given.

    Attributes:
        field: ``name`` for an unknown tool, ``arguments`` for a wrong shape, else the argument's name.
    """

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class ToolSpec:
    """One tool: its single argument, what the model reads about it, and who it is offered to."""

    name: str
    description: str
    argument: str
    kind: type[int] | type[str]
    meaning: str
    levels: frozenset[IdentityLevel] = frozenset(IdentityLevel)

    @property
    def schema(self) -> dict[str, Any]:
        """The strict JSON schema of the arguments."""
        kind = "integer" if self.kind is int else "string"
        return {
            "type": "object",
            "properties": {self.argument: {"type": kind, "description": self.meaning}},
            "required": [self.argument],
            "additionalProperties": False,
        }


SPECS: dict[str, ToolSpec] = {
    spec.name: spec
    for spec in (
        ToolSpec(
            "getProduct",
            "Look up one product that is for sale by its product id: name, price with currency, availability. "
            "`found` is false when there is none for sale with this id.",
            "productId",
            int,
            "The product id, as searchProducts returned it or as the customer named it.",
        ),
        ToolSpec(
            "searchProducts",
            "Search the products that are for sale; gives up to 10 with id, name, price with currency and "
            "availability. Use it for every question about what is sold, what it costs or whether it is in stock.",
            "query",
            str,
            "The few words that name the product, without filler words, as the shop would write them.",
        ),
        ToolSpec(
            "getOrder",
            "Look up one order of this customer by its number: state, lines, amounts, deliveries and tracking. "
            "`found` is false when this customer has no such order; say no more than that you cannot find it.",
            "orderNumber",
            str,
            "The order number exactly as the customer wrote it, for example S00042.",
            frozenset({IdentityLevel.CLAIMED, IdentityLevel.VERIFIED}),
        ),
        ToolSpec(
            "getOrdersByCustomer",
            "List the latest orders of this customer, newest first, when no order number is known. "
            "Only the customer's own proved address gives a result.",
            "email",
            str,
            "The `customerAddress` of the details, as it stands; without one, the address the customer gave.",
            frozenset({IdentityLevel.VERIFIED}),
        ),
        ToolSpec(
            HANDOFF_TOOL,
            "Hand the conversation to a person of the support team. This ends your turn: write nothing else. Use it "
            "when the customer asks for a person, wants something you cannot do, or you are not sure.",
            "reason",
            str,
            "One short English sentence for the colleague, without personal data.",
        ),
    )
}


@dataclass(slots=True)
class Run:
    """What the tools of one run know and leave behind; the SDK hands it to each of them."""

    shop: Shop
    identity: Identity
    language: str
    work: AgentWork
    limits: Limits
    misses: int = 0
    """Orders that a customer with a claimed identity did not find."""
    handoff_reason: str | None = None
    failure: MettaError | None = None
    """What ends the run, since the SDK wraps exceptions that leave a tool."""
    answered: int = field(default=0)
    """Responses the model gave."""


def _argument(spec: ToolSpec, arguments: Mapping[str, Any]) -> int | str:
    """The argument of a call, of the right type; whether its value makes sense is for the shop to say.

    Raises:
        ToolUsageError: it is missing, empty or of another type, or there are others.
    """
    if spec.argument not in arguments:
        raise ToolUsageError(f"`{spec.argument}` is missing", field=spec.argument)
    if len(arguments) > 1:
        raise ToolUsageError(f"`{spec.argument}` is the only argument of {spec.name}", field="arguments")
    value = arguments[spec.argument]
    if spec.kind is int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ToolUsageError(f"`{spec.argument}` must be a whole number", field=spec.argument)
        return value
    if not isinstance(value, str):
        raise ToolUsageError(f"`{spec.argument}` must be a text", field=spec.argument)
    text = clean(value).strip()
    if spec.name == HANDOFF_TOOL:
        return shorten(text, _REASON_CHARS)
    if not text and spec.argument != "email":
        raise ToolUsageError(f"`{spec.argument}` must not be empty", field=spec.argument)
    return text


async def call_tool(
    name: str,
    arguments: Mapping[str, Any],
    *,
    shop: Shop,
    identity: Identity,
    language: str = "en",
    limits: Limits | None = None,
) -> JsonObject:
    """Call one tool as the model would; gives the result's JSON object.

    Args:
        name: a name of ``SPECS``.
        arguments: what the model (or a developer) gave, unchecked.
        shop: where facts come from; it decides what ``identity`` may see.
        identity: who the customer is, from the conversation alone.
        language: two-letter code for names and descriptions.
        limits: ``tool_result_chars`` bounds the result (packaged default).

    Raises:
        ToolUsageError: unknown tool or wrong arguments; the text names the field.
        MettaError: the shop's own failures, ``OdooDown`` above all.
    """
    if name not in SPECS:
        raise ToolUsageError(f"there is no tool of this name; there are: {', '.join(SPECS)}", field="name")
    if not isinstance(arguments, Mapping):
        raise ToolUsageError("arguments must be a JSON object", field="arguments")
    value = _argument(SPECS[name], arguments)
    if name == HANDOFF_TOOL:
        return {"handedOff": True, "reason": value or NO_REASON}
    asked: dict[str, Callable[[], Awaitable[BaseModel]]] = {
        "getProduct": lambda: shop.get_product(int(value), language=language),
        "searchProducts": lambda: shop.search_products(str(value), language=language),
        "getOrder": lambda: shop.get_order(str(value), identity=identity, language=language),
        "getOrdersByCustomer": lambda: shop.get_orders_by_customer(str(value), identity=identity, language=language),
    }
    result = await asked[name]()
    content: JsonObject = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return bounded(content, (limits or Limits()).tool_result_chars)


def _parse(raw: str) -> JsonObject:
    try:
        arguments = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        raise ToolUsageError("the arguments are not JSON", field="arguments") from None
    if not isinstance(arguments, dict):
        raise ToolUsageError("the arguments must be a JSON object", field="arguments")
    return arguments


def _count_miss(run: Run, name: str, result: JsonObject) -> None:
    """Bound how many orders a customer whose address is only claimed may ask for in vain."""
    if name != "getOrder" or run.identity.level is not IdentityLevel.CLAIMED or result.get("found") is not False:
        return
    run.misses += 1
    if run.misses >= run.limits.claimed_misses:
        run.failure = HandOff("too many orders asked for in vain", reason="too_many_order_misses")


async def _call_for_model(spec: ToolSpec, context: ToolContext[Run], raw: str) -> str:
    """Call a tool, record the call whatever becomes of it, and give the text that the model reads."""
    run = context.context
    started_at, start = datetime.now(UTC), time.perf_counter()
    arguments: JsonObject = {}
    result: JsonObject = {}
    problem = ""
    try:
        try:
            arguments = _parse(raw)
            result = await call_tool(
                spec.name,
                arguments,
                shop=run.shop,
                identity=run.identity,
                language=run.language,
                limits=run.limits,
            )
            _count_miss(run, spec.name, result)
        except ToolUsageError as error:
            problem = "InvalidArguments"
            result = {"error": f"{spec.name} was not called: {error}."}
        except MettaError as error:
            problem = type(error).__name__
            run.failure = error
        except asyncio.CancelledError:
            problem = "Cancelled"
            raise
        except Exception as error:  # noqa: BLE001 - its text may hold anything, so only class and place are told
            problem = type(error).__name__
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error("tool %s failed: %s at %s:%s", spec.name, problem, place.filename, place.lineno)  # noqa: TRY400
            result = {"error": _FAILED}
    finally:
        run.work.tool_calls.append(
            ToolCall(
                name=spec.name,
                arguments=bounded(arguments, run.limits.tool_result_chars),
                result=result,
                ok=not problem,
                error=problem,
                started_at=started_at,
                duration_ms=(time.perf_counter() - start) * 1000,
            )
        )
    if spec.name == HANDOFF_TOOL:
        run.handoff_reason = str(result.get("reason", NO_REASON))
    if run.failure is not None:
        raise run.failure
    return to_json({"data": result})


def _offered(levels: frozenset[IdentityLevel], context: RunContextWrapper[Run], agent: AgentBase[Any]) -> bool:
    del agent
    return context.context.identity.level in levels


def function_tools() -> list[FunctionTool]:
    """The tools as the SDK takes them; each run offers those that its identity level permits."""
    return [
        FunctionTool(
            name=spec.name,
            description=spec.description,
            params_json_schema=spec.schema,
            on_invoke_tool=functools.partial(_call_for_model, spec),
            strict_json_schema=True,
            is_enabled=functools.partial(_offered, spec.levels),
        )
        for spec in SPECS.values()
    ]
