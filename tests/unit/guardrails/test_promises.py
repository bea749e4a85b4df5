"""What a reply may not promise or advise, in seven languages; refusals, open questions and what is true may be said."""

from __future__ import annotations

import json
import time
from datetime import date

import pytest

from metta.guardrails.normalise import View
from metta.guardrails.rules import OutputRules
from metta.messages import Contact, ConversationKey, MessageContext
from metta.policy import Policy, PromiseKind, Rules

TODAY = date(2026, 11, 25)
"""A Wednesday."""

PROMISES: dict[PromiseKind, tuple[str, ...]] = {
    "refund": (
        "We will refund you the full amount.",
        "Good news: I've issued a full refund to your card.",
        "You will receive a refund within a few days.",
        "Your refund has been approved.",
        "The money will be refunded to you.",
        "No problem, we'll reimburse you for the shipping.",
        "Wir erstatten Ihnen den vollen Betrag.",
        "Der Betrag wird Ihnen in den nächsten Tagen erstattet.",
        "Sie bekommen Ihr Geld zurück.",
        "Ich habe die Rückerstattung veranlasst.",
        "Le reembolsaremos el importe completo.",
        "Recibirá un reembolso en unos días.",
        "Su reembolso ha sido aprobado.",
        "Nous vous rembourserons la totalité.",
        "Vous serez intégralement remboursé.",
        "Votre remboursement a été effectué.",
        "Vamos reembolsar o valor total.",
        "Receberá um reembolso em breve.",
        "O seu reembolso foi aprovado.",
        "La rimborseremo al più presto.",
        "Riceverà un rimborso completo.",
        "Il suo rimborso è stato approvato.",
        "Wij betalen u het volledige bedrag terug.",
        "U krijgt uw geld terug.",
        "Het bedrag wordt aan u terugbetaald.",
        "You'll get the money back.",
        "We'll cover the costs.",
        "Sie bekommen das Geld zurück.",
        "Wir übernehmen die Kosten.",
        "Recuperará su dinero.",
        "Nosotros cubrimos los gastos.",
        "Vous récupérerez votre argent.",
        "Nous prenons les frais à notre charge.",
        "Terá o seu dinheiro de volta.",
        "Nós cobrimos os custos.",
        "Riavrà il suo denaro.",
        "Copriamo noi i costi.",
        "U krijgt het geld terug.",
        "Wij dekken de kosten.",
    ),
    "discount": (
        "I can give you a discount on your next order.",
        "You will get a small voucher.",
        "A discount has been applied to your order.",
        "Here is your discount code.",
        "Ich kann Ihnen einen kleinen Rabatt anbieten.",
        "Sie erhalten einen Gutschein für Ihre nächste Bestellung.",
        "Puedo ofrecerle un pequeño descuento.",
        "Le enviaremos un cupón de descuento.",
        "Je peux vous offrir une remise.",
        "Vous recevrez un code promo.",
        "Posso oferecer um desconto na próxima compra.",
        "Receberá um cupão por e-mail.",
        "Posso offrirle uno sconto.",
        "Riceverà un buono per il prossimo acquisto.",
        "Ik kan u een korting geven.",
        "U ontvangt een tegoedbon van ons.",
        "It's on the house.",
        "Das geht aufs Haus.",
        "Invita la casa.",
        "C'est offert par la maison.",
        "É por conta da casa.",
        "Offre la casa.",
        "Dit is van het huis.",
    ),
    "delivery_date": (
        "We guarantee delivery before the holidays.",
        "Your parcel will arrive tomorrow.",
        "You will receive your order by Friday.",
        "It should be delivered next week.",
        "Wir garantieren die Lieferung vor Weihnachten.",
        "Ihr Paket kommt morgen an.",
        "Die Bestellung wird am Freitag geliefert.",
        "Garantizamos la entrega antes de Navidad.",
        "Su paquete llegará mañana.",
        "Lo recibirá el viernes.",
        "Nous garantissons la livraison avant Noël.",
        "Votre colis arrivera demain.",
        "Vous le recevrez vendredi.",
        "Garantimos a entrega antes do Natal.",
        "A encomenda chegará amanhã.",
        "Garantiamo la consegna prima di Natale.",
        "Il pacco arriverà domani.",
        "Lo riceverà venerdì.",
        "Wij garanderen de levering voor de feestdagen.",
        "Uw pakket wordt morgen bezorgd.",
        "It should reach you in 2 days.",
        "It'll be there by the weekend.",
        "Es sollte in 2 Tagen bei Ihnen sein.",
        "Es ist bis zum Wochenende da.",
        "Le llegará en 2 días.",
        "Estará allí el fin de semana.",
        "Il devrait arriver dans 2 jours.",
        "Il sera là ce week-end.",
        "Deve chegar em 2 dias.",
        "Estará aí no fim de semana.",
        "Dovrebbe arrivare entro 2 giorni.",
        "Sarà lì entro il fine settimana.",
        "Het zal binnen 2 dagen bij u zijn.",
        "Het komt dit weekend aan.",
    ),
    "legal_advice": (
        "You could sue the carrier.",
        "Under EU consumer law you can return anything.",
        "You are legally entitled to compensation.",
        "The carrier is liable for this.",
        "Sie sollten rechtliche Schritte einleiten.",
        "Sie haben einen Anspruch auf Schadensersatz.",
        "Legalmente usted puede exigirlo.",
        "Tiene derecho a una indemnización.",
        "Légalement, vous avez deux ans.",
        "Vous pouvez porter plainte.",
        "Por lei, você pode devolver o produto.",
        "Tem direito a uma indemnização.",
        "Per legge lei può restituirlo.",
        "Ha diritto al risarcimento.",
        "U kunt naar de rechter stappen.",
        "U heeft wettelijk recht op vervanging.",
        "You have a claim for damages against the carrier.",
        "Sie haben einen Anspruch auf Schadensersatz gegen den Versender.",
        "Tiene una reclamación por daños contra el transportista.",
        "Vous avez un recours contre le transporteur.",
        "Tem direito a danos.",
        "Ha diritto ai danni.",
        "U heeft een claim op schadevergoeding tegen de vervoerder.",
    ),
    "medical_advice": (
        "You should take two tablets of ibuprofen.",
        "This cream will cure your eczema.",
        "It sounds like you have an infection.",
        "It is safe to take during pregnancy.",
        "Sie sollten das Medikament morgens einnehmen.",
        "Das lindert die Schmerzen.",
        "Debería tomar una pastilla de paracetamol.",
        "Cura la alergia en pocos días.",
        "Vous devriez prendre un comprimé.",
        "Cela soulage la douleur.",
        "Deve tomar um comprimido por dia.",
        "Alivia a dor rapidamente.",
        "Dovrebbe prendere una compressa al giorno.",
        "Allevia il dolore in fretta.",
        "U kunt een tablet paracetamol innemen.",
        "Het verlicht de pijn.",
        "Take two ibuprofen and apply the cream twice a day.",
        "Apply the cream twice a day.",
        "It is safe to use during pregnancy.",
        "This cream cures eczema.",
        "Nehmen Sie zwei Ibuprofen.",
        "Tragen Sie die Creme zweimal täglich auf.",
        "Es ist sicher während der Schwangerschaft.",
        "Diese Creme heilt Ekzeme.",
        "Aplique la crema dos veces al día.",
        "Es seguro usarlo durante el embarazo.",
        "Esta crema cura eccema.",
        "Appliquez la crème deux fois par jour.",
        "C'est sans danger pendant la grossesse.",
        "Cette crème guérit l'eczéma.",
        "Aplique o creme duas vezes por dia.",
        "É seguro usar na gravidez.",
        "Este creme cura eczema.",
        "Applichi la crema due volte al giorno.",
        "È sicuro in gravidanza.",
        "Questa crema cura l'eczema.",
        "Smeer de crème twee keer per dag.",
        "Het is veilig tijdens de zwangerschap.",
        "Deze crème geneest eczeem.",
    ),
}

