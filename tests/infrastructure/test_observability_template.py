"""Dashboards, alarms and saved queries: each looks at something that exists, and says what to do."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

import metta
from infrastructure.evaluate import Deployed, deployed
from infrastructure.watched import (
    BRANCHES,
    Seen,
    alarms,
    metric_widgets,
    seen_by_alarms,
    seen_on_dashboards,
    widgets,
)
from metta.messages import Outcome
from metta.observability import METRICS, Dimension, Metric, Unit
from metta.observability.catalogue import OTHER
from metta.queue.state import WATCH_INDEX
from tests_support.logged import logged_keys

TOPIC = BRANCHES["with receiver and topic"]["AlarmTopicArn"]
FUNCTION, QUEUE, TABLE = ("FunctionName",), ("QueueName",), ("TableName",)
LIVE = ("FunctionName", "Resource")
AWS: dict[str, dict[str, tuple[str, tuple[tuple[str, ...], ...]]]] = {
    "AWS/Lambda": {
        "Invocations": ("Count", (FUNCTION, LIVE)),
        "Errors": ("Count", (FUNCTION, LIVE)),
        "Throttles": ("Count", (FUNCTION, LIVE)),
        "Duration": ("Milliseconds", (FUNCTION, LIVE)),
        "ConcurrentExecutions": ("Level", (FUNCTION,)),
        "UrlRequestCount": ("Count", (FUNCTION,)),
        "Url4xxCount": ("Count", (FUNCTION,)),
        "Url5xxCount": ("Count", (FUNCTION,)),
        "UrlRequestLatency": ("Milliseconds", (FUNCTION,)),
    },
    "AWS/SQS": {
        "ApproximateAgeOfOldestMessage": ("Level", (QUEUE,)),
        "ApproximateNumberOfMessagesVisible": ("Level", (QUEUE,)),
        "ApproximateNumberOfMessagesNotVisible": ("Level", (QUEUE,)),
        "NumberOfMessagesSent": ("Count", (QUEUE,)),
    },
    "AWS/DynamoDB": {
        "ReadThrottleEvents": ("Count", (TABLE, (*TABLE, "GlobalSecondaryIndexName"))),
        "WriteThrottleEvents": ("Count", (TABLE, (*TABLE, "GlobalSecondaryIndexName"))),
        "SystemErrors": ("Count", ((*TABLE, "Operation"),)),
    },
}
"""AWS's metrics in use, as its documentation lists them: what kind of number, and under which dimensions."""
STATS = {
    "Count": {"Sum"},
    "Level": {"Maximum"},
    "Milliseconds": {"p50", "p90", "p99"},
}
"""How a kind of number is to be read: a sum of ages or an average of percentiles would be nonsense."""
INSIGHTS = {"@timestamp", "@type", "@log", "@initDuration", "@maxMemoryUsed"}
"""Fields that Logs Insights itself finds in Lambda's log groups."""
QUERY_WORDS = frozenset(
    (
        *("fields", "filter", "stats", "sort", "limit", "by", "as", "asc", "desc", "in", "and", "or", "not", "like"),
        *("ispresent", "count", "sum", "max", "pct", "latest", "earliest", "bin"),
    )
)


@pytest.fixture(params=BRANCHES, name="stack")
def each_branch(request: pytest.FixtureRequest) -> Deployed:
    return deployed(**BRANCHES[request.param])


@pytest.fixture
def full() -> Deployed:
    return deployed(**BRANCHES["with receiver and topic"])


def all_seen(stack: Deployed) -> list[Seen]:
    return [*seen_by_alarms(stack), *seen_on_dashboards(stack)]


def test_every_metric_of_ours_is_one_that_the_code_emits_under_those_dimensions(stack: Deployed) -> None:
    namespace, service = stack.parameters["PowertoolsMetricsNamespace"], stack.parameters["PowertoolsServiceName"]
    ours = [seen for seen in all_seen(stack) if not seen.namespace.startswith("AWS/")]

    assert len(ours) > 40
    for seen in ours:
        assert seen.namespace == namespace, seen
        spec = METRICS[Metric(seen.name)]
        assert {frozenset(one) for one in spec.dimension_sets} >= {frozenset(map(Dimension, seen.dimensions))}, seen
        assert seen.dimensions["service"] == service, seen
        for name, word in seen.dimensions.items():
            assert name == "service" or word in {"", OTHER} | spec.words[Dimension(name)], seen
        if spec.zero:
            assert seen.stat in {"Maximum", "Minimum", "SampleCount"}, seen
        else:
            assert seen.stat in STATS["Milliseconds" if spec.unit is Unit.MILLISECONDS else "Count"], seen


