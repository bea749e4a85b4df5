"""``metta audit erase --older-than``: removes what is older than the policy wants it, or says what would go."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from metta import settings as metta_settings
from metta.errors import SettingsError
from metta.messages import JsonObject
from metta.persistence.heads import DynamoHeads
from metta.persistence.retention import (
    LEAST_DAYS,
    MAY_REMOVE,
    Count,
    Removed,
    conversations_older_than,
    count_by_month,
    remove_older,
)
from metta.policy import load_policy
from metta.settings import Settings
from metta_local.audit.erase import agreed, connected, operator
from metta_local.audit.opening import heads_table, keys_of
from metta_local.console import CommandError, complain, say
from metta_local.progress import Progress


def run(chosen: argparse.Namespace) -> int:
    """Remove what is old, or say with ``--dry-run`` what would be.

    Returns:
        0; 1 when something old was left since it is not as Metta wrote it.

    Raises:
        CommandError: neither the command line nor the policy says how old.
        SettingsError: a variable is missing or malformed.
        AuditDown: database or table cannot be reached; another run goes on.
    """
    settings = metta_settings.load()
    days = chosen.older_than or load_policy(settings.metta_policy).audit.keep_days
    if days is None:
        raise CommandError("how old? Say --older-than DAYS, or set audit.keep_days in the policy")
    cutoff = _days_ago(max(days, LEAST_DAYS))
    if settings.database_migrate_url is None:
        raise SettingsError("not set: DATABASE_MIGRATE_URL (only the schema's owner may remove rows)")
    url = settings.database_migrate_url.get_secret_value()
    with connected(url, "DATABASE_MIGRATE_URL", MAY_REMOVE) as connection:
        if chosen.dry_run:
            _show_counts(count_by_month(connection, cutoff, chosen.account), days, as_json=chosen.json)
            return 0
        if not chosen.yes and not agreed(f"Remove all that was written before {cutoff:%Y-%m-%d %H:%M} UTC for good?"):
            return 0
        return _remove(chosen, settings, url, cutoff)


def _days_ago(days: int) -> datetime:
    """As long ago as that, or as the calendar goes."""
    try:
        return datetime.now(UTC) - timedelta(days=days)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _remove(chosen: argparse.Namespace, settings: Settings, url: str, cutoff: datetime) -> int:
    client, table = heads_table(settings)
    heads, keys, asked_by = DynamoHeads(client, table), keys_of(settings), operator(chosen.by)
    done: list[Removed] = []
    with (
        Progress("removing what is old") as progress,
        connected(url, "DATABASE_MIGRATE_URL", MAY_REMOVE) as listing,
        connected(url, "DATABASE_MIGRATE_URL", MAY_REMOVE) as removing,
    ):
        for key in conversations_older_than(listing, cutoff, chosen.account):
            progress.now(f"removing what is old: conversation {key}")
            while True:
                removed = remove_older(removing, key, cutoff, heads=heads, keys=keys, asked_by=asked_by)
                if removed.entries or removed.problem:
                    done.append(removed)
                if not removed.entries:
                    break
    left = [one for one in done if one.problem]
    document: JsonObject = {
        "dry_run": False,
        "before": cutoff.isoformat(),
        "conversations": len({one.key for one in done if one.entries}),
        "entries": sum(one.entries for one in done),
        "rows": sum(one.rows for one in done),
        "left": [{"conversation": str(one.key), "problem": one.problem} for one in left],
    }
    if chosen.json:
        say(json.dumps(document))
    else:
        say("removed {entries} entries with {rows} rows of {conversations} conversations".format(**document))
    for one in left:
        complain(f"{one.key}: not removed, {one.problem}; see `metta audit verify {one.key}`")
    return 1 if left else 0


def _show_counts(counts: list[Count], days: int, *, as_json: bool) -> None:
    months: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for count in counts:
        months[count.month][count.table] = count.rows
    if as_json:
        say(json.dumps({"dry_run": True, "days": days, "months": months}))
        return
    if not months:
        say(f"nothing is older than {days} days")
    for month, tables in months.items():
        rows = sum(rows for table, rows in tables.items() if table != "entries")
        each = ", ".join(f"{table} {rows}" for table, rows in sorted(tables.items()) if table != "entries")
        say(f"{month}: {tables.get('entries', 0)} entries with {rows} rows would be removed ({each})")
