"""Other tools beside Metta on the same rows in the same run, where they are installed (the extra ``peers``)."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metta_local.bench.guardrails_judge import Look, Seen
from metta_local.bench.guardrails_stats import Span

_SPACY_MODELS = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm")


@dataclass(frozen=True)
class Peer:
    """A tool and the check that it is a rival of."""

    name: str
    check: str
    """pii, injection or toxicity."""
    look: Look


class _AbsentError(Exception):
    """A part of a tool is not installed; the text names it."""


def peers() -> tuple[list[Peer], list[str]]:
    """Those that are installed and start, and a line for each other one that says why it is left out."""
    found: list[Peer] = []
    skipped: list[str] = []
    for name, (check, build) in _BUILDERS.items():
        try:
            found.append(Peer(name + _variant(name), check, build()))
        except (ImportError, _AbsentError) as error:
            skipped.append(f"{name}: left out, {str(error) or 'not installed'}")
        except Exception as error:  # noqa: BLE001 - a tool of others that breaks at its start must not end the run
            skipped.append(f"{name}: left out, it does not start ({type(error).__name__}: {error})")
    return found, skipped


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise _AbsentError(f"{error.name or name} is not installed") from None


def _variant(name: str) -> str:
    """What else is installed decides which of its two selves forcefield is, and they differ widely."""
    if name != "forcefield":
        return ""
    return " with its model" if _import("forcefield.ml").is_available() else " by rules only"


def _depii() -> Look:
    depii = _import("depii")
    types = {"EMAIL": "EMAIL", "PHONE": "PHONE", "US_SSN": "SSN", "CREDIT_CARD": "CARD", "IBAN": "IBAN"}

    def look(text: str) -> Seen:
        found = depii.scan(text)
        return Seen(pii=tuple(Span(s.start, s.end, types[s.entity]) for s in found if s.entity in types))

    return look


def _scrubadub() -> Look:
    scrubber = _import("scrubadub").Scrubber()
    types = {"email": "EMAIL", "phone": "PHONE", "social_security_number": "SSN", "credit_card": "CARD"}

    def look(text: str) -> Seen:
        found = scrubber.iter_filth(text)
        return Seen(pii=tuple(Span(f.beg, f.end, types[f.type]) for f in found if f.type in types))

    return look


def _presidio() -> Look:
    analyzer = _import("presidio_analyzer")
    model = next((name for name in _SPACY_MODELS if importlib.util.find_spec(name)), None)
    if model is None:
        raise _AbsentError(f"none of the spaCy models {', '.join(_SPACY_MODELS)} is installed")
    configuration = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
    engine = (
        importlib.import_module("presidio_analyzer.nlp_engine")
        .NlpEngineProvider(nlp_configuration=configuration)
        .create_engine()
    )
    built = analyzer.AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    types = {
        "EMAIL_ADDRESS": "EMAIL",
        "PHONE_NUMBER": "PHONE",
        "US_SSN": "SSN",
        "CREDIT_CARD": "CARD",
        "IBAN_CODE": "IBAN",
    }

    def look(text: str) -> Seen:
        found = built.analyze(text=text, language="en", entities=list(types))
        return Seen(pii=tuple(Span(r.start, r.end, types[r.entity_type]) for r in found))

    return look


def _forcefield() -> Look:
    # at its defaults but for one: it would report counts of what it judged to its makers
    guard = _import("forcefield").Guard(telemetry=False)

    def look(text: str) -> Seen:
        return Seen(injection=bool(guard.scan(text).blocked))

    return look


def _alt_profanity_check() -> Look:
    predict = _import("profanity_check").predict

    def look(text: str) -> Seen:
        toxic = bool(predict([text])[0])
        return Seen(toxic=toxic, stopped=toxic)

    return look


def _better_profanity() -> Look:
    profanity = _import("better_profanity").profanity

    def look(text: str) -> Seen:
        toxic = bool(profanity.contains_profanity(text))
        return Seen(toxic=toxic, stopped=toxic)

    return look


_BUILDERS: dict[str, tuple[str, Callable[[], Look]]] = {
    "presidio": ("pii", _presidio),
    "depii": ("pii", _depii),
    "scrubadub": ("pii", _scrubadub),
    "forcefield": ("injection", _forcefield),
    "alt-profanity-check": ("toxicity", _alt_profanity_check),
    "better-profanity": ("toxicity", _better_profanity),
}
"""Name -> the check it rivals, and how it is started at its defaults."""