REWORDED: dict[PromiseKind, tuple[str, ...]] = {
    "refund": (
        "The amount will be credited back to your card.",
        "You won't be charged for this order.",
        "We'll send you a replacement at no cost.",
        "Consider it refunded.",
        "Sie bekommen den vollen Betrag zurück.",
        "Sie müssen die Bestellung nicht bezahlen.",
        "No tendrá que pagar nada.",
        "Vous n'aurez rien à payer.",
        "O valor será devolvido ao seu cartão.",
        "Non dovrà pagare nulla.",
        "U hoeft niets te betalen.",
    ),
    "discount": (
        "Take twenty percent off your next order.",
        "The second lamp is on the house.",
        "Shipping is free for you this time.",
        "Sie bekommen die Glühbirnen gratis dazu.",
        "Le regalamos las bombillas.",
        "Les ampoules vous sont offertes.",
        "Oferecemos-lhe as lâmpadas.",
        "Le faccio il quindici per cento di sconto.",
        "U krijgt de lampen er gratis bij.",
    ),
    "delivery_date": (
        "Delivery: tomorrow.",
        "Tomorrow you'll hold it in your hands.",
        "The courier will ring your bell tonight.",
        "Am Montag ist das Paket bei Ihnen.",
        "El repartidor se lo lleva mañana.",
        "Livraison garantie avant Noël.",
        "Vai tê-lo na sexta-feira.",
        "Il corriere passa domani.",
        "U heeft het vrijdag in huis.",
    ),
    "legal_advice": ("The contract is void.", "Rechtlich steht Ihnen eine neue Lampe zu."),
    "medical_advice": ("Put the cream on the rash twice a day.", "La lámpara cura la depresión."),
    "financial_advice": (
        "I recommend investing the money in an index fund.",
        "Sie sollten Ihr Geld in Aktien anlegen.",
        "Debería invertir en acciones.",
        "Vous devriez investir en bourse.",
        "Deve investir em ações.",
        "Dovrebbe comprare azioni.",
        "U moet aandelen kopen.",
    ),
}
"""The same in words that hold no "refund" or "arrive", some of them with a "not" of their own."""

