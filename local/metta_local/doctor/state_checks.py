"""The table of idempotency and turn state: is it there, with the keys Metta asks by, forgetting and kept safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from metta_local.doctor.aws_access import Aws, AwsError
from metta_local.doctor.check import Check, fail, ok, skip, warn
from metta_local.doctor.given import Given
from metta_local.doctor.side_by_side import Tell

NO_ITEM = "doctor"
"""No item has this key."""
INDEX = "watch"
"""What the watchdog finds unfinished conversations by."""
EXPIRY = "expiration"
"""The attribute that ends an item's life."""
_ITEM, _TABLE, _TTL, _BACKUPS = (
    "dynamodb:GetItem",
    "dynamodb:DescribeTable",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:DescribeContinuousBackups",
)
_KEY = [("id", "HASH", "S")]
_INDEX_KEY = [("watch", "HASH", "S"), ("since", "RANGE", "N")]
_ANEW = "make it anew as template.yaml does (IdempotencyTable); keys of a table cannot be changed"


async def look(given: Given, tell: Tell) -> None:
    """All checks of the table; without it the rest is left out."""
    aws, table = Aws(given.settings), given.settings.state.table
    try:
        dynamodb = aws.client("dynamodb")
    except AwsError as trouble:
        tell(trouble.as_failure("state.connection"))
        return
    described: Mapping[str, Any] | None = None
    denied = ""
    try:
        described = aws.ask(dynamodb.describe_table, _TABLE, TableName=table).get("Table")
        if described is None:
            raise AwsError("what answers is no DynamoDB", "check AWS_ENDPOINT_URL")
    except AwsError as trouble:
        if not trouble.denied:
            tell(_not_there(trouble))
            return
        denied = str(trouble)
    if described is None:
        tell(_read(aws, dynamodb, table))
        tell(skip("state.key", f"its keys and settings are not known: {denied}"))
        return
    tell(keys := _keys(described))
    if keys.fix:
        return
    tell(_read(aws, dynamodb, table))
    tell(_index(described))
    tell(_seen("state.expiry", lambda: _expiry(aws.ask(dynamodb.describe_time_to_live, _TTL, TableName=table))))
    tell(
        _seen(
            "state.recovery",
            lambda: _recovery(aws.ask(dynamodb.describe_continuous_backups, _BACKUPS, TableName=table)),
        )
    )


def _not_there(trouble: AwsError) -> Check:
    if not trouble.missing:
        return trouble.as_failure("state.connection")
    found = "there is no table that IDEMPOTENCY_TABLE names in this region and account"
    return fail(
        "state.connection", found, "set it to the stack's output IdempotencyTableName; check AWS_DEFAULT_REGION"
    )


def _read(aws: Aws, dynamodb: Any, table: str) -> Check:
    """Read as a turn does; what it writes with is not tried."""
    key = {"id": {"S": NO_ITEM}}
    try:
        aws.ask(dynamodb.get_item, _ITEM, TableName=table, Key=key, ConsistentRead=True)
    except AwsError as trouble:
        return _not_there(trouble)
    return ok("state.connection", "the table can be read")


def _keys(table: Mapping[str, Any]) -> Check:
    name = "state.key"
    if _schema(table, table) != _KEY:
        return fail(name, "the table's key is not `id` (text) alone: no turn can be kept in it", _ANEW)
    return ok(name, "the key is `id`")


def _index(table: Mapping[str, Any]) -> Check:
    name = "state.index"
    for index in table.get("GlobalSecondaryIndexes", ()):
        if index.get("IndexName") == INDEX and _schema(index, table) == _INDEX_KEY:
            return ok(name, "unfinished conversations are found by the index `watch`")
    found = "the index `watch` (`watch` text, `since` number) is missing: the watchdog finds nobody who was forgotten"
    return fail(name, found, "add the index as template.yaml has it (IdempotencyTable, keys only)")


def _expiry(answer: Mapping[str, Any]) -> Check:
    name = "state.expiry"
    told = answer.get("TimeToLiveDescription", {})
    attribute, fix = told.get("AttributeName"), f"turn time to live on, for the attribute `{EXPIRY}`"
    if told.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        return warn(name, "time to live is off: what is done is kept for ever, and the table grows", fix)
    if attribute != EXPIRY:
        return warn(name, f"time to live does not go by `{EXPIRY}`: what is done is kept for ever", fix)
    return ok(name, f"items end by `{EXPIRY}`")


def _recovery(answer: Mapping[str, Any]) -> Check:
    name = "state.recovery"
    told = answer.get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
    if told.get("PointInTimeRecoveryStatus") == "ENABLED":
        return ok(name, "the table can be brought back to any moment of the last days")
    found = "point-in-time recovery is off: the table holds what the audit log is proved by, and could not come back"
    return warn(name, found, "turn point-in-time recovery on, as the template does")


def _seen(name: str, check: Callable[[], Check]) -> Check:
    """The check, or that it could not be made."""
    try:
        return check()
    except AwsError as trouble:
        return skip(name, f"not known: {trouble}")


def _schema(of: Mapping[str, Any], table: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, role and type of each key attribute."""
    types = {each["AttributeName"]: each["AttributeType"] for each in table.get("AttributeDefinitions", ())}
    return [
        (each["AttributeName"], each["KeyType"], types.get(each["AttributeName"], ""))
        for each in of.get("KeySchema", ())
    ]
