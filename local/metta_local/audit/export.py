"""``metta audit export``: a period of the log as JSON Lines or as CSV, row by row."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, Any

import psycopg

from metta import settings as metta_settings
from metta.messages import JsonObject
from metta.persistence.period import Period, period_erasures, period_skips, period_turns
from metta.persistence.read import moment
from metta.persistence.vault import Reader
from metta_local.audit.csv_tables import TABLES, CsvTables
from metta_local.audit.opening import log_of, reader_of
from metta_local.audit.plain import counted
from metta_local.console import CommandError, complain, say
from metta_local.progress import Progress

JSONL = "audit.jsonl"
_UNFINISHED = ".part"
_DOING = "exporting turns"


def run(chosen: argparse.Namespace) -> int:
    """Write what the log has of a period; to stdout, or to files that are there only once they are whole.

    Raises:
        CommandError: the period or the place to write to is none.
        SettingsError: a variable is missing or malformed.
        AuditDown: the database cannot be read.
    """
    settings = metta_settings.load()
    period = period_of(chosen)
    reader = partial(reader_of, settings)
    if chosen.out == "-":
        if chosen.format == "csv":
            raise CommandError("CSV is a file per table: name a directory with --out DIR")
        apart = not sys.stdout.isatty()  # rows on the same terminal are progress enough
        with Progress(_DOING, wanted=apart) as progress, log_of(settings) as connection:
            count = _lines(_told(records(connection, period, reader), progress), sys.stdout)
        complain(_summary(count))
        return 0
    directory = Path(chosen.out)
    with ExitStack() as files, Progress(_DOING) as progress:
        if chosen.format == "csv":
            names = [f"{table}.csv" for table in TABLES]
            opened = _open(directory, names, files)
            with log_of(settings) as connection:
                count = _tables(_told(records(connection, period, reader), progress), opened)
        else:
            names = [JSONL]
            opened = _open(directory, names, files)
            with log_of(settings) as connection:
                count = _lines(_told(records(connection, period, reader), progress), opened[JSONL])
    for name in names:
        (directory / f"{name}{_UNFINISHED}").rename(directory / name)
    if chosen.json:
        say(json.dumps({"directory": str(directory), "files": names, **count}))
    else:
        say(f"{_summary(count)} to {counted(len(names), 'file')} in {directory}")
    return 0


def period_of(chosen: argparse.Namespace) -> Period:
    """The period that was asked for.

    Raises:
        CommandError: it ends before it begins.
    """
    try:
        return Period(chosen.first, chosen.last, chosen.account)
    except ValueError as error:
        raise CommandError(str(error)) from None


def records(
    connection: psycopg.Connection[Any], period: Period, reader: Callable[[], Reader] = Reader
) -> Iterator[JsonObject]:
    """Turns, then skips, then erasures of the period, each with its kind as ``record``; in one transaction."""
    with moment(connection, statement_seconds=0):
        for turn in period_turns(connection, period, reader):
            yield {"record": "turn", **turn}
        for skip in period_skips(connection, period, reader):
            yield {"record": "skip", **skip}
        for erasure in period_erasures(connection, period):
            yield {"record": erasure["kind"], **erasure}


def _told(rows: Iterator[JsonObject], progress: Progress) -> Iterator[JsonObject]:
    for number, row in enumerate(rows, 1):
        progress.now(f"{_DOING}: {number:,}")
        yield row


def _lines(rows: Iterator[JsonObject], out: IO[str]) -> Counter[str]:
    count: Counter[str] = Counter(turns=0, skips=0, erasures=0)
    for record in rows:
        out.write(json.dumps(record) + "\n")
        count[_counted(record)] += 1
    out.flush()
    return count


def _tables(rows: Iterator[JsonObject], files: dict[str, IO[str]]) -> Counter[str]:
    count: Counter[str] = Counter(turns=0, skips=0, erasures=0)
    tables = CsvTables({name.removesuffix(".csv"): file for name, file in files.items()})
    for record in rows:
        tables.write(record)
        count[_counted(record)] += 1
    return count


def _counted(record: JsonObject) -> str:
    return {"turn": "turns", "skip": "skips"}.get(record["record"], "erasures")


def _open(directory: Path, names: list[str], files: ExitStack) -> dict[str, IO[str]]:
    """Unfinished files for these names, for their owner's eyes alone; removed again when the export fails.

    Raises:
        CommandError: one is there already, or the directory cannot be written to.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = [name for name in names if (directory / name).exists()]
        if there:
            raise CommandError(f"{directory / there[0]} is there already; name another directory")
        opened: dict[str, IO[str]] = {}
        for name in names:
            path = directory / f"{name}{_UNFINISHED}"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            opened[name] = files.enter_context(os.fdopen(descriptor, "w", encoding="utf-8", newline=""))
            files.push(lambda kind, _error, _at, path=path: path.unlink(missing_ok=True) if kind else None)
    except OSError as error:
        what = "is a file; name a directory" if directory.is_file() else f"cannot be written to ({error.strerror})"
        raise CommandError(f"--out {directory}: {what}") from None
    return opened


def _summary(count: Counter[str]) -> str:
    named = (("turns", "turn"), ("skips", "unanswered message"), ("erasures", "erasure"))
    return ", ".join(counted(count[name], one) for name, one in named)