def test_every_metric_of_aws_is_one_that_it_publishes_under_those_dimensions(stack: Deployed) -> None:
    theirs = [seen for seen in all_seen(stack) if seen.namespace.startswith("AWS/")]

    assert len(theirs) > 15
    for seen in theirs:
        kind, dimensions = AWS[seen.namespace][seen.name]
        assert tuple(seen.dimensions) in dimensions, seen
        assert seen.stat in STATS[kind], seen


def test_what_is_looked_at_is_this_stacks(stack: Deployed) -> None:
    attached = [stack.parameters[f"Existing{name}QueueArn"].rpartition(":")[2] for name in ("", "DeadLetter")]
    real = {
        "FunctionName": {"WorkerFunction", "WebhookFunction", stack["WorkerFunction"]["FunctionName"]},
        "Resource": {stack["WorkerFunction"]["FunctionName"] + ":" + stack["WorkerFunctionAliaslive"]["Name"]},
        "QueueName": set(attached) if all(attached) else {"MessageQueue.QueueName", "DeadLetterQueue.QueueName"},
        "TableName": {"IdempotencyTable"},
        "GlobalSecondaryIndexName": {WATCH_INDEX},
        "Operation": {"UpdateItem"},
    }

    for seen in all_seen(stack):
        if seen.namespace.startswith("AWS/"):
            assert all(value in real[name] for name, value in seen.dimensions.items()), seen


@pytest.mark.parametrize(
    ("given", "queue", "dead_letters"),
    [
        ({}, "MessageQueue.QueueName", "DeadLetterQueue.QueueName"),
        (BRANCHES["on an existing queue"], "inbox", "inbox-dead"),
    ],
    ids=["its own", "an attached one"],
)
def test_the_queue_in_use_is_looked_at(given: dict[str, str], queue: str, dead_letters: str) -> None:
    stack = deployed(**given)
    by_place = {seen.where: seen.dimensions["QueueName"] for seen in all_seen(stack) if seen.namespace == "AWS/SQS"}

    assert by_place == {
        "oldest-message": queue,
        "dead-letters": dead_letters,
        "Queue": queue,
        "Oldest message on the queue": queue,
        "Dead letters": dead_letters,
    }


def test_no_metric_of_the_code_is_out_of_sight(full: Deployed) -> None:
    shown = {seen.name for seen in seen_on_dashboards(full)}

    assert {metric.value for metric in Metric} <= shown


def test_expressions_calculate_with_what_stands_beside_them(stack: Deployed) -> None:
    places = [
        [(row[-1], row) for row in widget["metrics"] if isinstance(row[-1], dict)] for widget in metric_widgets(stack)
    ]
    for rows in places:
        ids = {options["id"] for options, _ in rows if "id" in options}
        assert len(ids) == sum("id" in options for options, _ in rows)
        for options, row in rows:
            if "expression" in options and "SEARCH" not in options["expression"]:
                assert len(row) == 1
                assert set(re.findall(r"\b[a-z]\w*", options["expression"])) <= ids, options
    for name, alarm in alarms(stack).items():
        queries = {query["Id"]: query for query in alarm.get("Metrics", ())}
        returned = [query for query in queries.values() if query.get("ReturnData", True)]
        assert [query["Id"] for query in returned] == ["alarm"] * bool(queries), name
        for query in returned:
            assert set(re.findall(r"\b[a-z]\w*", query["Expression"])) == queries.keys() - {"alarm"}, name
            assert len({one["MetricStat"]["Period"] for one in queries.values() if "MetricStat" in one}) == 1, name
            assert len(queries) <= 10, f"{name}: CloudWatch takes ten"


def test_widgets_fit_the_screen_and_do_not_cover_one_another(stack: Deployed) -> None:
    boards = widgets(stack)

    assert set(boards) == {"business", "machine"}
    for placed in boards.values():
        covered: set[tuple[int, int]] = set()
        for widget in placed:
            columns = range(widget["x"], widget["x"] + widget["width"])
            rows = range(widget["y"], widget["y"] + widget["height"])
            assert min(columns) >= 0, widget
            assert max(columns) < 24, widget
            cells = set(itertools.product(columns, rows))
            assert not cells & covered, widget
            covered |= cells
        last = max(row for _, row in covered)
        assert covered == set(itertools.product(range(24), range(last + 1))), "a gap"


