"""What a run comes to, in numbers for programs and in lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from metta_local.chaos.journal import Place
from metta_local.chaos.observed import Observed
from metta_local.chaos.running import Result
from metta_local.chaos.violation import Violation

TIMELINES = 5
"""Conversations whose timeline is printed."""
JSON_TIMELINES = 20


def document(result: Result, violations: list[Violation]) -> dict[str, Any]:
    """The report as one JSON document; every count is a number, what it is made of stands beside it."""
    observed, options = result.observed, result.options
    turns = [turn for conversation in observed.conversations for turn in conversation.turns]
    ours = [entry for conversation in observed.conversations for entry in conversation.ours]
    drops = Counter(turn.reason for turn in turns if turn.outcome == "dropped")
    handoffs = Counter(turn.reason for turn in turns if turn.outcome == "handed_off")
    skips = Counter(reason for one in observed.conversations for reasons in one.skips.values() for reason in reasons)
    faults: dict[str, dict[str, int]] = {}
    for (place, kind), count in sorted(result.faults.items()):
        faults.setdefault(place.value, {})[kind.value] = count
    return {
        "seed": options.seed,
        "ok": not violations,
        "tokens": options.tokens,
        "queue": "standard" if options.standard else "fifo",
        "workers": 0 if options.deployed else options.workers,
        "deployed": options.deployed,
        "without": options.without,
        "seconds": round(result.seconds, 1),
        "settled": observed.settled,
        "conversations": len(observed.conversations),
        "messages": sum(len(conversation.customers) for conversation in observed.conversations),
        "turns": len(turns),
        "answered": sum(turn.outcome == "answered" for turn in turns),
        "replies": sum(entry.kind == "reply" for entry in ours),
        "drops": sum(drops.values()),
        "drops_by_reason": dict(drops.most_common()),
        "handoffs": sum(handoffs.values()),
        "handoffs_by_reason": dict(handoffs.most_common()),
        "skips": sum(skips.values()),
        "skips_by_reason": dict(skips.most_common()),
        "delivery_unknown": sum(turn.delivery_unknown for turn in turns),
        "dead_letters": len(observed.dead),
        "records": len({record for record, _ in _received(observed)}),
        "retries": sum(receive > 1 for _, receive in _received(observed)),
        "model_runs": len(observed.runs),
        "webhooks": dict(result.webhooks),
        "faults": sum(result.faults.values()),
        "faults_by_place": faults,
        "kills": len(result.kills),
        "kills_by_step": dict(Counter(kill.step for kill in result.kills).most_common()),
        "violations": len(violations),
        "violations_by_promise": dict(Counter(violation.promise for violation in violations).most_common()),
        "violations_found": _shown(result, violations),
    }


def _received(observed: Observed) -> Iterator[tuple[str, int]]:
    """SQS message id and receive count of everything that workers were handed."""
    for call in observed.calls:
        if call.place is Place.SQS and call.operation == "receive":
            for record in call.detail.get("records", ()):
                yield record.message_id, record.receive_count


def _shown(result: Result, violations: Iterable[Violation]) -> list[dict[str, Any]]:
    shown, told = [], set[int]()
    for violation in violations:
        one: dict[str, Any] = {
            "promise": violation.promise,
            "conversation": violation.conversation,
            "what": violation.what,
        }
        if violation.conversation is not None and violation.conversation not in told and len(told) < JSON_TIMELINES:
            told.add(violation.conversation)
            one["timeline"] = result.journal.timeline(violation.conversation)
        shown.append(one)
    return shown


def lines(result: Result, report: dict[str, Any]) -> Iterator[str]:
    """The report for people."""
    options = result.options
    without = f", without {options.without}" if options.without else ""
    who = "the deployed function" if options.deployed else f"{options.workers} workers"
    yield (
        f"metta chaos, seed {options.seed}: {report['messages']} messages in {report['conversations']} conversations,"
        f" {report['queue']} queue, {who} with {options.tokens}{without}; {report['seconds']:.0f} s"
    )
    for name, of_what in (
        ("turns", ""),
        ("replies", ""),
        ("drops", "drops_by_reason"),
        ("handoffs", "handoffs_by_reason"),
        ("skips", "skips_by_reason"),
        ("delivery_unknown", ""),
        ("dead_letters", ""),
        ("retries", ""),
        ("kills", "kills_by_step"),
    ):
        yield f"  {name.replace('_', ' '):17}{report[name]:6}  {_listed(report.get(of_what, {}))}".rstrip()
    yield f"  {'faults':17}{report['faults']:6}"
    for place, kinds in report["faults_by_place"].items():
        yield f"    {place:10}{sum(kinds.values()):11}  {_listed(kinds)}"
    yield f"  {'violations':17}{report['violations']:6}"
    yield from _violations(options.seed, report["violations_found"])


def _violations(seed: int, violations: list[dict[str, Any]]) -> Iterator[str]:
    """Each with its timeline, as far as that can be read: of what recurs in a conversation only the first."""
    timelines = 0
    recurring = Counter((one["promise"], one["conversation"]) for one in violations)
    shown = set[tuple[str, int | None]]()
    for one in violations:
        key = one["promise"], one["conversation"]
        if key in shown:
            continue
        shown.add(key)
        where = "" if one["conversation"] is None else f" in conversation {one['conversation']}"
        more = f" (and {recurring[key] - 1} more like it)" if recurring[key] > 1 else ""
        yield f"VIOLATION {one['promise']}{where} (seed {seed}): {one['what']}{more}"
        if "timeline" in one and timelines < TIMELINES:
            timelines += 1
            yield from (f"    {line}" for line in one["timeline"])


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
