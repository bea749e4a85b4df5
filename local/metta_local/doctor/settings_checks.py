"""Variables beside each other: names that nothing reads, and values that contradict one another. Needs no network."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from metta.settings import Settings
from metta_local.doctor.check import Check, ok, warn
from metta_local.doctor.given import Given

_KNOWN = frozenset(name.upper() for name in Settings.model_fields)
_OURS = ("METTA_", "CHATWOOT_", "ODOO_", "BURST_", "IDEMPOTENCY_", "AUDIT_", "SQS_", "AWS_SQS_")
"""What begins like this is meant for Metta."""
_OTHERS = re.compile(
    r"METTA_(TEST|BUILD|CI|STAGE)(_.*)?|OPENAI_(ORG_ID|PROJECT_ID|ORGANIZATION|PROJECT|WEBHOOK_SECRET|LOG|AGENTS_.*)"
    r"|AWS_ENDPOINT_URL_.*|AWS_(?!SQS_).*|POWERTOOLS_(?!SERVICE|METRICS).*|POWERTOOLS_METRICS_(DISABLED|FUNCTION_NAME)"
)
"""What Metta's own tools, libraries and AWS read beside the settings."""
_ALIKE, _ALIKE_OURS = 0.85, 0.75
"""How alike two names are for one to be a slip of the other; less will do where it is meant for Metta anyway."""
_SHOWN = re.compile(r"[A-Z0-9_]{1,60}")


def check(given: Given) -> list[Check]:
    """Everything that can be said without asking anybody."""
    settings = given.settings
    found = [_names(given.variables.names)]
    contradictions = list(_contradictions(settings))
    found += contradictions or [ok("settings.contradictions", "no value contradicts another")]
    if not settings.worker_enabled:
        what = "WORKER_ENABLED is false: nobody answers, messages wait on the queue"
        found.append(warn("settings.worker", what, "set WORKER_ENABLED=true (deployed: WorkerEnabled=true)"))
    return found


def _names(names: frozenset[str]) -> Check:
    """Names that nothing reads although they look as if they were meant for Metta."""
    name = "settings.names"
    strange = {each: _meant(each, names) for each in sorted(names) if _SHOWN.fullmatch(each)}
    guesses = [
        f"{each} (did you mean {meant}?)" if meant else each for each, meant in strange.items() if meant is not None
    ]
    if not guesses:
        return ok(name, "every variable that looks like Metta's is one")
    fix = "rename or remove: nothing reads it; .env.example lists every variable"
    return warn(name, f"set, but no variable of Metta's: {', '.join(guesses)}", fix)


def _meant(name: str, names: frozenset[str]) -> str | None:
    """What a name was meant to be; empty when it is meant for Metta but like nothing, None when it is fine."""
    if name in _KNOWN or _OTHERS.fullmatch(name):
        return None
    ours = name.startswith(_OURS)
    close = difflib.get_close_matches(name, sorted(_KNOWN), 1, _ALIKE_OURS if ours else _ALIKE)
    if close and (ours or close[0] not in names):
        return close[0]
    return "" if ours else None


def _contradictions(settings: Settings) -> Iterator[Check]:
    name = "settings.contradictions"
    secret, previous = settings.chatwoot_webhook_secret, settings.chatwoot_webhook_secret_previous
    if previous is not None and secret is None:
        what = "CHATWOOT_WEBHOOK_SECRET_PREVIOUS is set without CHATWOOT_WEBHOOK_SECRET"
        yield warn(name, what, "put the secret that holds now into CHATWOOT_WEBHOOK_SECRET")
    elif previous is not None and previous == secret:
        what = "CHATWOOT_WEBHOOK_SECRET_PREVIOUS is the same as CHATWOOT_WEBHOOK_SECRET"
        yield warn(name, what, "take it away; it is for the time of a rotation (docs/receiver.md)")
    quiet, most = settings.burst_quiet_seconds, settings.burst_max_seconds
    if quiet > most:
        what = f"BURST_QUIET_SECONDS ({quiet:g}) is more than its cap BURST_MAX_SECONDS ({most:g})"
        yield warn(name, what, "lower the first or raise the second")
    tries, receives = settings.metta_max_attempts, settings.sqs_max_receive_count
    if tries >= receives:
        what = (
            f"METTA_MAX_ATTEMPTS ({tries}) are never reached: SQS_MAX_RECEIVE_COUNT ({receives}) ends a message first"
        )
        yield warn(name, what, "keep SQS_MAX_RECEIVE_COUNT several times METTA_MAX_ATTEMPTS (30 and 5)")
    queue_host = urlsplit(settings.aws_sqs_queue_url or "").hostname or ""
    if settings.aws_endpoint_url and queue_host.endswith(".amazonaws.com"):
        what = "AWS_SQS_QUEUE_URL is at AWS, but AWS_ENDPOINT_URL sends every request elsewhere"
        yield warn(name, what, "take AWS_ENDPOINT_URL away; it is for a local AWS")
