"""What a customer gets from the agent with the offline model, over the wire and through the real SDK."""

from __future__ import annotations

import pytest

from metta.messages import Attachment, Author, HistoryEntry, Identity
from unit.ai.support import CLAIMED, NOW, Desk


def said(author: Author, text: str, id_: int = 1) -> HistoryEntry:
    return HistoryEntry(message_id=id_, author=author, text=text, created_at=NOW)


def test_an_order_question_is_answered_from_the_shops_own_words(desk: Desk) -> None:
    reply = desk.ask("Hello, where is my order S00042?")

    assert desk.called == [("getOrder", {"orderNumber": "S00042"})]
    assert "S00042" in reply.text
    assert "JD014600003RH" in reply.text
    assert "129.90 EUR" in reply.text
    assert "fully shipped" in reply.text
    assert reply.handoff_reason is None


@pytest.mark.parametrize(
    ("language", "question", "word"),
    [
        ("de", "Wo ist meine Bestellung S00042?", "vollständig versandt"),
        ("es", "¿Dónde está mi pedido S00042?", "enviado por completo"),
        ("fr", "Où est ma commande S00042 ?", "entièrement expédiée"),
        ("it", "Dov'è il mio ordine S00042?", "spedito per intero"),
        ("pt", "Onde está a minha encomenda S00042?", "totalmente enviada"),
        ("nl", "Waar is mijn bestelling S00042?", "volledig verzonden"),
    ],
)
def test_a_customer_is_answered_in_their_language(desk: Desk, language: str, question: str, word: str) -> None:
    reply = desk.ask(question, language=language)

    assert word in reply.text
    assert desk.shop.asked == [("getOrder", "S00042", desk.shop.asked[0][2], language)]


def test_another_customers_order_and_no_order_read_the_same(desk: Desk) -> None:
    theirs = desk.ask("Where is order S00043?").text
    none = desk.ask("Where is order S99999?").text

    assert theirs.replace("S00043", "X") == none.replace("S99999", "X")
    assert "cannot find" in theirs


def test_a_product_question_is_searched_and_answered_with_price_and_stock(desk: Desk) -> None:
    reply = desk.ask("Do you have a lamp in stock?")

    assert desk.called == [("searchProducts", {"query": "lamp"})]
    assert "Aurora Desk Lamp: 49.90 EUR, in stock" in reply.text
    assert "Luna Floor Lamp: 89.00 EUR, out of stock" in reply.text


def test_a_product_number_is_looked_up(desk: Desk) -> None:
    reply = desk.ask("How much is product 1015?")

    assert desk.called == [("getProduct", {"productId": 1015})]
    assert "49.90 EUR, 7 in stock" in reply.text


def test_two_orders_in_one_question_are_looked_up_one_after_the_other(desk: Desk) -> None:
    reply = desk.ask("Are S00042 and S00043 on their way?")

    assert [arguments["orderNumber"] for _, arguments in desk.called] == ["S00042", "S00043"]
    assert len(desk.emulator.requests) == 3
    assert "JD014600003RH" in reply.text
    assert "cannot find an order S00043" in reply.text


def test_own_orders_are_listed_for_a_proved_customer(desk: Desk) -> None:
    reply = desk.ask("Show me my orders")

    assert desk.called == [("getOrdersByCustomer", {"email": "lena@example.org"})]
    assert "S00042" in reply.text
    assert "S00043" not in reply.text


def test_a_claimed_customer_is_asked_for_the_order_number(desk: Desk) -> None:
    reply = desk.ask("Show me my orders", identity=CLAIMED)

    assert desk.called == []
    assert "order number" in reply.text


def test_the_order_spoken_of_before_is_meant_when_none_is_named(desk: Desk) -> None:
    earlier = (said(Author.CUSTOMER, "Where is S00042?"), said(Author.ASSISTANT, "One moment.", 2))

    desk.ask("And when does the parcel arrive?", history=earlier)

    assert desk.called == [("getOrder", {"orderNumber": "S00042"})]


def test_an_unknown_visitor_is_told_what_is_needed(desk: Desk) -> None:
    reply = desk.ask("Where is my order S00042?", identity=Identity())

    assert desk.called == []
    assert "e-mail address" in reply.text


def test_who_asks_for_a_person_gets_one(desk: Desk) -> None:
    reply = desk.ask("I want a human, please")

    assert reply.handoff_reason == "The customer asks for a person."
    assert reply.text == ""


def test_a_fact_of_the_policy_answers_a_question_on_returns(desk: Desk) -> None:
    assert desk.ask("What is your return policy?").text == "Goods can be returned within 30 days of delivery."


def test_a_file_without_words_is_answered_with_a_request_to_describe_it(desk: Desk) -> None:
    reply = desk.ask("", attachments=(Attachment(file_type="image", name="broken.jpg"),))

    assert "describe" in reply.text


def test_greeting_and_thanks_need_no_tool(desk: Desk) -> None:
    assert desk.ask("Guten Tag", language="de").text.startswith("Hallo")
    assert desk.ask("Thank you!").text.startswith("You are welcome")
    assert desk.called == []
