"""Reading a folder of labelled rows: which question a row belongs to, and what is said of a row that is none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from metta_local.bench.guardrails_kinds import direct, honest, lookalike, sample, swearing
from metta_local.bench.guardrails_rows import HELD_OUT, Row, Section, read_rows
from metta_local.bench.guardrails_stats import Span
from metta_local.console import CommandError

GOOD: dict[str, Any] = {"id": "a:1", "text": "hello you", "label": 0, "source": "s", "lang": "en", "kind": "k"}


def written(folder: Path, name: str, *rows: dict[str, Any] | str) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_row_keeps_what_the_file_says(tmp_path: Path) -> None:
    spans = [{"start": 0, "end": 5, "type": "EMAIL"}]
    [row] = read_rows(written(tmp_path, "pii_test.jsonl", GOOD | {"label": 1, "spans": spans, "more": 1}))
    assert row == Row("a:1", "hello you", 1, "s", "en", "k", Section.PII, (Span(0, 5, "EMAIL"),))


@pytest.mark.parametrize(
    ("file", "change", "section"),
    [
        ("injection_heldout.jsonl", {"label": 1}, Section.INJECTION),
        ("benign_x.jsonl", {}, Section.BENIGN),
        ("toxicity_test.jsonl", {}, Section.TOXICITY),
        ("toxicity_multilingual_test.jsonl", {}, Section.TOXICITY_MULTILINGUAL),
        ("pii.jsonl", {}, Section.PII),
        ("test-injection.jsonl", {}, Section.INJECTION),
        ("rows.jsonl", {"spans": []}, Section.PII),
        ("rows.jsonl", {"kind": "jailbreak", "label": 1}, Section.INJECTION),
        ("rows.jsonl", {"kind": "to_bot", "label": 1}, Section.TOXICITY),
        ("rows.jsonl", {}, Section.BENIGN),
    ],
)
def test_a_row_is_sorted_by_what_it_holds_and_by_its_file(
    tmp_path: Path, file: str, change: dict[str, Any], section: Section
) -> None:
    [row] = read_rows(written(tmp_path, file, GOOD | change))
    assert row.section is section


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "benign.jsonl, line 2: not JSON (column 2)"),
        ("[]", "benign.jsonl, line 2: not a JSON object"),
        (GOOD | {"text": 5}, "benign.jsonl, line 2: text: must be text"),
        ({k: v for k, v in GOOD.items() if k != "source"}, "benign.jsonl, line 2: source: missing"),
        (GOOD | {"label": 2}, "benign.jsonl, line 2: label: must be 0 or 1"),
        (GOOD | {"label": True}, "benign.jsonl, line 2: label: must be 0 or 1"),
        (GOOD | {"spans": {}}, "benign.jsonl, line 2: spans: must be a list"),
        (GOOD | {"spans": [{"start": 0, "end": 1}]}, "benign.jsonl, line 2: spans: each must have"),
        (GOOD | {"spans": [{"start": 3, "end": 99, "type": "SSN"}]}, "line 2: spans: 3 to 99 is no place"),
    ],
)
def test_a_malformed_row_is_named_with_file_line_and_field(tmp_path: Path, row: Any, said: str) -> None:
    with pytest.raises(CommandError) as error:
        read_rows(written(tmp_path, "benign.jsonl", GOOD, row))
    assert said in str(error.value)


def test_a_toxic_or_attacking_row_of_an_unknown_kind_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"rows.jsonl, line 1: kind: 'k'"):
        read_rows(written(tmp_path, "rows.jsonl", GOOD | {"label": 1}))


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "benign.jsonl").write_bytes(b'{"id": "\xff"}\n')
    with pytest.raises(CommandError, match=r"benign.jsonl, line 1: not UTF-8"):
        read_rows(tmp_path)


def test_a_folder_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no such folder"):
        read_rows(tmp_path / "none")
    with pytest.raises(CommandError, match=r"no \*.jsonl file"):
        read_rows(tmp_path)


def row(text: str, section: Section, *, label: int = 0, kind: str = "k", source: str = "s", lang: str = "en") -> Row:
    return Row(text, text, label, source, lang, kind, section)


def test_an_honest_row_with_trigger_words_is_a_lookalike_and_no_ordinary_message() -> None:
    rows = [
        row("a", Section.BENIGN, kind="trigger_words"),
        row("b", Section.BENIGN, source="xstest"),
        row("c", Section.INJECTION, kind="lookalike", source="mitre_frr"),
        row("d", Section.BENIGN, kind="role_play"),
        row("e", Section.INJECTION, kind="lookalike"),
        row("f", Section.BENIGN),
        row("g", Section.INJECTION, label=1, kind="direct"),
    ]
    kinds = ["trigger_words", "safe_questions", "safe_questions", "role_play", "other", None, None]
    assert [lookalike(one) for one in rows] == kinds
    assert [one.text for one in honest(rows)] == ["f"]
    assert [one.text for one in direct(rows)] == ["g"]


def test_an_indirect_or_foreign_attack_is_not_counted_as_direct() -> None:
    rows = [
        row("a", Section.INJECTION, label=1, kind="indirect"),
        row("b", Section.INJECTION, label=1, kind="direct", lang="fr"),
    ]
    assert direct(rows) == []


def test_a_customer_who_swears_is_known_by_the_kind_and_never_by_a_toxic_label() -> None:
    rows = [
        row("a", Section.BENIGN, kind="profane_but_legit"),
        row("b", Section.TOXICITY, kind="honest_swearing"),
        row("c", Section.TOXICITY, kind="honest_swearing", label=1),
        row("d", Section.TOXICITY_MULTILINGUAL, kind="profanity_nh"),
    ]
    assert [one.text for one in swearing(rows)] == ["a", "b"]


def test_a_sample_holds_each_source_and_language_whatever_the_order() -> None:
    rows = [row(f"{i:03}", Section.BENIGN, source="big") for i in range(90)]
    rows += [row(f"x{i}", Section.BENIGN, source="small", lang="fr") for i in range(5)]
    chosen = sample(rows, 10)
    assert sum(one.source == "small" for one in chosen) == 5
    assert sample(rows[::-1], 10) == chosen
    assert sorted(one.text for one in sample(rows, 1000)) == sorted(one.text for one in rows)


def test_the_packaged_texts_are_whole_and_each_is_there_once() -> None:
    rows = read_rows(HELD_OUT)
    assert len({(one.section, one.text) for one in rows}) == len(rows)
    assert len({one.id for one in rows}) == len(rows)


def test_the_packaged_personal_data_is_what_its_generator_makes() -> None:
    from metta_local.bench.heldout_pii import rows

    packaged = [json.loads(line) for line in (HELD_OUT / "pii.jsonl").read_text(encoding="utf-8").splitlines()]
    assert packaged == list(rows())


def test_the_packaged_cards_and_accounts_pass_their_checks() -> None:
    plain = [one for one in read_rows(HELD_OUT) if one.spans and "disguised" not in one.kind]
    values = [(span.type, re.sub(r"\W", "", one.text[span.start : span.end])) for one in plain for span in one.spans]
    accounts = [value for type_, value in values if type_ == "IBAN"]
    cards = [value for type_, value in values if type_ == "CARD"]
    assert len({account[:2] for account in accounts}) >= 20
    assert all(int("".join(str(int(c, 36)) for c in value[4:] + value[:4])) % 97 == 1 for value in accounts)
    assert all(luhn_sum(value) % 10 == 0 for value in cards)


def luhn_sum(digits: str) -> int:
    return sum(sum(map(int, str(int(c) * (1 + i % 2)))) for i, c in enumerate(reversed(digits)))
