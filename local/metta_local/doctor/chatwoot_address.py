"""Whether ``CHATWOOT_BASE_URL`` leads to a Chatwoot, which one, and where it leads instead."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from metta.integrations.chatwoot.thread import mapping
from metta_local.doctor import clock
from metta_local.doctor.chatwoot_ask import Answer, Asker, Trouble
from metta_local.doctor.check import Check, fail, ok, warn
from metta_local.doctor.loopback import is_loopback

Version = tuple[int, ...]
NAME = "chatwoot.address"
_ROOT = "scheme and host alone, for example https://chat.example.com"
_FIXES = {
    Trouble.NAME: "check its spelling; inside a VPC or container, also which name server is asked",
    Trouble.REFUSED: "check host and port, and that Chatwoot is up",
    Trouble.CERTIFICATE: "it must be valid, of this name, and signed by an authority that this machine knows",
    Trouble.TLS: "is it http there? else check the port and the proxy in front",
    Trouble.SILENT: "check host and port, firewalls, and the way out of a VPC (a NAT gateway)",
    Trouble.BROKEN: "check scheme and port: http to a port of https breaks like this; else look at the proxy in front",
}
WITHOUT_BOT_SIGNATURE = (4, 13)
"""Before it a bot's webhooks are not signed."""
WITHOUT_SIGNATURE = (4, 11, 2)
"""Before it no webhook is."""
BOTS_READ = (4, 14, 2)
"""From here on a bot may look at a conversation."""
RAW_TEXT = (4, 12, 1)
RENDERED_TEXT = (4, 9)
"""From here to the above, webhooks carry the HTML of what was written."""


async def look(asker: Asker, base_url: str) -> tuple[Answer, list[Check]]:
    """What answers at ``/api``, and what that says; with a failure among the checks nothing else is worth asking."""
    answer = await asker.get("/api")
    if _is_chatwoot(answer):
        return answer, [ok(NAME, "a Chatwoot answers"), _tls(base_url), _services(answer)]
    return answer, [await _elsewhere(asker, base_url, answer)]


def version_of(answer: Answer) -> Version | None:
    """The version that ``/api`` tells; None when it is no version."""
    found = re.match(r"v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", str(mapping(answer.body).get("version")))
    return tuple(int(part or 0) for part in found.groups()) if found else None


def version(found: Version | None, *, bot_reads_alone: bool) -> Check:
    """Whether it is new enough for what Metta relies on.

    Args:
        found: what it is.
        bot_reads_alone: whether a bot's token is all there is to read with.
    """
    name, update = "chatwoot.version", "update Chatwoot to 4.14.2 or newer"
    if found is None:
        return warn(name, "Chatwoot does not tell its version", f"if it is older than 4.14.2: {update}")
    text = f"Chatwoot {'.'.join(map(str, found))}"
    if found < WITHOUT_SIGNATURE:
        return fail(name, f"{text}: too old, no webhook is signed and bots may not show that they type", update)
    lacks = []
    if found < WITHOUT_BOT_SIGNATURE:
        lacks.append("a bot's webhooks are not signed")
    if RENDERED_TEXT <= found < RAW_TEXT:
        lacks.append("messages arrive as the HTML of their channel")
    if found < BOTS_READ and bot_reads_alone:
        lacks.append("a bot may not look at a conversation, so Metta neither sees a person take over nor a lost reply")
    if not lacks:
        return ok(name, text)
    instead = "; or give CHATWOOT_HISTORY_API_KEY a user's token" if found >= WITHOUT_BOT_SIGNATURE else ""
    return warn(name, f"{text}: {'; '.join(lacks)}", update + instead)


def _is_chatwoot(answer: Answer) -> bool:
    return answer.ok and isinstance(answer.body, dict) and "version" in answer.body


def _tls(base_url: str) -> Check:
    name, url = "chatwoot.tls", urlsplit(base_url)
    if url.scheme == "https":
        return ok(name, "the connection is encrypted")
    if is_loopback(url.hostname or ""):
        return ok(name, "not encrypted, but on this machine")
    return warn(name, "CHATWOOT_BASE_URL is not https: tokens and messages travel in clear", "use https")


def _services(answer: Answer) -> Check:
    """Chatwoot sends webhooks from a queue of its own; without it nothing arrives."""
    down = [name for name in ("queue_services", "data_services") if mapping(answer.body).get(name) == "failing"]
    if not down:
        return ok("chatwoot.services", "its queue and database work, as it says")
    what = {"queue_services": "its queue (Redis)", "data_services": "its database"}
    found = f"Chatwoot says that {' and '.join(what[name] for name in down)} is down: it sends no webhooks"
    return fail("chatwoot.services", found, "mend that first; it is Chatwoot's own")


async def _elsewhere(asker: Asker, base_url: str, answer: Answer) -> Check:
    if answer.trouble:
        return fail(NAME, f"CHATWOOT_BASE_URL: {answer.trouble}", _FIXES[answer.trouble])
    url = urlsplit(base_url)
    if url.path.strip("/") and _is_chatwoot(await asker.get("/api", base_url=f"{url.scheme}://{url.netloc}")):
        found = "a Chatwoot answers at the host of CHATWOOT_BASE_URL, but not below its path"
        return fail(NAME, found, f"leave the path away: {_ROOT}")
    if answer.location:
        return _redirected(base_url, answer)
    if answer.status in (401, 403, 407):
        found = f"CHATWOOT_BASE_URL answers {answer.status} before Chatwoot is reached"
        return fail(NAME, found, "let this machine past the login or firewall in front of it, at least to /api")
    if answer.status >= 500 or answer.status == 429:
        return fail(NAME, f"CHATWOOT_BASE_URL answers {answer.status}", "is Chatwoot up? its logs say more; try again")
    what = "a web page" if answer.page else "something other than Chatwoot"
    return fail(NAME, f"CHATWOOT_BASE_URL leads to {what} ({answer.status} for /api)", f"it is Chatwoot's {_ROOT}")


def _redirected(base_url: str, answer: Answer) -> Check:
    here, there = urlsplit(base_url), urlsplit(urljoin(f"{base_url}/api", answer.location))
    if (here.scheme, there.scheme) == ("http", "https") and here.hostname == there.hostname:
        return fail(NAME, "CHATWOOT_BASE_URL is http and redirects to https: Metta follows no redirect", "write https")
    where = "another path of its host" if here.netloc == there.netloc else "another host"
    found = f"CHATWOOT_BASE_URL redirects to {where} ({answer.status}): Metta follows no redirect"
    return fail(NAME, found, f"open it in a browser and take the address where it ends: {_ROOT}")


def time(answer: Answer) -> Check:
    """This machine's clock against Chatwoot's, which signs webhooks with the time."""
    return clock.check("chatwoot.clock", "Chatwoot's", answer.reading)
