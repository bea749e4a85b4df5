"""``metta chaos`` as a command: its help teaches, wrong values are named, and its report has the promised shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from metta_local.chaos import report
from metta_local.chaos.command import options_of
from metta_local.chaos.crew import Kill
from metta_local.chaos.journal import FaultKind, Journal, Place
from metta_local.chaos.observed import Observed
from metta_local.chaos.options import Options
from metta_local.chaos.running import Result
from metta_local.chaos.sabotage import GUARANTEES as REMOVABLE
from metta_local.chaos.violation import Violation
from metta_local.cli import parser
from metta_local.commands.chaos import GUARANTEES
from unit.local.chaos.observations import conversation, customer, handed_off, note, overtaken, received, reply, turn


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--messages", "0"], "argument --messages: 0 is less than 1"),
        (["--messages", "many"], "argument --messages: 'many' is not a whole number"),
        (["--faults", "7"], "argument --faults: 7 is not between 0 and 0.5"),
        (["--faults", "nan"], "argument --faults: nan is not a number"),
        (["--kills", "-1"], "argument --kills: -1 is less than 0"),
        (["--minutes", "0"], "argument --minutes: 0 is not between 1 and 120"),
        (["--without", "hope"], "argument --without: invalid choice: 'hope'"),
    ],
)
def test_a_wrong_value_is_named(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["chaos", *arguments])

    assert ended.value.code == 1
    assert said in capsys.readouterr().err


def test_the_help_shows_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["chaos", "--help"])

    told = capsys.readouterr().out
    assert "metta chaos --messages 1500 --faults 0.1 --kills 15 --seed 7" in told
    assert "exit code" in told


def test_fifteen_hundred_messages_have_eight_minutes() -> None:
    chosen = parser().parse_args(["chaos", "--messages", "1500"])

    assert options_of(chosen).minutes == 8
    assert options_of(parser().parse_args(["chaos", "--minutes", "20"])).minutes == 20


def test_what_without_names_can_be_removed() -> None:
    assert set(GUARANTEES) == set(REMOVABLE)


def result(**extra: Any) -> Result:
    """Two messages, one answered, one handed off, and a turn that was overtaken."""
    told = conversation(
        customer(1, 0),
        reply(5, 1),
        customer(6, 2),
        note(7, 3, "t-2"),
        turns=[overtaken("t-0", (1,)), turn(), handed_off("t-2", (6,))],
        skips={9: frozenset({"human_assigned"})},
    )
    calls = (received(0, "a", "b"), received(3, "a", receive=2))
    options = Options(messages=2, faults=0.1, kills=1, seed=4, workers=2, minutes=3)
    usual: dict[str, Any] = {
        "options": options,
        "observed": Observed((told,), calls),
        "journal": Journal(),
        "faults": {(Place.SQS, FaultKind.LATENCY): 2, (Place.CHATWOOT, FaultKind.TOO_MANY): 1},
        "kills": [Kill(0.0, "worker-1", "random")],
        "webhooks": {"sent": 9},
        "seconds": 12.34,
    }
    return Result(**usual | extra)


def test_the_report_counts_what_happened() -> None:
    told = json.loads(json.dumps(report.document(result(), [])))

    counts = (
        "messages",
        "turns",
        "replies",
        "drops",
        "handoffs",
        "dead_letters",
        "retries",
        "faults",
        "kills",
        "skips",
    )
    assert [told[name] for name in counts] == [2, 3, 1, 1, 1, 0, 1, 3, 1, 1]
    assert told["drops_by_reason"] == {"overtaken": 1}
    assert told["handoffs_by_reason"] == {"tool": 1}
    assert told["faults_by_place"] == {"chatwoot": {"too_many": 1}, "sqs": {"latency": 2}}
    assert told["kills_by_step"] == {"random": 1}
    assert (told["seed"], told["violations"], told["violations_found"], told["ok"]) == (4, 0, [], True)


def test_a_violation_comes_with_the_seed_and_the_conversations_timeline() -> None:
    journal = Journal()
    journal.note(journal.began_at + 1, 84, "asks 1: Where is it?")
    journal.note(journal.began_at + 2, 85, "asks 2: Somebody else")
    violations = [Violation("lost", 84, "message 1 left no trace"), Violation("lost", 84, "message 6 left no trace")]

    told = report.document(result(journal=journal), violations)
    shown = "\n".join(report.lines(result(journal=journal), told))

    assert (told["violations"], told["violations_by_promise"]) == (2, {"lost": 2})
    assert [one["what"] for one in told["violations_found"]] == ["message 1 left no trace", "message 6 left no trace"]
    assert "VIOLATION lost in conversation 84 (seed 4): message 1 left no trace (and 1 more like it)" in shown
    assert "asks 1: Where is it?" in shown
    assert "Somebody else" not in shown
