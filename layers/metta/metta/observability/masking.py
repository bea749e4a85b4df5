"""What no log line may show: addresses, phone, card, bank and social security numbers of people, and our own secrets.

A cheap form of the guardrails' PII checks, light enough for each line of the smallest function: plain forms only, and
rather a number too many than one too few. Linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

LEAST_SECRET = 8
"""A shorter value (a password of a test database) is a word that lines use for something else, too."""
LONGEST_CARD = 19
MOST_CHARS = 8000
"""Longer values are cut: no line needs them, and CloudWatch bills them."""

_EMAIL = re.compile(r"[^\s@<>\"'(),:;=\[\]{}]{1,64}@[^\s@<>\"'(),:;=\[\]{}/]{1,190}\.[^\W\d_]{2,24}")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,40}(?!\w)")
_SSN = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
_PHONE = re.compile(
    r"(?<![\w.:-])(?:(?:\+|00)\d(?:[ ./()-]{0,2}\d){6,14}"  # international
    r"|0\d{1,4}(?:[ /()-]{1,2}\d{2,}){1,5}|0\d{8,13}"  # national, with a trunk zero
    r"|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})(?![\w:-])"  # North America
)
_BEARER = re.compile(r"\b(?:sk-[\w-]{16,}|Bearer +[\w.~+/-]{8,}=*|AKIA[A-Z0-9]{16})")


class Mask:
    """Masks texts and whatever holds texts.

    Args:
        secrets: values that must not show wherever they stand; of a URL its password, too.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        values = {part for secret in secrets for part in (secret, *_password(secret)) if len(part) >= LEAST_SECRET}
        self._secrets = sorted(values, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text with ``[EMAIL]``, ``[PHONE]``, ``[CARD]``, ``[IBAN]``, ``[SSN]``, ``[SECRET]`` in their places."""
        if len(text) > MOST_CHARS:
            text = text[:MOST_CHARS] + "..."
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "[SECRET]")
        text = _BEARER.sub("[SECRET]", text)
        if "@" in text:
            text = _EMAIL.sub("[EMAIL]", text)
        if any(character.isdigit() for character in text):
            text = _IBAN.sub(lambda found: "[IBAN]" if _is_iban(found[0]) else found[0], text)
            text = _CARD.sub(lambda found: "[CARD]" if _holds_card(found[0]) else found[0], text)
            text = _SSN.sub("[SSN]", text)
            text = _PHONE.sub("[PHONE]", text)
        return text

    def value(self, value: object) -> object:
        """The value with its texts masked, keys of mappings included; numbers, truths and None stay as they are."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(inner) for inner in value]
        return self.text(str(value))


def _password(secret: str) -> tuple[str, ...]:
    try:
        password = urlsplit(secret).password
    except ValueError:
        return ()
    return (password, unquote(password)) if password else ()


def _is_iban(text: str) -> bool:
    bare = text.replace(" ", "")
    return int("".join(str(int(sign, 36)) for sign in bare[4:] + bare[:4])) % 97 == 1


def _holds_card(text: str) -> bool:
    """Whether it is a card number, or so long that it may hold one beside another number."""
    digits = [int(character) for character in text if character.isdigit()]
    if len(digits) > LONGEST_CARD:
        return True
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
