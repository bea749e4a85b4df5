"""The guardrails' documents hold what was measured and counted, and whoever's texts trained the model is named."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from metta_local.bench.guardrails_figures import Figure, least, most, of_rate, rate_parts
from metta_local.bench.guardrails_kinds import TRAINED
from metta_local.bench.guardrails_stats import Rate
from metta_local.training.card import BLOCKS, DOCUMENTS, NOTICE, ROOT, attributed, filled
from metta_local.training.card_bench import Bench, CardError, bench_blocks
from metta_local.training.card_data import counted, licences
from metta_local.training.corpus import CorpusError, Row
from metta_local.training.dataset import dataset

KEYS = (
    "injection.recall", "injection.recall.unseen", "injection.honest", "injection.languages", "disguise.mean",
    "disguise.honest", "pii.f1", "pii.honest", "pii.disguised", "toxicity.recall", "toxicity.precision",
    "toxicity.languages", "toxicity.swearing.stopped", "speed.median",
)  # fmt: skip


def printed(figures: Sequence[Figure], **changed: Any) -> str:
    """What ``metta bench guardrails --json`` prints with these figures."""
    run = {"name": "guardrails", "data": "/home/lena/rows", "quick": False, "rows": {"pii": 1200}}
    return json.dumps({"benchmarks": [run | {"figures": [one.as_json() for one in figures]} | changed]})


def figures(**others: Figure) -> list[Figure]:
    plain = {key: of_rate(key, f"what {key} is", Rate(9, 10), least(0.8)) for key in KEYS}
    return list((plain | {figure.key: figure for figure in others.values()}).values())


def row(source: str, label: int = 0, lang: str = "en", text: str = "") -> Row:
    return Row(text or f"{source} {label} {lang}", label, "injection", source, lang, "", source)


def test_a_measured_figure_stands_in_the_document_with_its_counts_and_the_target_it_misses() -> None:
    flagged = of_rate("injection.honest", "honest messages flagged", Rate(8, 538), most(0.0005))

    blocks = bench_blocks(Bench.read(printed(figures(flagged=flagged))))

    line = next(line for line in blocks["held-out"].splitlines() if "honest messages flagged" in line)
    assert line.startswith("| injection | honest messages flagged | 0.0149 | <= 0.0005 | **missed** | 8 of 538 (")
    assert "what speed.median is" in blocks["speed"]
    assert "what speed.median is" not in blocks["held-out"]


def test_figures_are_shown_by_language() -> None:
    parts = rate_parts({"de": Rate(3, 4), "pl": Rate(1, 4)})
    abroad = of_rate("injection.languages", "attacks in other languages found", Rate(4, 8), None, parts)

    blocks = bench_blocks(Bench.read(printed(figures(abroad=abroad))))

    assert "| de | 0.750 | 3 of 4 (" in blocks["held-out-parts"]
    assert "| pl | 0.250 | 1 of 4 (" in blocks["held-out-parts"]


def test_a_document_names_the_folder_that_was_measured_and_not_where_it_lies() -> None:
    assert "On `rows`: 1,200 rows of pii." in bench_blocks(Bench.read(printed(figures())))["held-out"]
    assert "lena" not in str(bench_blocks(Bench.read(printed(figures()))))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (printed(figures(), quick=True), "--quick"),
        (printed(figures(broke=Figure("pii.f1", "F1", 1.0, void=True))), "pii.f1"),
        (printed(figures(), name="odoo"), "no guardrails"),
        ('{"benchmarks": [{"name": "guardrails"}]}', "data: Field required"),
        ("met, met, met", "JSON"),
    ],
    ids=["a sample", "a check broke", "another benchmark", "half a file", "no JSON"],
)
def test_no_document_is_written_from_figures_that_say_nothing(text: str, reason: str) -> None:
    with pytest.raises(CardError, match=reason):
        Bench.read(text)


def test_a_figure_that_a_document_wants_and_nobody_measured_is_named() -> None:
    with pytest.raises(CardError, match=r"toxicity\.precision: not among the figures"):
        bench_blocks(Bench.read(printed([one for one in figures() if one.key != "toxicity.precision"])))


def test_only_blocks_whose_figures_are_given_change_and_filling_twice_changes_nothing() -> None:
    page = "Before\n<!-- figures: speed -->\nold\n<!-- /figures -->\n<!-- figures: data -->\nkept\n<!-- /figures -->\n"

    once = filled(page, {"speed": "| new |"})

    assert once == page.replace("old", "| new |")
    assert filled(once, {"speed": "| new |"}) == once


def test_a_misspelt_block_is_told() -> None:
    with pytest.raises(CardError, match="no such block: sped; there are data,"):
        filled("<!-- figures: sped -->\n<!-- /figures -->", {})


def test_the_counts_are_those_of_the_texts_that_each_model_learns_from() -> None:
    rows = [row("spikee", 1), row("banking77"), row("own:attack_de", 1, "de"), row("own:attack_de", 1, "de", "again")]

    counts = counted({"injection": dataset("injection", rows), "toxicity": dataset("toxicity", rows)})

    assert counts["spikee", "en", "injection", 1] == 1
    assert counts["own:", "de", "injection", 1] == 2
    assert counts["banking77", "en", "injection", 0] == counts["banking77", "en", "toxicity", 0] == 1
    assert counts["spikee", "en", "toxicity", 1] == counts["spikee", "en", "toxicity", 0] == 0


def test_a_row_without_the_licence_of_its_source_is_told(tmp_path: Path) -> None:
    rows = [{"source": "spikee", "licence": "Apache-2.0"}, {"source": "spikee", "licence": "MIT"}]
    (tmp_path / "injection.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    with pytest.raises(CorpusError, match=r"injection\.jsonl: line 2: licence: 'MIT', not that of spikee"):
        licences(tmp_path)


def test_a_source_that_the_notice_does_not_name_with_its_licence_is_told() -> None:
    notice = "spikee  Apache-2.0  ReversecLabs/spikee\nspikee_fp  MIT  the same\n"

    attributed(notice, {"spikee": "Apache-2.0"})
    for source, licence in (("spikee_fp", "Apache-2.0"), ("garak", "Apache-2.0")):
        with pytest.raises(CardError, match=f"must begin with {source} and name its licence, {licence}"):
            attributed(notice, {source: licence})


def test_every_source_in_the_model_card_stands_in_the_notice() -> None:
    card = (ROOT / "docs/model-card.md").read_text(encoding="utf-8")
    table = card.split("<!-- figures: data -->")[1].split("<!-- /figures -->")[0]
    listed = dict(re.findall(r"^\| (\w+) \| ([\w.-]+) \|", table, re.MULTILINE))
    listed.pop("source", None)

    assert listed.keys() <= TRAINED
    assert len(listed) >= len(TRAINED) - 1, "garak alone has no rows of its own"
    attributed((ROOT / NOTICE).read_text(encoding="utf-8"), listed)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_block_of_a_document_is_known_closed_and_filled(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    found = re.findall(r"<!-- figures: ([^\n]*?) -->\n(.*?)<!-- /figures -->", text, re.DOTALL)

    assert {block for block, _ in found} <= BLOCKS
    assert len(found) == text.count("<!-- figures: ") == text.count("<!-- /figures -->") > 0
    assert all(content.strip() for _, content in found)


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name.startswith("docs/")])
def test_every_file_that_the_guardrails_documents_link_to_is_there(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
