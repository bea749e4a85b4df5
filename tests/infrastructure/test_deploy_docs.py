"""docs/deploy.md: its parameters, keys and costs are those of template, settings and formula."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infrastructure.evaluate import deployed
from metta.bootstrap.common import check
from metta.bootstrap.migrate import migrate_with
from metta.errors import SettingsError
from metta.settings import SECRET_NAMES, load
from metta_local.cost import Assumptions, Month, Prices, listed, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"
VIEWS = {
    "worker": ("chatwoot", "odoo", "model", "state", "database"),
    "console": ("chatwoot", "odoo", "model", "state", "database"),
    "watchdog": ("chatwoot", "state", "database"),
    "webhook": ("queue", "receiver"),
}
"""What each function checks at its start; migrate looks for its key when it is asked to migrate."""
GIVEN = {
    "AWS_SQS_QUEUE_URL": "https://sqs.example/q",
    "IDEMPOTENCY_TABLE": "t",
    "CHATWOOT_BASE_URL": "https://chat.example",
    "CHATWOOT_ACCOUNT_ID": "3",
    "ODOO_URL": "https://shop.example",
    "ODOO_DB": "shop",
    "ODOO_USERNAME": "metta",
    "METTA_SECRET_ARN": "arn",
}


def block(name: str) -> str:
    """What stands between the page's markers of that name."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE.read_text(), re.DOTALL)
    assert found is not None, f"docs/deploy.md has no block {name}"
    return found[1]


def rows(name: str) -> list[list[str]]:
    lines = block(name).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def parameters(template: dict[str, Any]) -> str:
    """The template's groups as a table; what has no default is in bold."""
    lines = ["| group | parameters (**needed**) |", "|---|---|"]
    for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        names = [
            f"`{name}`" if "Default" in template["Parameters"][name] else f"**`{name}`**"
            for name in group["Parameters"]
        ]
        lines.append(f"| {group['Label']['default']} | {', '.join(names)} |")
    return "\n".join(lines) + "\n"


def test_every_parameter_is_in_its_group(template: dict[str, Any]) -> None:
    assert block("parameters") == parameters(template)


def test_every_secret_is_explained_and_no_other() -> None:
    assert [row[0].strip("`") for row in rows("keys")] == sorted(SECRET_NAMES, key=[*SECRET_NAMES].index)


@pytest.mark.parametrize("function", VIEWS)
def test_a_key_is_called_needed_where_a_function_does_not_start_without_it(function: str) -> None:
    column = 1 + ["worker", "console", "watchdog", "webhook", "migrate"].index(function)
    secret = {name: "postgresql://db/metta" if "URL" in name else "x" for name in SECRET_NAMES}
    needed = []
    for name in SECRET_NAMES:
        lacking = {other: value for other, value in secret.items() if other != name}
        if name == "CHATWOOT_WEBHOOK_SECRET":
            del lacking["CHATWOOT_WEBHOOK_SECRET_PREVIOUS"]
        settings = load(GIVEN, secret=lambda _arn, held=lacking: held)
        try:
            check(settings, VIEWS[function])
        except SettingsError as error:
            needed += [name] if name in str(error) else [f"{name} stops it without being named"]

    assert [row[0].strip("`") for row in rows("keys") if row[column] == "needed"] == needed


def test_the_secret_that_a_newcomer_copies_starts_every_function() -> None:
    found = re.search(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    secret = json.loads(found[1])
    settings = load(GIVEN, secret=lambda _arn: secret)

    for views in VIEWS.values():
        check(settings, views)
    assert settings.database_migrate_url is not None
    assert [name for name in secret if "needed" not in row_of(name)] == []


def row_of(key: str) -> list[str]:
    (row,) = (row for row in rows("keys") if row[0] == f"`{key}`")
    return row


def test_a_migration_needs_the_owner_s_connection_string_alone() -> None:
    with pytest.raises(SettingsError, match="not set: DATABASE_MIGRATE_URL"):
        migrate_with(load({}))

    assert [row[0] for row in rows("keys") if row[5] == "needed"] == ["`DATABASE_MIGRATE_URL`"]


def test_the_months_cost_what_the_formula_says() -> None:
    """`python -m metta_local.cost` prints all three."""
    assert block("cost") == table()
    assert block("prices") == listed(Prices())
    assert block("assumptions") == listed(Assumptions())


def test_what_stands_in_the_stack_all_month_is_what_is_paid_for() -> None:
    stack = deployed(WebhookEnabled="true")
    alarms = stack.of_type("AWS::CloudWatch::Alarm").values()
    read = sum(sum("MetricStat" in each for each in alarm.get("Metrics", [])) or 1 for alarm in alarms)

    assert Assumptions().alarm_metrics == read
    assert Assumptions().dashboards == len(stack.of_type("AWS::CloudWatch::Dashboard"))
    assert Assumptions().worker_gigabytes * 1024 == int(stack["WorkerFunction"]["MemorySize"])


def test_a_full_batch_costs_a_sixth_of_the_lambda_time_of_its_turns() -> None:
    one = Assumptions(webhooks=0, looks=0, cold_share=0)
    ten = replace(one, conversations=10, turn_seconds=one.turn_seconds * 1.2)

    alone, full = (Month(10_000, assumed=each).gigabyte_seconds() for each in (one, ten))

    assert alone == 10_000 * one.turn_seconds * one.worker_gigabytes
    assert full <= alone / 6
