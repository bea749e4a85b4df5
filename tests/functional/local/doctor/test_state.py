"""The table of idempotency and turn state: missing, made wrongly, or closed to who asks."""

from __future__ import annotations

from typing import Any

import pytest

from metta_local.aws import table_attributes

from .aws_world import AwsWorld
from .conftest import Examine


def made(world: AwsWorld, **changed: Any) -> str:
    """A table as the template makes it, but for what is changed and what is set afterwards."""
    wanted = {**table_attributes(), **changed}
    given = {name: value for name, value in wanted.items() if value is not None}
    world.aws.client("dynamodb").create_table(TableName=world.name, **given)
    return world.name


def test_a_table_as_the_template_makes_it_is_all_right(world: AwsWorld, examine: Examine) -> None:
    report = examine("state", world.variables(IDEMPOTENCY_TABLE=world.aws.create_table(world.name)))

    assert report.bad() == set()
    assert set(report.statuses.values()) == {"ok"}


def test_nothing_is_written_to_it(world: AwsWorld, examine: Examine) -> None:
    examine("state", world.variables(IDEMPOTENCY_TABLE=world.aws.create_table(world.name)))

    assert world.aws.client("dynamodb").scan(TableName=world.name)["Items"] == []


def test_no_such_table(world: AwsWorld, examine: Examine) -> None:
    report = examine("state", world.variables(IDEMPOTENCY_TABLE="table-of-4711"))

    status, found = report.one("state.connection")
    assert (status, "no table that IDEMPOTENCY_TABLE names" in found) == ("fail", True)
    assert "IdempotencyTableName" in report.fixes["state.connection"]
    assert "4711" not in report.text


def test_a_name_that_no_table_can_have(world: AwsWorld, examine: Examine) -> None:
    report = examine("state", world.variables(IDEMPOTENCY_TABLE="my table!"))

    assert report.statuses["state.connection"] == "fail"


@pytest.mark.parametrize(
    "changed",
    [
        {
            "KeySchema": [{"AttributeName": "conversation", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "conversation", "AttributeType": "S"}],
        },
        {
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
        },
        {
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "AttributeDefinitions": [
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "at", "AttributeType": "N"},
            ],
        },
    ],
    ids=["another name", "a number", "a sort key"],
)
def test_a_key_that_metta_does_not_ask_by(world: AwsWorld, examine: Examine, changed: dict[str, Any]) -> None:
    table = made(world, GlobalSecondaryIndexes=None, **changed)

    report = examine("state", world.variables(IDEMPOTENCY_TABLE=table))

    assert report.statuses["state.key"] == "fail"
    assert "IdempotencyTable" in report.fixes["state.key"]


def test_an_index_that_the_watchdog_misses(world: AwsWorld, examine: Examine) -> None:
    attributes = [{"AttributeName": "id", "AttributeType": "S"}]
    table = made(world, GlobalSecondaryIndexes=None, AttributeDefinitions=attributes)

    report = examine("state", world.variables(IDEMPOTENCY_TABLE=table))

    status, found = report.one("state.index")
    assert (status, "watchdog" in found) == ("fail", True)


def test_nothing_is_forgotten_and_nothing_can_be_brought_back(world: AwsWorld, examine: Examine) -> None:
    report = examine("state", world.variables(IDEMPOTENCY_TABLE=made(world)))

    assert report.code == 0
    assert report.bad() == {"state.expiry", "state.recovery"}
    assert "`expiration`" in report.fixes["state.expiry"]
    assert "point-in-time recovery" in report.fixes["state.recovery"]


def test_items_that_end_by_another_attribute(world: AwsWorld, examine: Examine) -> None:
    table, dynamodb = made(world), world.aws.client("dynamodb")
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})

    report = examine("state", world.variables(IDEMPOTENCY_TABLE=table))

    status, found = report.one("state.expiry")
    assert (status, "does not go by `expiration`" in found) == ("warn", True)


class TestRights:
    def test_none_at_all(self, strict: AwsWorld, examine: Examine) -> None:
        table = strict.aws.create_table(strict.name)

        report = examine("state", strict.variables(IDEMPOTENCY_TABLE=table, **strict.keys_of_user()))

        status, found = report.one("state.connection")
        assert (status, "dynamodb:GetItem" in found) == ("fail", True)
        assert report.fixes["state.connection"] == "allow dynamodb:GetItem to them"

    def test_those_of_the_worker_do_for_what_it_needs(self, strict: AwsWorld, examine: Examine) -> None:
        table = strict.aws.create_table(strict.name)
        keys = strict.keys_of_user("dynamodb:GetItem")

        report = examine("state", strict.variables(IDEMPOTENCY_TABLE=table, **keys))

        assert report.code == 0
        assert report.statuses["state.connection"] == "ok"
        status, found = report.one("state.key")
        assert (status, "dynamodb:DescribeTable" in found) == ("skip", True)

    def test_a_part_that_cannot_be_seen_hides_nothing_else(self, strict: AwsWorld, examine: Examine) -> None:
        table = strict.aws.create_table(strict.name)
        keys = strict.keys_of_user("dynamodb:GetItem", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive")

        report = examine("state", strict.variables(IDEMPOTENCY_TABLE=table, **keys))

        assert report.statuses["state.expiry"] == "ok"
        assert report.statuses["state.recovery"] == "skip"
