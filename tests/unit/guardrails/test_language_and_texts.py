"""Customers are answered in their language, and every fixed text is fit to be sent."""

from __future__ import annotations

import pytest

from metta.guardrails import FixedText, Guardrails, detect_language, fixed_text
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


def test_a_language_without_texts_gets_english() -> None:
    assert fixed_text(FixedText.BLOCKED, "xx") == fixed_text(FixedText.BLOCKED, "en")
    assert fixed_text(FixedText.BLOCKED, "de-AT") == fixed_text(FixedText.BLOCKED, "de")
