"""The hand-off note has words, in every language, for every reason that the code can give."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

import metta
from metta.ai.tools import HANDOFF_TOOL, SPECS
from metta.errors import HandOff
from metta.guardrails import detect_language
from metta.guardrails.lists import read_data
from metta.guardrails.note_texts import note_words
from metta.policy import PiiKind, Policy, TeamLanguage, ToxicityKind, load_policy

SOURCE = Path(metta.__file__).parent
FUNCTIONS = Path(__file__).parents[2] / "functions"
LANGUAGES: tuple[TeamLanguage, ...] = get_args(TeamLanguage)
CONTENT: dict[str, Any] = read_data("handoff_note.yaml")
ENTRIES = [(section, name) for section in ("why", "detail", "words") for name in CONTENT[section]]

ELSEWHERE = {
    "error.reason": "the class attribute of a HandOff, or what it was made with",
    "give_up": "what the queue room's functions named give_up return",
    "reason": "a parameter; its callers are looked at",
    "verdict.reason.removeprefix('rules/').replace('/', ':')": "verdict_reasons()",
    "f'output_blocked:{checked.reason}'": "verdict_reasons()",
}
"""Reasons that no literal gives, and where this test finds them instead."""

CHECKS = ("pii", "leak", "injection", "toxicity", "rules")


def rules_of(side: str) -> set[str]:
    """The kinds of hits of the business rules for one side, as the guardrails' source names them."""
    found = set()
    for path in (SOURCE / "guardrails").glob("*.py"):
        for room in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(room, ast.ClassDef) and room.name.startswith("Input") is (side == "input"):
                calls = [node for node in ast.walk(room) if isinstance(node, ast.Call) and len(node.args) > 1]
                pairs = [call.args[:2] for call in calls if ast.unparse(call.func) == "Hit"]
                texts = [[one.value for one in pair if isinstance(one, ast.Constant)] for pair in pairs]
                found |= {str(pair[1]) for pair in texts if len(pair) == 2 and pair[0] == "rules"}
    return found


@cache
def verdicts(side: str) -> list[str]:
    """What a verdict's reason can be, as ``check/kind``."""
    kinds = {"pii": get_args(PiiKind), "toxicity": get_args(ToxicityKind), "rules": sorted(rules_of(side))}
    return [
        *(f"{check}/{kind}" for check in CHECKS for kind in kinds.get(check, ("of_a_kind",))),
        *(f"broken/{check}" for check in ("normalise", "redaction", *CHECKS)),
        *(["rules/nothing_left"] if side == "output" else []),
    ]


def subclasses(kind: type) -> Iterator[type]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


ERRORS = {"HandOff": HandOff, **{kind.__name__: kind for kind in subclasses(HandOff)}}


def constants_of(path: Path, tree: ast.Module) -> dict[str, str]:
    """The module's names for texts, those it imports included."""
    if path.is_relative_to(SOURCE):
        name = ".".join(("metta", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
        return {name: value for name, value in vars(importlib.import_module(name)).items() if isinstance(value, str)}
    assigned = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)]
    return {ast.unparse(node.targets[0]): node.value.value for node in assigned if isinstance(node.value.value, str)}


