"""The offline model: rules that do what a decent agent does, so that everything works without a key or a network.

It reads the request and nothing else, calls the tools that are offered, and answers from their results. The same
request gets the same answer.
"""

from __future__ import annotations

import re

from metta_local.model.answers import answer
from metta_local.model.reading import Reading
from metta_local.model.scripting import Call, Calls, Say, Step
from metta_local.model.wording import after, fold, in_english, mentions, sentence, without

HANDOFF = "handOffToHuman"

_ORDER_NUMBER = re.compile(r"(?<![\w@.])#?([A-Za-z]{1,4}[-/]?\d{3,10})(?![\w@])")
_BARE_NUMBER = re.compile(r"(?<![\w.,])#?(\d{3,10})(?![\w.,]*\d)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
_SMALL_NUMBER = re.compile(r"(?:\s|[#:.]|n°|nr|no|id|number|nummer|numero)*?(?<!\w)#?(\d{1,9})(?!\w)")
_FACTS = {"returns": "returns", "shipping": "shipping", "hours": "hours"}
_WORD = re.compile(r"\w[\w'-]*")
_MOST_QUERY_WORDS = 4
_MOST_LOOKUPS = 4


def think(reading: Reading) -> Step:
    """The next step: function calls, or what to say."""
    if reading.results:
        return _after_results(reading)
    wanted = _wanted(reading)
    return _lookups(reading, wanted) if isinstance(wanted, list) else wanted


def _lookups(reading: Reading, calls: list[Call]) -> Step:
    return Calls(tuple(calls)) if reading.parallel and len(calls) > 1 else calls[0]


def _after_results(reading: Reading) -> Step:
    if reading.results[-1].failed and not _retry(reading):
        return _hand_off(reading, "The tools failed while answering the customer.")
    done = {(result.name, repr(result.arguments)) for result in reading.results if not result.failed}
    wanted = _wanted(reading)
    if isinstance(wanted, list) and len(reading.results) < _MOST_LOOKUPS:
        left = [call for call in wanted if (call.name, repr(call.arguments)) not in done]
        if left:
            return _lookups(reading, left)
        if again := _simpler_search(reading):
            return again
    results = [result for result in reading.results if not result.failed]
    if len(results) > 1 and results[-1].name == "searchProducts":
        results = results[-1:] if results[-1].found else results[:1]
    return Say(answer(results, reading.language) or sentence(reading.language, "clarify"))


def _retry(reading: Reading) -> bool:
    """Whether a failed lookup is tried once more."""
    return len(reading.results) == 1 and isinstance(_wanted(reading), list)


def _simpler_search(reading: Reading) -> Step | None:
    """A second search when the first found nothing: in English, or with the longest word in the singular."""
    searches = [result for result in reading.results if result.name == "searchProducts"]
    if len(searches) != 1 or searches[0].found:
        return None
    words = str(searches[0].arguments.get("query", "")).split()
    english = [in_english(fold(word)) for word in words]
    known = [new for old, new in zip(words, english, strict=True) if new != fold(old)]
    if known:
        return Call("searchProducts", {"query": " ".join(known)})
    simpler = re.sub(r"(?<=\w{3})(?:es|s|en|n)$", "", max(words, key=len, default=""))
    return Call("searchProducts", {"query": simpler}) if simpler and [simpler] != words else None


def _wanted(reading: Reading) -> list[Call] | Step:
    """What the question asks for: lookups, or a step that needs none."""
    text = reading.question
    if mentions(text, "human"):
        return _hand_off(reading, "The customer asks for a person.")
    fact = _fact(reading)
    if fact is None and mentions(text, "action"):
        return _hand_off(reading, "The customer wants something that only a person can do.")
    return _about_orders(reading) or fact or _about_products(reading) or _small_talk(reading)


def _hand_off(reading: Reading, reason: str) -> Step:
    if HANDOFF in reading.tools:
        return Call(HANDOFF, {"reason": reason})
    return Say(sentence(reading.language, "clarify"))


def _fact(reading: Reading) -> Step | None:
    """A fact of the instructions that answers the question, if no order is named."""
    if _order_numbers(reading.question):
        return None
    for group, name in _FACTS.items():
        if name in reading.facts and mentions(reading.question, group):
            return Say(reading.facts[name])
    return None


def _order_numbers(text: str) -> list[str]:
    without_addresses = _EMAIL.sub(" ", text)
    return list(dict.fromkeys(found.upper() for found in _ORDER_NUMBER.findall(without_addresses)))


def _earlier_number(reading: Reading) -> list[str]:
    """The order number last spoken of by the customer or by us."""
    for role, text in reversed(reading.earlier):
        if role != "team" and (numbers := _order_numbers(text)):
            return numbers[-1:]
    return []


def _about_orders(reading: Reading) -> list[Call] | Step | None:
    text = reading.question
    asked_for_number = reading.last_reply in _asking(reading.language)
    numbers = _order_numbers(text)
    if not numbers and (asked_for_number or mentions(text, "order")):
        numbers = _BARE_NUMBER.findall(_EMAIL.sub(" ", text))
    if not numbers:
        numbers = [found[1] for rest in after(text, "order") if (found := _SMALL_NUMBER.match(rest))]
    if not numbers and asked_for_number and _EMAIL.search(text):
        numbers = _earlier_number(reading)
    if numbers:
        return _orders(reading, numbers)
    if mentions(text, "my_orders"):
        return _own_orders(reading)
    if mentions(text, "order"):
        earlier = _earlier_number(reading)
        return _orders(reading, earlier) if earlier else _own_orders(reading)
    return None


def _asking(language: str) -> tuple[str, ...]:
    return tuple(sentence(language, name) for name in ("ask_order_number", "ask_identity", "clarify"))


def _orders(reading: Reading, numbers: list[str]) -> list[Call] | Step:
    if "getOrder" not in reading.tools:
        return Say(sentence(reading.language, "ask_identity"))
    return [Call("getOrder", {"orderNumber": number}) for number in numbers[:_MOST_LOOKUPS]]


def _own_orders(reading: Reading) -> list[Call] | Step:
    if "getOrdersByCustomer" in reading.tools:
        typed = _EMAIL.search(reading.question)
        address = typed[0] if typed else reading.customer_address
        return [Call("getOrdersByCustomer", {"email": address})]
    name = "ask_order_number" if "getOrder" in reading.tools else "ask_identity"
    return Say(sentence(reading.language, name))


def _about_products(reading: Reading) -> list[Call] | Step | None:
    text = reading.question
    if not {"getProduct", "searchProducts"} <= set(reading.tools):
        return None
    if (number := _product_id(text)) is not None:
        return [Call("getProduct", {"productId": number})]
    words = _content_words(text)
    if words and (mentions(text, "product") or (len(words) == 1 and len(words[0]) > 3 and "?" in text)):
        return [Call("searchProducts", {"query": " ".join(words[:_MOST_QUERY_WORDS])})]
    return None


def _product_id(text: str) -> int | None:
    numbers = (_SMALL_NUMBER.match(rest) for rest in after(text, "product_id"))
    return next((int(number[1]) for number in numbers if number), None)


def _content_words(text: str) -> list[str]:
    """The words that name a thing, as the customer wrote them: accents matter to a shop's search."""
    typed = _EMAIL.sub(" ", text)
    rest = typed
    for group in ("greeting", "thanks", "bye", "product", "filler"):
        rest = without(rest, group)
    left = set(_WORD.findall(rest))
    return [word for word in _WORD.findall(typed) if fold(word) in left and len(word) > 1 and not word.isdigit()]


def _small_talk(reading: Reading) -> Step:
    text = reading.question
    if not text and reading.has_files:
        return Say(sentence(reading.language, "files"))
    for group in ("thanks", "bye", "greeting"):
        if mentions(text, group):
            return Say(sentence(reading.language, group))
    if reading.last_reply == sentence(reading.language, "clarify"):
        return _hand_off(reading, "The customer's question was not understood twice.")
    return Say(sentence(reading.language, "clarify"))
