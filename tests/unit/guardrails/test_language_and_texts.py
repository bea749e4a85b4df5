"""Customers are answered in their language, and every fixed text is fit to be sent."""

from __future__ import annotations

import re

import pytest

from metta.guardrails import FixedText, Guardrails, detect_language, fixed_text
from metta.guardrails.chars import fold
from metta.guardrails.language import surely_other
from metta.messages import Action, MessageContext
from metta.policy import Policy

ALL = ("en", "es", "fr", "de", "pt", "it", "nl")


@pytest.mark.parametrize(
    ("text", "hint", "language"),
    [
        ("Where is my order?", None, "en"),
        ("Where is my order?", "de", "en"),
        ("¿Dónde está mi pedido?", "en", "es"),
        ("Où est ma commande ?", "en", "fr"),
        ("Wo ist mein Paket?", "en", "de"),
        ("Onde está a minha encomenda?", None, "pt"),
        ("Dov'è il mio ordine?", None, "it"),
        ("Waar blijft mijn bestelling?", None, "nl"),
        ("Hola, quisiera devolver la lámpara que llegó rota", None, "es"),
        ("Ich möchte bitte mit einem Menschen sprechen", None, "de"),
        ("I have a problem with my order, can you help me?", "es", "en"),
        ("S00042", "fr-FR", "fr"),
        ("S00042", "pt_BR", "pt"),
        ("S00042", None, "en"),
        ("", None, "en"),
        ("ok", "de", "de"),
        ("S00042", "ja", "en"),
        ("注文はどこですか", "de", "de"),
    ],
)
def test_the_language_is_the_customers(text: str, hint: str | None, language: str) -> None:
    assert detect_language(text, hint, "en", ALL) == language


def test_only_allowed_languages_are_chosen() -> None:
    assert detect_language("Wo ist mein Paket?", "de", "en", ("en", "fr")) == "en"
    assert detect_language("Где мой заказ?", None, "en", ("en", "ru")) == "ru"


@pytest.mark.parametrize("kind", FixedText)
@pytest.mark.parametrize("language", ALL)
def test_a_fixed_text_is_fit_to_be_sent(
    policy: Policy, guardrails: Guardrails, turn: MessageContext, kind: FixedText, language: str
) -> None:
    text = fixed_text(kind, language)
    verdict = guardrails.validate_output(text, turn)
    assert (verdict.action, verdict.text) == (Action.ALLOW, text)
    assert detect_language(text, None, "en", ALL) == language
    assert not any(char.isdigit() for char in text)


TELLING = (
    "rule|policy|guardrail|filter|toxic|abus|insult|offens|inject|attack|prompt|security|block|detect|forbidden|threat|hate|"
    "regel|richtlinie|angriff|beleidig|verboten|regla|politica|ataque|insulto|prohib|regle|politique|attaque|insulte|interdit|"
    "regra|proibid|regola|attacco|vietat|beleid|aanval|beledig"
)


@pytest.mark.parametrize("kind", FixedText)
def test_no_text_tells_which_rule_fired(kind: FixedText) -> None:
    for language in ALL:
        assert not re.search(TELLING, fold(fixed_text(kind, language))), language


@pytest.mark.parametrize(
    ("reply", "expected", "other"),
    [
        ("Wir haben die Lampe noch auf Lager und sie kostet nicht viel, aber der Versand ist nicht dabei.", "en", True),
        (
            "Wir haben die Lampe noch auf Lager und sie kostet nicht viel, aber der Versand ist nicht dabei.",
            "de",
            False,
        ),
        ("We have the lamp in stock and it is not expensive, but the shipping is not included.", "es", True),
        ("Your order: Aurora Schreibtischlampe, Die Lampe für das Bad, Der Stuhl.", "en", False),
        ("Ja, gerne.", "en", False),
        ("Tenemos la lámpara y los cables, pero el envío no está incluido y no sabemos cuándo llega.", "en", True),
        ("Ваш заказ отправлен и скоро будет у вас, спасибо за терпение.", "en", True),
        ("Ваш заказ отправлен и скоро будет у вас, спасибо за терпение.", "ru", False),
        ("ご注文の商品は発送されましたのでもうしばらくお待ちください。", "ja", False),
        ("We have the lamp in stock and it is not expensive, but the shipping is not included.", "cs", False),
    ],
)
def test_a_reply_in_another_language_is_known_when_there_is_no_doubt(reply: str, expected: str, other: bool) -> None:
    assert surely_other(reply, expected) is other


def test_a_language_without_texts_gets_english() -> None:
    assert fixed_text(FixedText.BLOCKED, "xx") == fixed_text(FixedText.BLOCKED, "en")
    assert fixed_text(FixedText.BLOCKED, "de-AT") == fixed_text(FixedText.BLOCKED, "de")
