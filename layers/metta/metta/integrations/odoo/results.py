"""What the tools answer: small, flat, labelled objects in plain words, with units and currency, for a model to read.

They serialise themselves in camelCase and leave out what is not known. Where nothing was found, ``found`` is false and
``nextStep`` says in words what to do. "Not there", "not theirs" and "not allowed" are one and the same object.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer
from pydantic.alias_generators import to_camel


class Result(BaseModel):
    """Base of all tool results."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )

    @model_serializer(mode="wrap")
    def _without_unknowns(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


def field_names() -> frozenset[str]:
    """The names of all fields as a model reads them; none is meant for a customer's eyes."""

    def below(kind: type[Result]) -> Iterator[type[Result]]:
        for one in kind.__subclasses__():
            yield one
            yield from below(one)

    return frozenset(to_camel(name) for kind in below(Result) for name in kind.model_fields)


class Availability(StrEnum):
    """Whether a product can be had, in words that are true."""

    IN_STOCK = "in stock"
    OUT_OF_STOCK = "out of stock"
    NOT_TRACKED = "not tracked"
    """A service or an article whose stock is not counted: neither in stock nor sold out."""
    NOT_KNOWN = "not known"


class NotFound(Result):
    """Nothing that may be shown. Says nothing about why."""

    found: Literal[False] = False
    next_step: str


class Variant(Result):
    """The same product in another colour, size or the like."""

    product_id: int
    name: str
    reference: str | None = None
    list_price: str | None = None
    availability: Availability


class Product(Result):
    """A product that is for sale."""

    found: Literal[True] = True
    product_id: int
    name: str
    reference: str | None = None
    description: str | None = None
    list_price: str | None = None
    price_note: str = "Catalogue price; the price at checkout can differ (taxes, price lists, discounts)."
    price_includes_tax: bool | None = None
    price_with_tax: str | None = None
    tax_note: str | None = None
    availability: Availability
    quantity_available: float | int | None = None
    quantity_incoming: float | int | None = None
    """How many are expected to come in; says nothing about when."""
    unit: str | None = None
    link: str | None = None
    other_variants: tuple[Variant, ...] | None = None
    more_variants: int | None = None
    """How many further variants there are."""


class ProductSummary(Result):
    """A product in a list."""

    product_id: int
    name: str
    reference: str | None = None
    list_price: str | None = None
    price_includes_tax: bool | None = None
    price_with_tax: str | None = None
    availability: Availability
    link: str | None = None


class ProductList(Result):
    """Products for sale that match."""

    found: Literal[True] = True
    products: tuple[ProductSummary, ...]
    more_matches: bool = False
    """True when there are more than are shown."""
    price_note: str = "Catalogue prices; the price at checkout can differ (taxes, price lists, discounts)."


class OrderItem(Result):
    """A line of an order."""

    name: str
    reference: str | None = None
    quantity: float | int | None = None
    unit: str | None = None
    quantity_shipped: float | int | None = None
    total: str | None = None


class Tracking(Result):
    """Where a parcel can be followed."""

    tracking_number: str | None = None
    tracking_link: str | None = None


class Parcel(Result):
    """A delivery of an order to the customer."""

    status: str
    shipped_on: str | None = None
    planned_for: str | None = None
    rest_of_earlier_parcel: bool | None = None
    """True when it carries what an earlier parcel left out."""
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_link: str | None = None
    further_tracking: tuple[Tracking, ...] | None = None
    """Where the delivery was packed into several parcels."""


class Invoice(Result):
    """A posted invoice or credit note of an order."""

    kind: Literal["invoice", "credit note"]
    number: str | None = None
    payment: str
    dated: str | None = None
    due: str | None = None
    """Only while something is to be paid."""
    total: str | None = None
    open: str | None = None
    """What is still to be paid; of a credit note, what is still to be paid out or set off."""
    covers_other_orders: bool | None = None
    """True where it is of several orders; its amounts are left out then."""


class Order(Result):
    """One order of this customer."""

    found: Literal[True] = True
    order_number: str
    status: str
    ordered_on: str | None = None
    quotation_valid_until: str | None = None
    promised_for: str | None = None
    """Delivery date that was promised."""
    delivery: str
    invoice: str | None = None
    invoices: tuple[Invoice, ...] | None = None
    """Left out when not known; empty when there is none yet."""
    more_invoices: int | None = None
    """How many further ones there are, at least."""
    paid_or_authorised_online: str | None = None
    """At checkout, invoiced or not; what is authorised only is not paid yet."""
    total: str | None = None
    total_includes_tax: str | None = None
    items: tuple[OrderItem, ...] | None = None
    more_items: int | None = None
    """How many further ones there are, at least."""
    parcels: tuple[Parcel, ...] | None = None
    more_parcels: int | None = None
    """How many further ones there are, at least."""
    note: str | None = None


class OrderSummary(Result):
    """An order in a list."""

    order_number: str
    status: str
    ordered_on: str | None = None
    delivery: str
    total: str | None = None


class OrderList(Result):
    """This customer's latest orders, newest first."""

    found: Literal[True] = True
    orders: tuple[OrderSummary, ...]
    total_orders: int
    """How many there are; ``orders`` shows the latest of them."""


NO_PRODUCT = NotFound(
    next_step="No product for sale has this id or reference. Use searchProducts with words from the customer's message."
)
SEVERAL_PRODUCTS = NotFound(
    next_step=(
        "More than one product has this reference. Use searchProducts with the reference, tell the customer the names "
        "and ask which one they mean."
    )
)
NO_PRODUCTS = NotFound(
    next_step=(
        "No product for sale matches all of these words. Search again with fewer, shorter or singular words, or ask "
        "the customer what they are looking for."
    )
)
NO_ORDER = NotFound(
    next_step=(
        "No such order can be shown to this customer. Ask them to check the order number and to write from the e-mail "
        "address or phone number that they ordered with. If that does not help, hand off to a person."
    )
)
SEVERAL_ORDERS = NotFound(
    next_step="More than one order has this number, so none can be named for sure. Hand off to a person."
)
NO_ORDERS = NotFound(
    next_step=(
        "No orders can be shown for this address. Ask the customer for an order number, or hand off to a person."
    )
)

_Bounded = TypeVar("_Bounded", bound=BaseModel)


_LEAVE_OFF: dict[type[BaseModel], tuple[tuple[str, str], ...]] = {
    Order: (("items", "more_items"), ("parcels", "more_parcels"), ("invoices", "more_invoices")),
    Product: (("other_variants", "more_variants"),),
}
"""What is left off where a result is too long, first to last, and where it is told how much of it."""


def fit(result: _Bounded, chars: int) -> _Bounded:
    """``result`` with as many entries left off the end of its lists as it takes to stay within ``chars`` of JSON."""
    while len(result.model_dump_json()) > chars:
        smaller = _smaller(result)
        if smaller is None:
            break
        result = smaller
    return result


def _smaller(result: _Bounded) -> _Bounded | None:
    """``result`` without its least needed entry; None where nothing can be spared."""
    for entries, more in _LEAVE_OFF.get(type(result), ()):
        if shown := getattr(result, entries):
            return result.model_copy(update={entries: shown[:-1] or None, more: (getattr(result, more) or 0) + 1})
    if isinstance(result, ProductList) and len(result.products) > 1:
        return result.model_copy(update={"products": result.products[:-1], "more_matches": True})
    if isinstance(result, OrderList) and len(result.orders) > 1:
        return result.model_copy(update={"orders": result.orders[:-1]})
    if isinstance(result, Product) and result.description:
        return result.model_copy(update={"description": None})
    return None
