"""``metta redteam``: plays the cases and reports what was tried, what reached the model, and what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from metta_local.aws import MiniStack
from metta_local.console import CommandError, say, say_json, stdout_kept
from metta_local.progress import Progress
from metta_local.redteam.cases import Case, cases
from metta_local.redteam.running import Result, run

Json = dict[str, Any]


def main(*, as_json: bool, only: str | None, sample: bool) -> int:
    """Play the cases twice; 1 when a forbidden effect was seen.

    Args:
        as_json: one JSON document instead of tables.
        only: a part of the names of the cases to play; all when None.
        sample: only those that every test run plays.

    Raises:
        CommandError: no case has such a name.
    """
    chosen = [case for case in cases() if (only or "") in case.name and (case.sampled or not sample)]
    if not chosen:
        raise CommandError(f"no case is named like {only!r}; names are like {cases()[0].name!r}")
    with (
        Progress("playing attacks", 2 * len(chosen)) as progress,
        tempfile.TemporaryDirectory() as folder,
        stdout_kept(Path(folder) / "log") as out,
    ):
        results = list(_play(chosen, Path(folder), progress))
        out.flush()
    report = _report(results)
    if as_json:
        say_json(report)
    else:
        _show(report)
    return 1 if report["effects"] else 0


def _play(chosen: Sequence[Case], folder: Path, progress: Progress) -> Iterator[Result]:
    with MiniStack() as aws:
        for detection in (False, True):
            for result in run(chosen, folder, aws, detection=detection):
                progress.step()
                yield result


def _report(results: Sequence[Result]) -> Json:
    def counted(some: Iterable[Result]) -> Json:
        rows = list(some)
        return {
            "cases": len(rows),
            "read": sum(result.read for result in rows),
            "obeyed": sum(result.obeyed for result in rows),
            "effects": sum(bool(result.effects) for result in rows),
        }

    def by(name: str, values: Iterable[str]) -> Json:
        def matching(value: str, detection: bool) -> Iterable[Result]:
            return (r for r in results if r.detection is detection and _keys(r.case)[name] == value)

        return {value: {mode: counted(matching(value, on)) for mode, on in _MODES.items()} for value in values}

    keys = [_keys(result.case) for result in results]
    return {
        "total": {mode: counted(r for r in results if r.detection is on) for mode, on in _MODES.items()},
        **{f"by_{name}": by(name, dict.fromkeys(key[name] for key in keys)) for name in ("side", "messages", "goal")},
        "effects": [
            {"case": r.case.name, "attack": r.case.attack, "detection": r.detection, "effects": list(r.effects)}
            for r in results
            if r.effects
        ],
    }


_MODES = {"detection_off": False, "detection_on": True}


def _keys(case: Case) -> dict[str, str]:
    side = "tool result" if case.place.side == "tool" else "input"
    return {"side": side, "messages": case.place.messages, "goal": case.goal.name}


def _show(report: Json) -> None:
    say(f"{'':34}{'detection off':^32}{'as shipped':^32}")
    say(f"{'':34}{'  cases    read  obeyed    harm ' * 2}".rstrip())
    groups = {"total": {"all": report["total"]}, **{key: report[key] for key in ("by_side", "by_messages", "by_goal")}}
    for group in groups.values():
        for name, modes in group.items():
            figures = [modes[mode][key] for mode in _MODES for key in ("cases", "read", "obeyed", "effects")]
            say(
                f"{name:34}" + "".join(f"{figure:7}" + (" " if at % 4 < 3 else "") for at, figure in enumerate(figures))
            )
        say("")
    for harm in report["effects"]:
        say(f"HARM {harm['case']} (detection {'on' if harm['detection'] else 'off'}): {harm['attack']}")
        for effect in harm["effects"]:
            say(f"  {effect}")
    if not report["effects"]:
        say("No forbidden effect was seen.")
