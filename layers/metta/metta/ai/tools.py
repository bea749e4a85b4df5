"""The tools the model sees, and the one way in which a tool is called, by a model or by ``metta tool``.

Who the customer is comes from the caller, never from an argument (I7). Results are bounded JSON objects.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import BaseModel

from metta.ai.bounded import bounded, clean, shorten
from metta.ai.untrusted import IsInstruction, packaged_check, withhold, without_cards
from metta.messages import Identity, IdentityLevel, JsonObject
from metta.policy import Limits
from metta.ports import Shop

HANDOFF_TOOL = "handOffToHuman"
NO_REASON = "no reason given"
_REASON_CHARS = 300


class ToolUsageError(ValueError):
    """A tool was called wrongly; the text says how to call it rightly and holds nothing of what was given.

    Attributes:
        field: ``name`` for an unknown tool, ``arguments`` for a wrong shape, else the argument's name.
    """

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class Question(NamedTuple):
    """What a tool asks the shop."""

    value: Any
    """The argument as the model gave it, cleaned."""
    identity: Identity
    language: str


@dataclass(frozen=True)
class ToolSpec:
    """One tool: its single argument, what the model reads about it, who it is offered to, and how it is answered."""

    name: str
    description: str
    argument: str
    kind: type[int] | type[str]
    meaning: str
    ask: Callable[[Shop, Question], Awaitable[BaseModel]] | None
    """The lookup; None for the tool that looks nothing up."""
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
            "Look up one product that is for sale: name, list price with currency, whether tax is in it "
            "(`priceIncludesTax`, `priceWithTax`), availability, description, `otherVariants`. `found` is false when "
            "there is none for sale with this id.",
            "productId",
            int,
            "The product id as searchProducts returned it. A reference such as LAMP-AUR is searched for instead.",
            lambda shop, of: shop.get_product(of.value, language=of.language),
        ),
        ToolSpec(
            "searchProducts",
            "Search the products that are for sale, by words or by a reference; gives up to 10 with id, name, price "
            "with currency and availability. Use it for every question about what is sold, what it costs or whether it "
            "is in stock.",
            "query",
            str,
            "The few words that name the product, without filler words, as the shop would write them.",
            lambda shop, of: shop.search_products(of.value, language=of.language),
        ),
        ToolSpec(
            "getOrder",
            "Look up one order of this customer by its number: state, lines, amounts, deliveries and tracking, "
            "invoices and payment. What is left out is not known. `found` is false when this customer has no such "
            "order; say no more than that you cannot find it.",
            "orderNumber",
            str,
            "The order number exactly as the customer wrote it, for example S00042.",
            lambda shop, of: shop.get_order(of.value, identity=of.identity, language=of.language),
            frozenset({IdentityLevel.CLAIMED, IdentityLevel.VERIFIED}),
        ),
        ToolSpec(
            "getOrdersByCustomer",
            "List the latest orders of this customer, newest first, when no order number is known. "
            "Only the customer's own proved address gives a result.",
            "email",
            str,
            "The `customerAddress` of the details, as it stands; without one, the address the customer gave.",
            lambda shop, of: shop.get_orders_by_customer(of.value, identity=of.identity, language=of.language),
            frozenset({IdentityLevel.VERIFIED}),
        ),
        ToolSpec(
            HANDOFF_TOOL,
            "Hand the conversation to a person of the support team. This ends your turn: write nothing else. Use it "
            "when the customer asks for a person, wants something you cannot do, or you are not sure.",
            "reason",
            str,
            "One short English sentence for the colleague, without personal data.",
            None,
        ),
    )
}


def _argument(spec: ToolSpec, arguments: Mapping[str, Any]) -> Any:
    """The argument of a call, cleaned where it is a text.

    Whether its value makes sense, type included, is for the shop to say: it answers ``found: false`` and what to do, of
    which a model makes more than of an error.

    Raises:
        ToolUsageError: it is missing, or there are others.
    """
    if spec.argument not in arguments:
        raise ToolUsageError(f"`{spec.argument}` is missing", field=spec.argument)
    if len(arguments) > 1:
        raise ToolUsageError(f"`{spec.argument}` is the only argument of {spec.name}", field="arguments")
    value = arguments[spec.argument]
    return clean(value).strip() if isinstance(value, str) else value


async def call_tool(
    name: str,
    arguments: Mapping[str, Any],
    *,
    shop: Shop,
    identity: Identity,
    language: str = "en",
    limits: Limits | None = None,
    is_instruction: IsInstruction | None = None,
) -> JsonObject:
    """Call one tool as the model would; gives the result's JSON object.

    Args:
        name: a name of ``SPECS``.
        arguments: what the model (or a developer) gave, unchecked.
        shop: where facts come from; it decides what ``identity`` may see.
        identity: who the customer is, from the conversation alone.
        language: two-letter code for names and descriptions.
        limits: ``tool_result_chars`` bounds the result (packaged default).
        is_instruction: finds the texts of the shop that are withheld (packaged default).

    Raises:
        ToolUsageError: unknown tool or wrong arguments; the text names the field.
        MettaError: the shop's own failures, ``OdooDown`` above all.
    """
    if name not in SPECS:
        raise ToolUsageError(f"there is no tool of this name; there are: {', '.join(SPECS)}", field="name")
    if not isinstance(arguments, Mapping):
        raise ToolUsageError("arguments must be a JSON object", field="arguments")
    spec = SPECS[name]
    value = _argument(spec, arguments)
    if spec.ask is None:
        reason = shorten(value, _REASON_CHARS) if isinstance(value, str) else ""
        return {"handedOff": True, "reason": reason or NO_REASON}
    result = await spec.ask(shop, Question(value, identity, language))
    content: JsonObject = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    content = without_cards(withhold(content, is_instruction or packaged_check()))
    return bounded(content, (limits or Limits()).tool_result_chars)
