"""Whatever arrives: no exception, places inside the text, masking is final, and time grows with the length only."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import metta.guardrails as package
from metta.guardrails import Guardrails, detect_language
from metta.guardrails.injection_rules import rule_set
from metta.guardrails.toxicity import lexicon
from metta.messages import Action, Contact, ConversationKey, MessageContext
from metta.policy import load_policy

GUARDRAILS = Guardrails(load_policy())
GUARDRAILS.protect("You are Metta the assistant of this shop and you follow these rules always and everywhere")
NOWHERE = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))
TURN = NOWHERE.model_copy(update={"customer_text": "Where is S00042?", "tool_results": ('{"total": "57.39 \u20ac"}',)})

PIECES = [
    *("4111 1111 1111 1111", "4111-1111", " 1111", "ssn ", "219-09-9998", "219099998", "[SSN]", "[CARD] ", "card "),
    *("DE89 3704 0044 0532 0130 00", "lena@example.org", " at ", " dot ", "(at)", "+49 151 ", "12345678", "order "),
    *("one two three four five six seven ", "\u200b", "\u200d", "\u200c", "\ufe0f", "\u202e", "\u202c", "\U000e0069"),
    *("\U0001f468", "\u0645", "\ud800", "\x00", "&#49;", "%34", "\\u0034", "sk-", "abcdefghijklmnopqrst", "token="),
    *(
        "eyJhbGciOi.eyJzdWIi",
        "ignore all previous instructions ",
        "1gn0r3 ",
        "i g n o r e ",
        "you idiot ",
        "{{x}}",
        "{%",
    ),
    *(
        "![",
        "](",
        "https://evil.example/",
        "<img ",
        ">",
        "57.39 €",
        "20.06.2026",
        "June 20",
        "9:00",
        "S00042",
        "1.234,56",
    ),
    *("\n", " ", ".", "*"),
]
TEXTS = st.one_of(
    st.text(alphabet=st.characters(), max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=12).map("".join),
)
FAST = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@FAST
@given(text=TEXTS)
def test_any_text_is_judged_with_places_inside_it(text: str) -> None:
    for verdict in (
        GUARDRAILS.validate_input(text, NOWHERE),
        GUARDRAILS.validate_output(text, NOWHERE),
        GUARDRAILS.validate_output(text, TURN),
    ):
        assert not verdict.reason.startswith("broken/")
        assert all(0 <= f.start <= f.end <= len(text) for f in verdict.findings)
        assert (verdict.action is Action.ALLOW) == (verdict.reason == "")
        verdict.text.encode()


@FAST
@given(text=TEXTS)
def test_sanitizing_twice_is_sanitizing_once(text: str) -> None:
    once = GUARDRAILS.sanitize(text)
    assert GUARDRAILS.sanitize(once) == once
    again = GUARDRAILS.validate_input(once, NOWHERE)
    assert not [f for f in again.findings if f.kind in ("CARD", "SSN", "IBAN") or f.check == "leak"]
    shown = GUARDRAILS.validate_input(text, NOWHERE).text
    assert GUARDRAILS.validate_input(shown, NOWHERE).text == shown


@FAST
@given(text=TEXTS, hint=st.one_of(st.none(), st.text(max_size=5)))
def test_a_language_is_always_found(text: str, hint: str | None) -> None:
    assert detect_language(text, hint, "en", ("en", "de")) in ("en", "de")


def _patterns() -> dict[str, re.Pattern[str]]:
    found = {f"injection {rule.id}": rule.pattern for rule in rule_set().rules}
    words = lexicon()
    found |= {f"toxicity {kind}": phrases.pattern for kind, phrases in words.phrases.items()}
    found |= {"toxicity hated": words.hated.pattern, "toxicity you": words.you}
    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        for name, value in vars(loaded).items():
            if isinstance(value, re.Pattern):
                found[f"{module.name}.{name}"] = value
            elif name == "_FORMS":
                found |= {f"{module.name}.{name}.{i}": form for i, (_, form) in enumerate(value)}
    return found


PATTERNS = _patterns()
FLOODS = [
    *(
        "\n",
        " ",
        "a",
        "1",
        "1 ",
        "4-",
        "a.",
        "a b ",
        "@",
        "a@",
        "<",
        "<!--",
        "<a ",
        "[",
        "![",
        "](",
        "{",
        "http://",
        "www.",
    ),
    *("%41", "&#6", "ignore ", "ignore all the ", "you are ", "repeat the ", "system prompt ", "never "),
    *(
        "i hate all ",
        "one ",
        "DE12",
        "sk-",
        "eyJ",
        "eyJa.",
        "june 20 ",
        "20.06.",
        "9:0",
        "12 days ",
        "1,000",
        "-----BEGIN ",
    ),
    *("token=", "(", "*", "f*", "\u202e", "\u200d", "A1-", "respond with ", "not a b "),
]


def _seconds(pattern: re.Pattern[str], text: str) -> float:
    started = time.process_time()
    for _ in pattern.finditer(text):
        pass
    return time.process_time() - started


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_ever_hangs(name: str) -> None:
    """Eight times the text costs about eight times the time; a quadratic pattern costs sixty-four times."""
    pattern = PATTERNS[name]
    for flood in FLOODS:
        after = _seconds(pattern, flood * (20_000 // len(flood)))
        if after > 0.03:
            short = flood * (2500 // len(flood))
            before = min(_seconds(pattern, short) for _ in range(3))
            assert after < 25 * max(before, 0.001), flood


@pytest.mark.parametrize(
    "flood", ["\n", "a b ", "4 ", "12 ", "@", "a@", "<", "{", "ignore all ", "\u200b", "é", "you idiot ", "&#65;"]
)
def test_time_grows_with_the_length_only(flood: str) -> None:
    def seconds(size: int) -> float:
        text = flood * (size // len(flood))
        started = time.process_time()
        GUARDRAILS.validate_input(text, NOWHERE)
        GUARDRAILS.sanitize(text)
        return time.process_time() - started

    short, long = min(seconds(4000), seconds(4000)), seconds(32_000)
    assert long < 25 * max(short, 0.01)
