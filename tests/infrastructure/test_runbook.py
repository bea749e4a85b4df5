"""docs/runbook.md: a section for every alarm, and nothing in it that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infrastructure.evaluate import Deployed, deployed
from infrastructure.watched import BRANCHES, alarms, metric_widgets
from metta.observability.words import HANDOFF_REASONS
from metta_local import cli

PAGE = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##)", PAGE, re.DOTALL | re.MULTILINE))
PARTS = ["Means", "Customers notice", "Look at", "Do", "Over when"]


@pytest.fixture
def full() -> Deployed:
    return deployed(**BRANCHES["with receiver and topic"])


def test_every_alarm_has_a_section_and_every_section_an_alarm(full: Deployed) -> None:
    assert list(SECTIONS) == list(alarms(full))


@pytest.mark.parametrize("alarm", SECTIONS)
def test_a_section_says_what_it_means_what_is_noticed_where_to_look_what_to_do_and_when_it_is_over(alarm: str) -> None:
    assert re.findall(r"^\*\*(.+?)\*\*: \S", SECTIONS[alarm], re.MULTILINE) == PARTS


def test_widgets_and_queries_that_it_names_exist(full: Deployed) -> None:
    queries = {query["Name"].removeprefix("metta/") for query in full.of_type("AWS::Logs::QueryDefinition").values()}
    titles = {widget["title"] for widget in metric_widgets(full)}
    named = {" ".join(found.split()) for found in re.findall(r'"([^"]+)"', PAGE)}

    assert len(named) > 20
    assert named <= queries | titles, named - queries - titles
    assert queries <= named, queries - named


@pytest.mark.parametrize("alarm", SECTIONS)
def test_every_section_names_a_widget_or_query_to_look_at(alarm: str) -> None:
    (look,) = re.findall(r"\*\*Look at\*\*: (.*?)\n\n", SECTIONS[alarm], re.DOTALL)

    assert '"' in look


def test_commands_that_it_names_exist() -> None:
    named = re.findall(r"`metta ([^`]+)`", PAGE)

    assert named
    for arguments in named:
        cli.parser().parse_args(arguments.split())


def test_parameters_functions_and_alarms_that_it_names_exist(full: Deployed) -> None:
    parameters = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)(?:=\S+)?`", PAGE))
    functions = {one["FunctionName"] for one in full.of_type("AWS::Lambda::Function").values()}
    named = {f"metta-{name}" for name in re.findall(r"--function-name STACK-(\w+)", PAGE)}
    boards = {one["DashboardName"] for one in full.of_type("AWS::CloudWatch::Dashboard").values()}

    assert parameters
    assert parameters <= set(full.parameters), parameters - set(full.parameters)
    assert named
    assert named <= functions
    assert {f"metta-{name}" for name in re.findall(r"`STACK-(\w+)`", PAGE)} == boards
    referred = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", PAGE))
    assert referred <= set(SECTIONS), referred - set(SECTIONS)


def test_every_reason_of_a_hand_off_is_explained_and_the_alarming_ones_are_marked(full: Deployed) -> None:
    rows = re.findall(r"^\| `(\w+)`( !)? \|", PAGE, re.MULTILINE)
    watched = {
        one["Value"]
        for query in alarms(full)["handoffs-by-failure"]["Metrics"]
        for one in query.get("MetricStat", {}).get("Metric", {}).get("Dimensions", ())
        if one["Name"] == "reason"
    }

    assert sorted(name for name, _ in rows) == sorted(HANDOFF_REASONS)
    assert {name for name, mark in rows if mark} == watched
