"""The training texts can be used, contradict neither themselves nor the held-out ones, and are told by their place."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

import metta_local
from metta_local.training.corpus import OWN, CorpusError, Row, own_rows, shared_rows

HELD_OUT = Path(metta_local.__file__).parent / "bench" / "heldout"
X = ["red", "blue", "green", "old", "new", "first"]


@pytest.fixture(scope="module")
def corpus() -> list[Row]:
    return list(own_rows())


def write_yaml(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def yaml_rows(label: int, rows: list[str]) -> str:
    fields = {"task": "injection", "label": label, "kind": "k", "lang": "en", "expand": 6, "slots": {"x": X}}
    return json.dumps(fields | {"rows": rows})


def test_every_file_of_the_corpus_gives_texts(corpus: list[Row]) -> None:
    sources = {row.source for row in corpus}
    assert {f"own:{each.stem}" for each in OWN.glob("*.yaml")} == sources
    assert all(row.text.strip() and row.lang and row.kind for row in corpus)


def test_no_text_of_the_corpus_is_called_both_honest_and_an_attack(corpus: list[Row]) -> None:
    first: dict[tuple[str, str], Row] = {}
    torn = []
    for row in corpus:
        other = first.setdefault((row.task, " ".join(row.text.casefold().split())), row)
        if other.label != row.label:
            torn.append((row.text, other.template, row.template))
    assert not torn


def letters(text: str) -> str:
    """A text without capitals, blanks and signs."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LMN")


def test_no_text_of_the_corpus_is_held_out(corpus: list[Row]) -> None:
    held_out = {
        letters(json.loads(line)["text"])
        for path in HELD_OUT.glob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    assert len(held_out) > 2000
    assert not [(row.template, row.text) for row in corpus if letters(row.text) in held_out]


def test_slots_are_filled_alike_each_time_whatever_other_files_there_are(tmp_path: Path) -> None:
    # given
    alone, among = tmp_path / "alone", tmp_path / "among"
    for folder in (alone, among):
        folder.mkdir()
        write_yaml(folder, "one", yaml_rows(0, ["a {x} and a {x}", "{{no slot}}", "plain"]))
    write_yaml(among, "a_first", yaml_rows(1, ["{x} {x}"]))
    # when
    texts = [row.text for row in own_rows(alone)]
    # then
    assert texts == [row.text for row in own_rows(alone)]
    assert texts == [row.text for row in own_rows(among) if row.source == "own:one"]
    assert texts[-2:] == ["{no slot}", "plain"]
    assert len(texts) > 4
    assert all(text.split()[1] in X for text in texts[:-2])


def test_texts_of_one_template_are_known_as_such_and_no_text_comes_twice(tmp_path: Path) -> None:
    write_yaml(tmp_path, "one", yaml_rows(0, ["a {x}", "b {x}"]))
    rows = list(own_rows(tmp_path))
    assert {row.template for row in rows} == {"one/1", "one/2"}
    assert len({row.text for row in rows}) == len(rows)


GOOD = {"task": "injection", "label": "0", "kind": "k", "lang": "en", "rows": ["a {x}", "b"], "slots": {"x": ["y"]}}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"task": None}, "task: missing"),
        ({"label": None}, "label: missing"),
        ({"kind": None}, "kind: missing"),
        ({"lang": None}, "lang: missing"),
        ({"rows": None}, "rows: missing"),
        ({"task": "spam"}, "task: must be injection or toxicity, is 'spam'"),
        ({"label": "2"}, "label: must be 0 or 1, is '2'"),
        ({"label": "yes"}, "label: must be 0 or 1, is 'yes'"),
        ({"lang": ["en"]}, "lang: must be text"),
        ({"rows": ["a", "b {y}"]}, "row 2: slot 'y' is not in slots"),
        ({"rows": ["a", {"b": "c"}]}, "row 2: must be text"),
        ({"rows": ["a", " "]}, "row 2: must be text"),
        ({"rows": []}, "rows: must be a list"),
        ({"rows": "a"}, "rows: must be a list"),
        ({"slots": {"x": ["y", "{z}"]}}, "slots: x: value 2: slot 'z' is not in slots"),
        ({"slots": {"x": []}}, "slots: x: must be a list"),
        ({"slots": {"x": "yz"}}, "slots: x: must be a list"),
        ({"slots": ["x"]}, "slots: must be a mapping"),
        ({"expand": "0"}, "expand: must be a number"),
        ({"expand": "many"}, "expand: must be a number"),
        ({"expnad": "4"}, "expnad: unknown field"),
    ],
)
def test_a_corpus_file_that_cannot_be_used_is_told_by_file_row_and_field(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    content = {field: value for field, value in (GOOD | change).items() if value is not None}
    write_yaml(tmp_path, "wrong", json.dumps(content))
    with pytest.raises(CorpusError, match=rf"^wrong\.yaml: ({named})"):
        list(own_rows(tmp_path))


@pytest.mark.parametrize("content", ["rows: [", "- a", "", "\x00"], ids=["broken", "a list", "empty", "binary"])
def test_a_corpus_file_that_is_no_such_yaml_is_told_by_name(tmp_path: Path, content: str) -> None:
    write_yaml(tmp_path, "wrong", content)
    with pytest.raises(CorpusError, match=r"^wrong\.yaml: "):
        list(own_rows(tmp_path))


SHARED = {"text": "a", "label": 1, "source": "s", "lang": "en"}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("{", ""),
        ("[]", "must be an object"),
        (json.dumps(SHARED | {"label": 2}), "label: must be 0 or 1, is 2"),
        (json.dumps(SHARED | {"label": "1"}), "label: must be 0 or 1, is '1'"),
        (json.dumps(SHARED | {"text": 5}), "text: must be text, is 5"),
        (json.dumps({k: v for k, v in SHARED.items() if k != "label"}), "label: must be 0 or 1, is 'missing'"),
        (json.dumps({k: v for k, v in SHARED.items() if k != "source"}), "source: must be text, is 'missing'"),
        (json.dumps({k: v for k, v in SHARED.items() if k != "lang"}), "lang: must be text, is 'missing'"),
    ],
)
def test_a_shared_row_that_cannot_be_used_is_told_by_file_line_and_field(tmp_path: Path, line: str, named: str) -> None:
    (tmp_path / "injection_train.jsonl").write_text(f"{json.dumps(SHARED)}\n{line}\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"^injection_train\.jsonl: line 2: {named}"):
        list(shared_rows(tmp_path))
