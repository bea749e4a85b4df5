"""A figure that came from nowhere does not leave; a true one leaves in whatever notation the customer reads."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from metta.guardrails import Guardrails
from metta.guardrails.claims import ClaimCheck
from metta.guardrails.figures import amounts_in_words
from metta.guardrails.normalise import View
from metta.messages import Action, Author, HistoryEntry, MessageContext
from metta.policy import Policy

TRUE = [
    "Your order S00042 shipped on 18 June 2026 with DHL, tracking number 00340434161094012345.",
    "It was shipped on June 18th and should arrive by Saturday, June 20, 2026.",
    "Ihre Bestellung S00042 wurde am 18.06.2026 versandt. Gesamt: 57,39 €.",
    "Ihre Bestellung wurde am 18. Juni versandt und kommt am 20.06. an.",
    "Su pedido S00042 se envió el 18 de junio de 2026. Total: 57,39 EUR.",
    "Votre commande s00042 a été expédiée le 18 juin à 14h05 : 57,39 €",
    "Il tuo ordine S00042 è stato spedito il 18 giugno 2026, totale 57,39 €.",
    "Uw bestelling S00042 is op 18 juni 2026 verzonden, om 14:05 uur.",
    "A encomenda S00042 saiu em 18/06/2026 às 14:05.",
    "It shipped on 06/18/2026 at 2:05 pm.",
    "I found 3 products. 1. Lamp 2. Bulb\n3. Shade",
    "1) Aurora desk lamp\n2) Bulb",
    "Total €57.39 (lamp €49.90, 3 bulbs €7.49).",
    "Die Lampe kostet 49,90 € und die Birnen 7,49 €, zusammen 57,39 €.",
    "The lamp has 3000K and the reference LAMP-100; two of them would be 2 x 49.90 € = 99.80 €.",
    "About 57 € in total.",
    "You wrote that you paid sixty or 60 euros.",
    "You can return it within 30 days of delivery, and standard shipping takes 2-4 working days.",
    "Standard shipping takes 2 to 4 working days.",
    "Die Lieferung dauert 2 bis 4 Werktage, die Rückgabe ist 30 Tage lang möglich.",
    "You can return it until 18 July 2026.",
    "Tracking: 0034 0434 1610 9401 2345",
    "Track it: https://track.example/p/00340434161094012345",
    "Order number 42, also written 00042 or #S00042.",
    "We are open from 9 am to 5 pm, Monday to Friday.",
    "Wir sind von 9:00 bis 17:00 Uhr da.",
    "You paid 60 euros on 1 June.",
    "We wrote to lena@example.org and will call 0151 12345678.",
    "The tracking number ends in 2345.",
    "I'm sorry, I couldn't find that order. Could you check the number?",
    "Please write to us 24/7.",
    "You wrote that you paid sixty euros.",
    "Please tell me which one is left over.",
    "I found two lamps and three bulbs in your order.",
    "Two lamps would be €99.80.",
    "Please send me the order number. It looks like S00123.",
    "Nennen Sie mir bitte die Nummer, zum Beispiel: S00123",
    "Wij zijn er van 9.00 tot 17.00 uur.",
    "The total is 4 items.",
]

INVENTED = [
    ("Your order S00043 has shipped.", "S00043"),
    ("Your order S0004 has shipped.", "S0004"),
    ("Order #1234 is ready.", "1234"),
    ("The total is 67.39 €.", "67.39"),
    ("The total is €5,739.", "5,739"),
    ("Das macht 57,93 €.", "57,93"),
    ("Your refund of $5 is on its way.", "5"),
    ("It will arrive on 25 June 2026.", "25 June 2026"),
    ("It will arrive on 18 June 2027.", "18 June 2027"),
    ("Sie kommt am 21.06.2026 an.", "21.06.2026"),
    ("Arriva il 3 luglio.", "3 luglio"),
    ("Tracking number 00340434161094019999.", "00340434161094019999"),
    ("We have 12 in stock.", "12"),
    ("We have 99 desk lamps in stock.", "99"),
    ("The bulb costs 3 EUR.", "3"),
    ("The lamp costs one euro.", "one euro"),
    ("Die Lampe kostet nur einen Euro.", "einen Euro"),
    ("Es sind noch 7 auf Lager.", "7"),
    ("We have eight in stock.", "eight"),
    ("Es sind noch sieben auf Lager.", "sieben"),
    ("Quedan cinco en stock.", "cinco"),
    ("Il en reste huit en stock.", "huit"),
    ("Temos seis em stock.", "seis"),
    ("Ne abbiamo otto in magazzino.", "otto"),
    ("Er zijn er acht op voorraad.", "acht"),
    ("The lamp costs about seventy euros.", "seventy euros"),
    ("It costs one hundred and twenty dollars.", "one hundred and twenty dollars"),
    ("Sie kostet fünfundsechzig Euro.", "fünfundsechzig Euro"),
    ("Cuesta sesenta y cinco euros.", "sesenta y cinco euros"),
    ("Elle coûte quatre-vingt-dix euros.", "quatre-vingt-dix euros"),
    ("Elle coûte trois cents euros.", "trois cents euros"),
    ("Custa setenta euros.", "setenta euros"),
    ("Costa sessantacinque euro.", "sessantacinque euro"),
    ("De lamp kost vijfenzestig euro.", "vijfenzestig euro"),
    ("You can return it within 60 days.", "60"),
    ("Delivery takes 14 days.", "14"),
    ("It ships within 24 hours.", "24"),
    ("You get 20% off.", "20"),
    ("Sie erhalten 15 Prozent Rabatt.", "15"),
    ("We are open until 8 pm.", "8 pm"),
    ("The lamp has 4000K.", "4000K"),
    ("It weighs 2.75 kg.", "2.75"),
    ("It is 39 bucks.", "39"),
    ("The price is 44.", "44"),
    ("Die Lampe kostet neununddreißig Euro.", "neununddreißig Euro"),
    ("Two lamps would be €99.70.", "99.70"),
    ("We are open from 8.00 to 17.00.", "8.00"),
    ("Your tracking number is 1Z999AA10123456784.", "1Z999AA10123456784"),
]


@pytest.mark.parametrize("reply", TRUE)
def test_a_true_reply_leaves_unchanged(guardrails: Guardrails, turn: MessageContext, reply: str) -> None:
    verdict = guardrails.validate_output(reply, turn)
    assert [reply[f.start : f.end] for f in verdict.findings] == []
    assert (verdict.action, verdict.text) == (Action.ALLOW, reply)


@pytest.mark.parametrize(("reply", "figure"), INVENTED)
def test_an_invented_figure_does_not_leave(
    guardrails: Guardrails, turn: MessageContext, reply: str, figure: str
) -> None:
    verdict = guardrails.validate_output(reply, turn)
    assert verdict.action is Action.BLOCK
    assert [reply[f.start : f.end] for f in verdict.findings if f.kind == "unsupported_claim"] == [figure]


def test_a_figure_that_only_the_assistant_named_earlier_vouches_for_nothing(
    guardrails: Guardrails, turn: MessageContext
) -> None:
    now = datetime(2026, 6, 21, tzinfo=UTC)

    def said_by(author: Author) -> MessageContext:
        entry = HistoryEntry(message_id=1, author=author, text="Order S00077 costs 12.50 €", created_at=now)
        return turn.model_copy(update={"history": (entry,)})

    reply = "As for S00077, it costs 12,50 €."
    assert guardrails.validate_output(reply, said_by(Author.ASSISTANT)).action is Action.BLOCK
    assert guardrails.validate_output(reply, said_by(Author.AGENT)).action is Action.ALLOW
    assert guardrails.validate_output(reply, said_by(Author.CUSTOMER)).action is Action.BLOCK
    theirs = "As for S00077, you wrote that it costs 12,50 €."
    assert guardrails.validate_output(theirs, said_by(Author.CUSTOMER)).action is Action.ALLOW
    assert guardrails.validate_output(theirs, said_by(Author.ASSISTANT)).action is Action.BLOCK


@pytest.mark.parametrize(
    ("reply", "claimed"), [("we have only one left.", ["one"]), ("please keep the one left over.", [])]
)
def test_a_one_is_a_stock_only_where_it_counts(reply: str, claimed: list[str]) -> None:
    assert [figure.text for figure in amounts_in_words(reply)] == claimed


def test_without_a_turn_there_is_nothing_to_judge_figures_by(guardrails: Guardrails, nowhere: MessageContext) -> None:
    assert guardrails.validate_output("Your order S00043 costs 67.39 €.", nowhere).action is Action.ALLOW


def test_todays_date_is_known(policy: Policy, turn: MessageContext) -> None:
    check = ClaimCheck(policy, today=lambda: date(2026, 6, 22))
    assert check(View("Today is 22 June 2026."), turn) == []
    assert len(check(View("Today is 22 June 2025."), turn)) == 1


def test_the_policy_may_hand_off_instead(policy: Policy, turn: MessageContext) -> None:
    rules = policy.rules.model_copy(update={"actions": {"unsupported_claim": Action.HANDOFF}})
    guardrails = Guardrails(policy.model_copy(update={"rules": rules}))
    assert guardrails.validate_output("It costs 67.39 €.", turn).action is Action.HANDOFF