def reasons_in(tree: ast.Module, constants: dict[str, str]) -> Iterator[str | ast.expr]:
    """Every reason with which the code of a module hands a conversation over."""

    def texts_of(node: ast.expr) -> list[str | ast.expr]:
        """The texts that an expression can be; what is none is given as it stands."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return [node.value]
        if isinstance(node, ast.Name) and node.id.isupper() and node.id in constants:
            return [constants[node.id]]
        if isinstance(node, ast.IfExp):
            return texts_of(node.body) + texts_of(node.orelse)
        return [node]

    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            outcome = given.get("outcome")
            handed = outcome is not None and ast.unparse(outcome).endswith("HANDED_OFF")
            if "reason" in given and (called in ERRORS or "hand_over" in called or handed):
                yield from texts_of(given["reason"])
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            values = [ast.unparse(value) for value in node.value.elts]
            if "Outcome.HANDED_OFF" in values:
                yield from texts_of(node.value.elts[values.index("Outcome.HANDED_OFF") + 1])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "give_up" in node.name:
            returned = [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value is not None]
            yield from (text for value in returned for text in texts_of(value) if not is_none(text))


def is_none(found: str | ast.expr) -> bool:
    return isinstance(found, ast.Constant) and found.value is None


@cache
def found_in_source() -> tuple[set[str], set[str]]:
    """The reasons, and the expressions that are none."""
    reasons, others = {str(kind.__dict__["reason"]) for kind in ERRORS.values() if "reason" in kind.__dict__}, set()
    for path in (*SOURCE.rglob("*.py"), *FUNCTIONS.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for found in reasons_in(tree, constants_of(path, tree)):
            if isinstance(found, str):
                reasons.add(found)
            else:
                others.add(ast.unparse(found))
    return reasons, others


def verdict_reasons() -> list[str]:
    handed_over = [verdict.removeprefix("rules/").replace("/", ":") for verdict in verdicts("input")]
    return handed_over + [f"output_blocked:{verdict}" for verdict in verdicts("output")]


def test_the_reasons_are_found_where_the_code_gives_them() -> None:
    reasons, others = found_in_source()
    assert {"attempts_exhausted", "model_request", "output_blocked:empty", "cannot_reply", "delivery_failed"} <= reasons
    assert {"requested", "model_refused", "too_many_order_misses", "delivery_unknown"} <= reasons
    assert {"human_request", "forbidden_topic"} == rules_of("input")
    stopped = {"forbidden_promise", "competitor", "unsupported_claim", "other_language", "too_long", "impersonation"}
    assert stopped == rules_of("output")
    unknown = others - set(ELSEWHERE)
    assert not unknown, f"say in ELSEWHERE where this reason's words come from: {unknown}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_is_said_in_words(language: TeamLanguage) -> None:
    words = note_words(language)
    reasons, _ = found_in_source()
    for reason in (*sorted(reasons), *verdict_reasons()):
        said = words.reason(reason)
        assert words.words["unknown_reason"] not in said, reason
        only_code_names_it = reason.endswith("of_a_kind") or reason.startswith("broken:")
        assert "`" not in said or only_code_names_it, f"{reason} has no words for its detail: {said}"


def test_a_reason_from_a_later_version_is_still_a_sentence_and_inert() -> None:
    said = note_words("de").reason("brand_new:`[x](mention://user/1/x)`\n# heading")
    assert said.startswith("der Assistent kommt nicht weiter (`brand_new:")
    assert "\n" not in said
    assert said.count("`") == 2
    assert "mention://user/1" in said
    assert "(mention" not in said
    assert len(note_words("de").reason("x" * 5000)) < 150


@pytest.mark.parametrize(("section", "name"), ENTRIES)
def test_each_entry_has_each_language_and_no_two_are_the_same_text(section: str, name: str) -> None:
    texts = CONTENT[section][name]
    assert set(texts) == set(LANGUAGES) == set(Policy().languages)
    assert all(text.strip() == text and text for text in texts.values())
    assert len({text.casefold() for text in texts.values()}) == len(LANGUAGES), texts
    fields = {tuple(sorted(re.findall(r"\{(\w+)\}", text))) for text in texts.values()}
    assert len(fields) == 1, "a language lacks a field"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_texts_are_in_the_language_they_are_filed_under(language: TeamLanguage) -> None:
    texts = [entry[language] for section in ("why", "detail", "words") for entry in CONTENT[section].values()]
    sentences = [text for text in texts if len(text.split()) > 4]
    labels = [text for text in texts if len(text.split()) <= 4]
    assert len(sentences) > 30
    groups = len(sentences) // 5
    for together in (*(". ".join(sentences[n::groups]) for n in range(groups)), ". ".join(labels)):
        assert detect_language(together, None, "xx", LANGUAGES) == language, together


def test_each_tool_that_looks_something_up_has_a_name() -> None:
    named = {name.removeprefix("tool_") for name in CONTENT["words"] if name.startswith("tool_")}
    assert named == set(SPECS) - {HANDOFF_TOOL}


def test_the_teams_language_is_the_default_one_unless_it_is_set(tmp_path: Path) -> None:
    def policy(content: str) -> Policy:
        path = tmp_path / "policy.yaml"
        path.write_text(content, encoding="utf-8")
        return load_policy(str(path))

    assert load_policy().note_language == "en"
    assert policy("default_language: de-AT").note_language == "de"
    assert policy("default_language: sv").note_language == "en"
    assert policy("{default_language: de, team_language: fr}").note_language == "fr"
    with pytest.raises(Exception, match="team_language"):
        policy("team_language: sv")