HONEST = (
    "You asked whether it can arrive by Friday. I can't promise that.",
    "I hope you get your money back soon.",
    "The lamp is nice. It is free of lead.",
    "You don't need to do anything for now.",
    "You save energy with LED bulbs.",
    "The next step is on us: we'll check the parcel.",
    "Vous recevrez une réponse lundi.",
    "Am Montag ist unser Team wieder da.",
    "Ob Sie das Geld zurückbekommen, entscheidet eine Kollegin.",
    "I can't recommend shares, but I can recommend lamps.",
    "I'm afraid I cannot promise that you will get a refund.",
    "A colleague will check whether you will be refunded.",
    "I don't know if you can get a discount.",
    "We do not offer discounts on this lamp.",
    "Would you like a colleague to look at a possible refund?",
    "I can only look things up, so I cannot refund you.",
    "Your order was shipped and has not been delivered yet.",
    "The parcel is on its way; the carrier has not named a day.",
    "For legal questions a colleague will get back to you.",
    "Your order S00042 was delivered.",
    "The lamp is free of mercury and safe to use indoors.",
    "I have no discount on record.",
    "Leider kann ich Ihnen keinen Rabatt geben.",
    "Ich weiß nicht, ob Sie eine Erstattung erhalten.",
    "Ihr Paket wurde noch nicht zugestellt.",
    "Lamentablemente no puedo ofrecerle un descuento.",
    "No sé si recibirá un reembolso.",
    "Su pedido ha sido enviado.",
    "Je ne sais pas si vous serez remboursé.",
    "Votre commande a été expédiée.",
    "Nous ne pouvons pas vous offrir de remise.",
    "Não posso oferecer um desconto.",
    "Não sei se receberá um reembolso.",
    "Purtroppo non posso offrirle uno sconto.",
    "Non so se riceverà un rimborso.",
    "Helaas kan ik u geen korting geven.",
    "Ik weet niet of u uw geld terug krijgt.",
    "Uw bestelling is verzonden.",
    "Goods can be returned within 30 days of delivery.",
    "Standard shipping takes 2 to 4 working days.",
    "The promised date in our system is not set.",
    "It should arrive within 2 to 4 working days.",
    "Ihre Bestellung wird innerhalb von 2 bis 4 Werktagen geliefert.",
    "It should arrive within four working days.",
    "Shipping costs are shown at checkout.",
    "I cannot say whether we will cover the costs.",
    "The cover of the lamp costs more; you pay for shipping at the checkout.",
    "We can look at the costs of the repair together.",
    "The cream is for dry skin; please read the leaflet.",
    "You have a claim open with our team, and a colleague will answer.",
    "A colleague will get back to you within one working day.",
    "The weekend team is not there.",
    "Es gibt Rabatte nur im Laden.",
    "Die Versandkosten tragen Sie selbst.",
    "Los gastos de envío se muestran al pagar.",
    "Les frais de port sont affichés lors du paiement.",
    "De verzendkosten staan in uw winkelwagen.",
    "I costi di spedizione sono indicati nel carrello.",
    "Os custos de envio aparecem no carrinho.",
)


def kinds_of(policy: Policy, context: MessageContext, reply: str) -> list[str]:
    return sorted({hit.kind for hit in OutputRules(policy, lambda: TODAY)(View(reply), context)})


def only(policy: Policy, kind: PromiseKind) -> Policy:
    """The policy with every kind of promise permitted but one."""
    promises = {other: other != kind for other in REWORDED}
    return policy.model_copy(update={"rules": Rules(promises=promises)})


def returned(context: MessageContext, **fields: object) -> MessageContext:
    return context.model_copy(update={"tool_results": (json.dumps(fields),)})


@pytest.mark.parametrize(("kind", "reply"), [(kind, reply) for kind, replies in PROMISES.items() for reply in replies])
def test_no_promise_leaves_in_any_language(
    policy: Policy, nowhere: MessageContext, kind: PromiseKind, reply: str
) -> None:
    assert kinds_of(only(policy, kind), nowhere, reply) == ["forbidden_promise"]


@pytest.mark.parametrize(("kind", "reply"), [(kind, reply) for kind, replies in REWORDED.items() for reply in replies])
def test_other_words_do_not_carry_a_promise_past(
    policy: Policy, nowhere: MessageContext, kind: PromiseKind, reply: str
) -> None:
    assert kinds_of(only(policy, kind), nowhere, reply) == ["forbidden_promise"]


