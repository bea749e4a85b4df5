"""Odoo, checked from the address to the rights; everything bounded in time, nothing of the server's words told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

from metta.errors import OdooDown, SettingsError
from metta.integrations.odoo import OdooClient
from metta.integrations.odoo.allowlist import INSPECTION
from metta.integrations.odoo.port import FieldMissing, KeyRefused, NoAccess, Refused
from metta.integrations.odoo.transport import Address
from metta.integrations.odoo.version import OdooVersion
from metta.settings import OdooSettings
from metta_local.doctor import rights
from metta_local.doctor.abilities import ABILITIES, Ability, try_out
from metta_local.doctor.check import Check, fail, ok, skip, warn
from metta_local.doctor.given import Given
from metta_local.doctor.side_by_side import Tell

TESTED = range(15, 20)
"""Releases of Odoo that Metta is built for."""
TOTAL_SECONDS = 60.0
"""What all questions together may take, unless the policy's pace makes each of them wait."""
SILENT_SECONDS = 10.0
"""What the first answer may take: who has not given it by then will give no other."""
GIVE_UP_AFTER = 3
"""Failures after which no more is asked; a single one can be of one model alone."""
_QUESTIONS = 80
"""More than are asked; for the time that a pace costs."""
_TO_LOG_IN = 6
"""More than are asked before the version and the user are known."""
_TO_CLOSE_SECONDS = 3.0
_DOWN = "is Odoo up, and can this machine reach it? try again; while it lasts, Metta hands such questions to a person"

Step = tuple[str, Callable[[], Awaitable[Check]]]


def most_seconds(given: Given) -> float:
    """What the checks of this area may take: there are dozens of questions, and the policy may set a pace."""
    return TOTAL_SECONDS + _paced(given, _QUESTIONS) + _TO_CLOSE_SECONDS


def _paced(given: Given, questions: int) -> float:
    pace = given.policy.odoo.calls_per_second
    return questions / pace if pace else 0.0


async def look(given: Given, tell: Tell) -> None:
    """All checks of one Odoo. After a failed connection the rest is left out."""
    settings, policy = given.settings.odoo, given.policy
    try:
        client = OdooClient(
            settings,
            timeout_seconds=policy.limits.odoo_seconds,
            calls_per_second=policy.odoo.calls_per_second,
            allowed=INSPECTION,
        )
    except SettingsError as error:
        tell(fail("odoo.address", str(error), "only scheme, host and port, for example https://odoo.example.com"))
        return
    seconds = most_seconds(given) - _TO_CLOSE_SECONDS
    tell(_tls(settings.url))
    try:
        async with asyncio.timeout(seconds):
            await _connected(client, settings, tell, SILENT_SECONDS + _paced(given, _TO_LOG_IN))
    except TimeoutError:
        tell(fail("odoo.time", f"the checks took longer than {seconds:g} s and were given up", _DOWN))
    finally:
        client.close()


async def _connected(client: OdooClient, settings: OdooSettings, tell: Tell, seconds: float) -> None:
    """Connect within ``seconds``, then one step after the other."""
    try:
        async with asyncio.timeout(seconds):
            version, protocol = await client.connection()
    except TimeoutError:
        tell(fail("odoo.connection", f"no answer within {seconds:g} s", _DOWN))
        return
    except KeyRefused as error:
        fix = (
            "check ODOO_USERNAME and ODOO_API_KEY, and that the user is in ODOO_DB; if the key was revoked or has "
            "expired, make a new one (docs/odoo.md)"
        )
        tell(ok("odoo.connection", "an Odoo answers"))
        tell(fail("odoo.login", str(error), fix))
        return
    except OdooDown as error:
        tell(fail("odoo.connection", str(error), _fix(error)))
        return
    tell(_release(version, protocol))
    name = settings.username
    steps: list[Step] = [
        ("odoo.login", lambda: _login(client, name, protocol)),
        ("odoo.time_zone", lambda: _time_zone(client)),
    ]
    steps += [(each.check, _trial(client, each)) for each in ABILITIES]
    steps += [
        ("odoo.changes", lambda: rights.changes(client)),
        ("odoo.administrator", lambda: rights.administrator(client)),
        ("odoo.sees_more", lambda: rights.sees_more(client)),
        ("odoo.company", lambda: rights.companies(client, name)),
        ("odoo.key", lambda: rights.key_expiry(client, name, major=version.major)),
    ]
    failures = 0
    for step, work in steps:
        if failures == GIVE_UP_AFTER:
            tell(skip(step, "not checked: Odoo could not be asked"))
            continue
        try:
            tell(await work())
        except OdooDown as error:
            failures += 1
            tell(fail(step, str(error), _fix(error)))


def _tls(url: str) -> Check:
    address = Address.of(url)
    if address.tls:
        return ok("odoo.tls", "the connection is encrypted")
    if address.is_loopback:
        return ok("odoo.tls", "not encrypted, but on this machine")
    return warn("odoo.tls", "ODOO_URL is not https: the API key travels in clear", "use https")


def _release(version: OdooVersion, protocol: str) -> Check:
    name = "odoo.connection"
    spoken = {"json2": "JSON-2", "jsonrpc": "JSON-RPC"}.get(protocol, protocol)
    if not version.major:
        return warn(
            name, f"the server does not tell its version; {spoken} is spoken", "is ODOO_URL Odoo's own address?"
        )
    found = f"Odoo {version.name}, {spoken}"
    if version.major not in TESTED:
        tested = f"{TESTED[0]} to {TESTED[-1]}"
        return warn(name, found, f"Metta is built for Odoo {tested}; try its tools out before customers do")
    if version.has_json2 and protocol != "json2":
        why = f"{found}: JSON-2, which replaces it, does not let the user in"
        return warn(name, why, "ODOO_API_KEY must be an API key, not a password; is /json/2 blocked by a proxy?")
    return ok(name, found)


async def _login(client: OdooClient, username: str, protocol: str) -> Check:
    """Whether the user is the one that is meant: JSON-2 goes by the key alone and never looks at the name."""
    check, accepted = "odoo.login", "user and key are accepted"
    if protocol == "jsonrpc":
        return ok(check, accepted)
    try:
        rows = await client.search_read("res.users", [("login", "=", username)], ["id"], limit=1, order="id")
    except (NoAccess, FieldMissing, Refused):
        return ok(check, "the key is accepted; whether it is the user's cannot be seen")
    if rows:
        return ok(check, accepted)
    return fail(
        check,
        "the key is accepted, but there is no user ODOO_USERNAME: its company and keys cannot be looked at",
        "set ODOO_USERNAME to the login of the user whose key it is; JSON-RPC would not let it in",
    )


async def _time_zone(client: OdooClient) -> Check:
    """In which zone customers are told the days of their orders."""
    name, zone = "odoo.time_zone", await client.timezone()
    if not zone:
        why = "the user has no time zone: days are told in UTC, which near midnight is another day than the shop's"
        return warn(name, why, "set the shop's in the user's preferences (docs/odoo.md)")
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return warn(name, "the user's time zone is not known here: days are told in UTC", "choose a common one")
    return ok(name, f"days are told as in {zone}")


def _trial(client: OdooClient, ability: Ability) -> Callable[[], Awaitable[Check]]:
    return lambda: try_out(client, ability)


def _fix(error: OdooDown) -> str:
    """What to do, unless the error itself says which variable to look at."""
    text = str(error)
    return "mend that variable" if "ODOO_URL" in text or "ODOO_DB" in text else _DOWN