def test_every_widget_says_what_it_shows(stack: Deployed) -> None:
    titles = [widget["title"] for widget in metric_widgets(stack)]

    assert len(titles) == len(set(titles))
    for widget in metric_widgets(stack):
        assert widget["region"] == "eu-central-1"
        assert widget["period"] == 300
        for row in widget["metrics"]:
            options = row[-1] if isinstance(row[-1], dict) else {}
            assert options.get("label") or options.get("visible") is False, (widget["title"], row)


def test_the_machine_shows_every_alarm(stack: Deployed) -> None:
    (board,) = (widget for widget in widgets(stack)["machine"] if widget["type"] == "alarm")
    made = stack.of_type("AWS::CloudWatch::Alarm")

    assert sorted(board["properties"]["alarms"]) == sorted(f"{name}.Arn" for name in made)


def test_every_alarm_tells_the_topic_when_it_begins_and_ends(stack: Deployed) -> None:
    told = [TOPIC] if stack.parameters["AlarmTopicArn"] else None

    for name, alarm in alarms(stack).items():
        assert alarm.get("AlarmActions") == alarm.get("OKActions") == told, name
        assert alarm.get("ActionsEnabled", True) is True, name


def test_every_alarm_says_what_to_do_first(full: Deployed) -> None:
    queries = {query["Name"].removeprefix("metta/") for query in full.of_type("AWS::Logs::QueryDefinition").values()}
    steps = queries | {"metta redrive", "metta doctor", "go back first", "dashboard", *full.parameters}

    for name, alarm in alarms(full).items():
        description = alarm["AlarmDescription"]
        assert len(description) <= 1024, name
        assert any(step in description for step in steps | {"CHATWOOT_WEBHOOK_SECRET"}), name
        assert description.endswith("docs/runbook.md"), name
        for quoted in re.findall(r"saved query '([^']+)'", description):
            assert quoted in queries, name


def test_the_watchdogs_alarms_come_and_go_with_it_and_the_receivers_with_the_receiver() -> None:
    watchdog = {"customers-unanswered", "turns-stranded", "watchdog-silent"}
    receiver = {"webhook-failing", "webhook-refusing"}
    standing = set(alarms(deployed(WatchdogEnabled="false")))

    assert len(standing) == 9
    assert set(alarms(deployed())) == standing | watchdog
    assert set(alarms(deployed(WatchdogEnabled="false", WebhookEnabled="true"))) == standing | receiver


def test_a_release_goes_back_for_errors_dead_letters_and_hand_offs() -> None:
    def stopping(**given: str) -> list[str]:
        (group,) = deployed(**given).of_type("AWS::CodeDeploy::DeploymentGroup").values()
        return [alarm["Name"] for alarm in group["AlarmConfiguration"]["Alarms"]]

    on_aws = ["WorkerErrorsAlarm", "DeadLettersAlarm", "HandoffRateAlarm", "HandoffFailuresAlarm"]
    assert stopping() == on_aws
    assert stopping(AwsEndpointUrl="http://127.0.0.1:4566") == ["DeadLettersAlarm"]


def test_queries_ask_for_fields_that_lines_have(full: Deployed) -> None:
    keys = logged_keys() | INSIGHTS
    queries = full.of_type("AWS::Logs::QueryDefinition")

    assert len(queries) == 10
    for query in queries.values():
        text = re.sub(r"#.*", "", query["QueryString"])
        text = re.sub(r'"[^"]*"|/[^/\n]*/', "", text)
        made = set(re.findall(r"\bas (\w+)", text))
        used = set(re.findall(r"@?\b[A-Za-z_]\w*", text)) - QUERY_WORDS - made - {"1h"}
        assert used, query["Name"]
        assert used <= keys, (query["Name"], used - keys)
        assert set(query["LogGroupNames"]) <= set(full.of_type("AWS::Logs::LogGroup")), query["Name"]


def test_queries_look_for_words_that_lines_have(full: Deployed) -> None:
    source = "".join(path.read_text() for path in Path(metta.__file__).parent.rglob("*.py"))
    texts = [query["QueryString"] for query in full.of_type("AWS::Logs::QueryDefinition").values()]

    patterns = [found for text in texts for found in re.findall(r"like /([^/\n]+)/", text)]
    assert patterns
    assert all(pattern in source for pattern in patterns)
    outcomes = [found for text in texts for found in re.findall(r'outcome = "(\w+)"', text)]
    assert outcomes
    assert set(outcomes) <= {outcome.value for outcome in Outcome}


def test_nothing_is_saved_where_queries_are_not_wanted() -> None:
    assert not deployed(SavedQueries="false").of_type("AWS::Logs::QueryDefinition")