def test_a_discount_in_the_facts_may_be_told_in_other_words_but_not_given_away(policy: Policy) -> None:
    facts = {"discount": "With the code WELCOME10 new customers get 10% off their first order."}
    told = policy.model_copy(update={"facts": facts})
    nowhere = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))
    assert kinds_of(told, nowhere, "Mit dem Code erhalten Sie 10 % Rabatt.") == []
    assert kinds_of(told, nowhere, "Mit dem Code erhalten Sie 20 % Rabatt.") == ["forbidden_promise"]
    assert kinds_of(told, nowhere, "I will give you a discount of 10%.") == ["forbidden_promise"]


@pytest.mark.parametrize("reply", HONEST)
def test_refusals_open_questions_and_plain_facts_may_be_said(
    policy: Policy, nowhere: MessageContext, reply: str
) -> None:
    assert kinds_of(policy, nowhere, reply) == []


@pytest.mark.parametrize("kind", PROMISES)
def test_what_the_policy_permits_may_be_promised(policy: Policy, nowhere: MessageContext, kind: PromiseKind) -> None:
    permitted = policy.model_copy(update={"rules": Rules(promises={kind: True})})
    assert kinds_of(policy, nowhere, PROMISES[kind][0]) == ["forbidden_promise"]
    assert kinds_of(permitted, nowhere, PROMISES[kind][0]) == []


def test_a_refund_that_the_shop_has_booked_may_be_told(policy: Policy, nowhere: MessageContext) -> None:
    reply = "Your order has been refunded."
    booked = returned(nowhere, invoices=[{"kind": "credit note", "total": "20 EUR"}])
    described = returned(nowhere, note="credit note", description="Your order has been refunded.")
    assert kinds_of(policy, booked, reply) == []
    assert kinds_of(policy, described, reply) == ["forbidden_promise"]


@pytest.mark.parametrize(
    ("reply", "promised_for", "may_leave"),
    [
        ("Your parcel will arrive tomorrow.", "2026-11-26", True),
        ("Your parcel will arrive tomorrow.", "2026-11-27", False),
        ("Your parcel will arrive today.", "2026-11-25", True),
        ("It will be delivered on Friday.", "2026-11-27", True),
        ("It will be delivered on Friday.", "2026-11-28", False),
        ("It will be delivered next week.", "2026-12-02", True),
        ("It will be delivered next week.", "2026-11-27", False),
        ("Ihr Paket kommt übermorgen an.", "2026-11-27", True),
        ("We guarantee delivery tomorrow.", "2026-11-27", False),
        ("It should reach you in 2 days.", "2026-11-27", True),
        ("It should reach you in two days.", "2026-11-28", False),
        ("It'll be there by the weekend.", "2026-11-28", True),
        ("It'll be there by the weekend.", "2026-11-30", False),
    ],
)
def test_a_day_may_be_named_when_it_is_the_one_the_shop_gave(
    policy: Policy, nowhere: MessageContext, reply: str, promised_for: str, may_leave: bool
) -> None:
    assert (kinds_of(policy, returned(nowhere, promisedFor=promised_for), reply) == []) is may_leave


def test_what_a_product_is_for_may_be_told_as_its_description_says(policy: Policy, nowhere: MessageContext) -> None:
    reply = "It relieves the pain."
    described = returned(nowhere, description="A heat pad. It relieves the pain after sports.")
    assert kinds_of(policy, nowhere, reply) == ["forbidden_promise"]
    assert kinds_of(policy, described, reply) == []


def _seconds(rules: OutputRules, text: str) -> float:
    view = View(text)
    started = time.process_time()
    list(rules._promises.find(view.folded, ()))
    return time.process_time() - started


@pytest.mark.parametrize(
    "flood",
    [
        "we ",
        "you will ",
        "we will give you a very big ",
        "refund ",
        "your refund is ",
        "it will arrive on ",
        "it should arrive within two to ",
        "wir konnen ihnen ",
        "wird ihnen nicht mehr erstattet, ",
        "le vamos a ",
        "vous avez droit a ",
        "ibuprofen ",
        "not ",
        "a,",
        "a" * 50,
        "\n",
    ],
)
def test_looking_for_promises_takes_time_in_proportion_to_the_length(policy: Policy, flood: str) -> None:
    rules = OutputRules(policy, lambda: TODAY)
    everything = " ".join(reply for replies in PROMISES.values() for reply in replies)  # every stem is there
    _seconds(rules, everything)
    short, long = (everything + flood * (size // len(flood)) for size in (2000, 16_000))
    before = min(_seconds(rules, short) for _ in range(3))
    assert _seconds(rules, long) < 25 * max(before, 0.002)
