"""metta fuzz: what it finds it shows as short as can be and again for the same seed; what is slow it names."""

from __future__ import annotations

import json
import logging
import random
import re
from collections.abc import Mapping

import pytest

from metta_local import cli, fuzz, fuzz_growth
from metta_local.fuzz import Fuzz
from metta_local.fuzz_growth import growth, suspects
from metta_local.fuzz_patterns import guardrail_patterns, pieces_of, sample_of
from metta_local.fuzz_properties import Property, Subject, complaint, shrunk
from metta_local.fuzz_shapes import SHAPES, repeated
from metta_local.fuzz_texts import Texts

TEXTS = Texts(("Where is my parcel? Order S00042, please.", "The lamp is broken; my card is 4111 1111 1111 1111."))


class Judge(Subject):
    """The guardrails, asked for one thing only."""

    def __init__(self, **properties: Property) -> None:
        super().__init__()
        self._asked = properties

    def properties(self) -> Mapping[str, Property]:
        return self._asked


def no_digit(text: str) -> str | None:
    return "has a seven" if "7" in text else None


def test_a_short_run_finds_nothing_wrong_with_the_guardrails() -> None:
    run = Fuzz(20, TEXTS, Subject())
    for number in range(80):
        run.look(number)
    assert run.report.violations == [], run.report.describe()
    assert set(run.report.made) == set(TEXTS.makers)


def test_the_same_seed_makes_the_same_texts_and_another_seed_others() -> None:
    def drawn(seed: int) -> list[tuple[str, str]]:
        return [TEXTS.draw(random.Random(f"{seed}:{number}")) for number in range(30)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_violation_is_shown_by_its_shortest_text_and_the_command_that_makes_it_again() -> None:
    # given a property that some texts violate
    run = Fuzz(3, TEXTS, Judge(sevens=no_digit))
    # when many are looked at
    for number in range(200):
        run.look(number)
    # then the first is listed, shrunk to what matters, and the others are counted
    (violation,) = run.report.violations
    assert violation.text == "7"
    assert run.report.again["sevens"] > 0
    assert "VIOLATED: sevens" in run.report.describe()
    # and looking at that text alone finds it again
    match = re.fullmatch(r"metta fuzz --seed 3 --case (\d+)", violation.repeat)
    assert match is not None
    once = Fuzz(3, TEXTS, Judge(sevens=no_digit))
    once.look(int(match[1]))
    assert [v.text for v in once.report.violations] == ["7"]


def test_raising_and_logging_an_error_are_violations() -> None:
    def raises(text: str) -> str | None:
        raise ValueError(text)

    def logs(text: str) -> str | None:
        logging.getLogger("metta.guardrails.any").error("could not be judged")
        return None

    assert complaint(raises, "why") == "raises ValueError: why"
    assert complaint(logs, "why") == "an error is logged: could not be judged"
    assert complaint(lambda text: None, "why") is None


def test_a_broken_check_of_the_guardrails_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = Subject()
    monkeypatch.setattr("metta.guardrails.personal.find_pii", lambda view: 1 / 0)
    wrong = {name: complaint(check, "hello") for name, check in subject.properties().items()}
    assert wrong["input is judged"] == "the verdict is broken/pii"
    assert wrong["sanitized text is final"] == "raises GuardrailBroken: sanitize failed (ZeroDivisionError)"


def test_a_mask_that_is_not_put_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = Subject()
    monkeypatch.setattr("metta.guardrails.engine.masked_for_keeps", lambda text, policy: text)
    wrong = complaint(subject.properties()["sanitized text is final"], "4111 1111 1111 1111")
    assert wrong == "the sanitized text still has pii/CARD: '4111 1111 1111 1111'"


def test_a_check_that_hangs_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(text: str) -> str | None:
        while True:
            pass

    monkeypatch.setattr(fuzz, "_HANGS", 0.05)
    run = Fuzz(1, TEXTS, Judge(hanging=hangs))
    run.look(0)
    assert [v.wrong for v in run.report.violations] == ["takes more than 0.05 seconds"]


def test_shrinking_keeps_what_violates() -> None:
    assert shrunk(lambda text: "both" if "a" in text and "z" in text else None, "qqqaqqqqqzqq" * 9) in ("az", "za")


@pytest.mark.parametrize(("power", "linear"), [(1, True), (2, False)])
def test_time_that_grows_faster_than_the_text_is_told(
    power: int, linear: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz_growth, "seconds_for", lambda work, text: 1e-6 * len(text) ** power)
    found = growth("a", repeated("a"), len, 2000, "1")
    assert found.ratio == pytest.approx(4**power)
    assert found.linear is linear
    assert found.length == 8000


def test_a_step_in_time_is_no_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_growth, "seconds_for", lambda work, text: 1e-6 * len(text) + 0.1 * (len(text) > 3000))
    assert growth("a", repeated("a"), len, 2000, "1").linear


def test_a_quadratic_pattern_is_the_first_suspect_with_the_text_that_shows_it() -> None:
    patterns = {"fine": re.compile(r"\bcat\b"), "slow": re.compile(r"q+;")}
    (_, name, shape), *_ = suspects(patterns, random.Random(1), length=1000, pieces=9)
    assert name.endswith(" of slow")
    assert "qqqqq" in shape(1000, random.Random(1))


def test_pieces_are_what_a_pattern_is_written_of() -> None:
    pieces = pieces_of(re.compile(r"(?i:token)[=:] {0,3}(?:ab|c){4,9}"), random.Random(1))
    assert {"token", "=", ":"} <= set(pieces)
    assert any(re.fullmatch(r"token[=:] *(?:ab|c){4,}", piece) for piece in pieces)


def test_samples_match_the_patterns_that_they_were_drawn_from() -> None:
    patterns = guardrail_patterns()
    dice = random.Random(1)
    matched = [
        name for name, pattern in patterns.items() if any(pattern.search(sample_of(pattern, dice)) for _ in range(9))
    ]
    assert len(patterns) > 150
    assert len(matched) > 0.9 * len(patterns)
    assert any("override.en" in name for name in patterns)  # rules in data, not only constants in modules


def test_every_shape_is_as_long_as_it_is_asked_to_be() -> None:
    for name, shape in SHAPES.items():
        assert 380 <= len(shape(400, random.Random(1))) <= 400, name


def test_the_command_answers_in_json_and_fails_on_a_violation(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "Texts", lambda: TEXTS)
    assert cli.main(["fuzz", "--seconds", "0", "--seed", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["violations"] == []
    monkeypatch.setattr(fuzz, "Subject", lambda: Judge(always=lambda text: "wrong"))
    assert cli.main(["fuzz", "--seed", "5", "--case", "2", "--json"]) == 1
    (violation,) = json.loads(capsys.readouterr().out)["violations"]
    assert (violation["property"], violation["text"]) == ("always", "")
