"""Turns tool results into the offline model's reply: it says what the JSON says, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from metta_local.model.reading import ToolResult
from metta_local.model.wording import sentence, word

Json = dict[str, Any]

_MOST_LISTED = 5


def answer(results: Iterable[ToolResult], language: str) -> str:
    """A reply to all results of a turn."""
    parts = [_answer_one(result, language) for result in results]
    return "\n\n".join(dict.fromkeys(part for part in parts if part))


def _answer_one(result: ToolResult, language: str) -> str:
    data = result.data
    if result.name == "getOrder":
        number = str(result.arguments.get("orderNumber", ""))
        return _order(data, number, language) if result.found else sentence(language, "order_missing", number=number)
    if result.name == "getOrdersByCustomer":
        return _orders(data, language) if result.found else sentence(language, "orders_none")
    if result.name == "getProduct":
        number = str(result.arguments.get("productId", ""))
        return _product(data, language) if result.found else sentence(language, "product_missing", number=number)
    if result.name == "searchProducts":
        query = str(result.arguments.get("query", ""))
        return _products(data, language) if result.found else sentence(language, "products_none", query=query)
    return ""


def _words(language: str, plain: Any) -> str:
    """A status of one or more clauses, clause by clause."""
    return "; ".join(word(language, clause) for clause in str(plain).split("; "))


def _order(data: Json, asked: str, language: str) -> str:
    number = str(data.get("orderNumber", asked))
    said = [sentence(language, "order", number=number, status=_words(language, data.get("status", "not known")))]
    if "delivery" in data:
        said.append(sentence(language, "delivery", delivery=_words(language, data["delivery"])))
    said += [_parcel(parcel, language) for parcel in data.get("parcels", ())]
    for field, name in (("promisedFor", "promised"), ("orderedOn", "ordered_on")):
        if field in data:
            said.append(sentence(language, name, date=str(data[field])))
    if items := [said_of for item in data.get("items", ()) if (said_of := _item(item))]:
        said.append(sentence(language, "items", items="; ".join(items)))
    if "total" in data:
        said.append(sentence(language, "total", amount=str(data["total"])))
    return " ".join(part for part in said if part)


def _parcel(parcel: Json, language: str) -> str:
    number = parcel.get("trackingNumber")
    if not number:
        return ""
    if carrier := parcel.get("carrier"):
        return sentence(language, "tracking_carrier", tracking=str(number), carrier=str(carrier))
    return sentence(language, "tracking", tracking=str(number))


def _item(item: Json) -> str:
    quantity, name = item.get("quantity"), _name(item)
    return f"{quantity:g} × {name}" if name and isinstance(quantity, int | float) else name


def _name(thing: Json) -> str:
    """What a thing is called; its reference or id where it has no name that may be told."""
    return str(thing.get("name") or thing.get("reference") or thing.get("productId") or "")


def _orders(data: Json, language: str) -> str:
    lines = [sentence(language, "orders")]
    for order in data.get("orders", ())[:_MOST_LISTED]:
        states = [str(order[field]) for field in ("status", "delivery") if field in order]
        facts = [_words(language, state) for state in states if not state.startswith("none:")]
        facts += [str(order[field]) for field in ("orderedOn", "total") if field in order]
        lines.append(f"- {order.get('orderNumber')}: {', '.join(facts)}")
    return "\n".join(lines)


def _availability(data: Json, language: str) -> str:
    plain = str(data.get("availability", "not known"))
    count = data.get("quantityAvailable")
    if plain == "in stock" and isinstance(count, int | float) and count > 0:
        return sentence(language, "in_stock_count", count=f"{count:g}")
    return word(language, "availability not known" if plain == "not known" else plain)


def _product(data: Json, language: str) -> str:
    name, availability = _name(data), _availability(data, language)
    if price := data.get("listPrice"):
        return sentence(language, "product", name=name, price=str(price), availability=availability)
    return sentence(language, "product_no_price", name=name, availability=availability)


def _products(data: Json, language: str) -> str:
    lines = [_product(product, language) for product in data.get("products", ())[:_MOST_LISTED]]
    if len(lines) == 1:
        return lines[0]
    return "\n".join([sentence(language, "products"), *(f"- {line}" for line in lines)])
