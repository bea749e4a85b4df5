"""Are the variables there and well-formed, area by area? Needs no network, but for the secret where one is named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from metta import settings as metta_settings
from metta.errors import SettingsError
from metta.persistence.chain import weakness
from metta.policy import Policy, load_policy
from metta.settings import Settings
from metta_local.doctor import aws_access
from metta_local.doctor.check import Check, fail, ok, warn

SECRET_SECONDS = 8.0
"""How long the secret may take, whatever hangs."""
_ENV_EXAMPLE = ".env.example lists every variable with its meaning"
_ARN = "METTA_SECRET_ARN"
_RIGHT = "secretsmanager:GetSecretValue"
_AREAS = {
    "queue": ("AWS_SQS_", "SQS_"),
    "state": ("IDEMPOTENCY_",),
    "chatwoot": ("CHATWOOT_",),
    "odoo": ("ODOO_",),
    "model": ("OPENAI_",),
    "database": ("DATABASE_", "AUDIT_"),
}
"""Area, which is also the name of its view of the settings, and how its variables begin."""
REST = "settings"
"""The area of all other variables."""
AREAS = (REST, *_AREAS)

Secret = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class Variables:
    """The environment, and the secret behind it, taken apart.

    Attributes:
        settings: made of all variables that are well-formed.
        malformed: what is wrong with the others, per variable.
        blanks: variables whose value begins or ends with a blank, as a careless paste leaves it.
        secret_problem: why the secret could not be read; empty when it was, or when none is named.
        secret_fix: what to do about that.
        read_secret: whether there is a secret and it was read.
        names: of everything that is set, in the environment or the secret, Metta's or not.
    """

    settings: Settings
    malformed: Mapping[str, str] = field(default_factory=dict)
    blanks: frozenset[str] = frozenset()
    secret_problem: str = ""
    secret_fix: str = ""
    read_secret: bool = False
    names: frozenset[str] = frozenset()


def take(environ: Mapping[str, str], secret: Secret | None = None) -> Variables:
    """Read all variables; a malformed one does not stand in the way of the others.

    Args:
        environ: the environment.
        secret: reads what ``METTA_SECRET_ARN`` names; Secrets Manager unless given.
    """
    endpoint = environ.get("AWS_ENDPOINT_URL") or None
    secret = secret or partial(aws_access.secret, endpoint=endpoint)
    given: dict[str, Any] = {}
    problem = fix = ""
    arn = environ.get(_ARN)
    if arn:
        try:
            given.update({name.upper(): value for name, value in _in_time(secret, arn).items()})
        except SettingsError as error:
            problem, fix = _why_not(error, endpoint)
    given.update({name.upper(): value for name, value in environ.items() if value})
    known = {name: value for name, value in given.items() if name.lower() in Settings.model_fields and name != _ARN}
    malformed: dict[str, str] = {}
    for name, value in known.items():
        try:
            metta_settings.load({name: value})
        except SettingsError as error:
            malformed[name] = str(error).removeprefix(f"{name}: ")
    return Variables(
        settings=metta_settings.load({name: value for name, value in known.items() if name not in malformed}),
        malformed=malformed,
        blanks=frozenset(name for name, value in known.items() if isinstance(value, str) and value != value.strip()),
        secret_problem=problem,
        secret_fix=fix,
        read_secret=bool(arn) and not problem,
        names=frozenset(given),
    )


def check(variables: Variables, area: str) -> list[Check]:
    """What is missing or malformed in one area, by name; never a value."""
    if area == REST:
        return [*_secret(variables), _well_formed(variables, area) or ok(f"{REST}.variables", "well-formed")]
    name = f"{area}.variables"
    bad = _well_formed(variables, area)
    if bad and bad.status.value == "fail":
        return [bad]
    try:
        getattr(variables.settings, area)
    except SettingsError as error:
        return [fail(name, str(error), _ENV_EXAMPLE)]
    found = [bad or ok(name, "all that is needed is set")]
    return [*found, _audit_key(variables)] if area == "database" else found


def _audit_key(variables: Variables) -> Check:
    key, name = variables.settings.audit_key, "database.audit_key"
    if lost := weakness(key.get_secret_value() if key else None):
        return warn(name, lost, "make one of 32 random bytes (docs/deploy.md) and keep it: old entries need it")
    return ok(name, "entries of the audit log are sealed with it")


def policy_of(variables: Variables) -> tuple[Policy, Check]:
    """The policy file, or the packaged one where that cannot be used."""
    try:
        policy = load_policy(variables.settings.metta_policy)
    except SettingsError as error:
        first, *more = [line.strip() for line in str(error).splitlines()]
        found = f"{first} {more[0]}{f' (and {len(more) - 1} more)' if more[1:] else ''}" if more else first
        fix = "`metta policy --check FILE` names every mistake in the file that METTA_POLICY names"
        return load_policy(), fail("settings.policy", found, fix)
    return policy, ok("settings.policy", f"version {policy.version}")


def _well_formed(variables: Variables, area: str) -> Check | None:
    name = f"{area}.variables"
    if bad := {each: why for each, why in sorted(variables.malformed.items()) if area_of(each) == area}:
        return fail(name, "; ".join(f"{each}: {why}" for each, why in bad.items()), _ENV_EXAMPLE)
    if blank := sorted(each for each in variables.blanks if area_of(each) == area):
        return warn(name, f"begins or ends with a blank: {', '.join(blank)}", "remove the blank; it counts")
    return None


def area_of(variable: str) -> str:
    """The area that a variable belongs to."""
    return next((area for area, starts in _AREAS.items() if variable.startswith(starts)), REST)


def _secret(variables: Variables) -> list[Check]:
    name = "settings.secret"
    if variables.secret_problem:
        return [fail(name, variables.secret_problem, variables.secret_fix)]
    return [ok(name, "METTA_SECRET_ARN can be read")] if variables.read_secret else []


def _why_not(error: SettingsError, endpoint: str | None) -> tuple[str, str]:
    """What stood in the way of the secret, and what to do; AWS's own error is somewhere behind the one that came."""
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, ClientError | BotoCoreError):
        behind = behind.__cause__ or behind.__context__
    if not isinstance(behind, ClientError | BotoCoreError):
        return str(error), f"check {_ARN} and the right {_RIGHT}"
    found = aws_access.meaning(behind, _RIGHT, endpoint)
    if found.missing:
        return f"{_ARN}: there is no such secret in this region and account", "see `aws secretsmanager list-secrets`"
    return f"{_ARN}: {found}", found.fix


def _in_time(secret: Secret, arn: str) -> Mapping[str, Any]:
    """The secret, in a thread that is left behind when it takes too long."""
    found: list[Mapping[str, Any] | SettingsError] = []

    def read() -> None:
        try:
            found.append(secret(arn))
        except SettingsError as error:
            found.append(error)

    thread = threading.Thread(target=read, name="secret", daemon=True)
    thread.start()
    thread.join(SECRET_SECONDS)
    if not found:
        raise SettingsError(f"{_ARN}: the secret cannot be read (no answer within {SECRET_SECONDS:g} s)")
    if isinstance(found[0], SettingsError):
        raise found[0]
    return found[0]
