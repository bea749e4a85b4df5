"""Webhooks as Chatwoot has them: registered once, subscribed to what Metta needs, to an address that can be reached."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from itertools import combinations
from urllib.parse import urlsplit

from pydantic import SecretStr

from metta_local.doctor.chatwoot_address import WITHOUT_BOT_SIGNATURE, Version
from metta_local.doctor.chatwoot_inboxes import BY_ADMIN
from metta_local.doctor.chatwoot_ours import HEARD, Ours
from metta_local.doctor.chatwoot_seen import Hook, Seen
from metta_local.doctor.check import Check, fail, ok, skip, warn
from metta_local.doctor.loopback import is_loopback

NEEDED = {
    "message_updated": "a failed delivery",
    "conversation_status_changed": "a conversation given back or resolved",
    "conversation_updated": "a person who takes over",
}
"""What is not heard without the event."""
SECRET = "CHATWOOT_WEBHOOK_SECRET"
_WHERE = "Settings > Integrations > Webhooks"
_ALL = ", ".join((HEARD, *NEEDED))


def twice(seen: Seen | None, mine: Ours) -> Check:
    """Whether a message comes more than once."""
    name = "chatwoot.webhooks"
    if seen is None or seen.webhooks is None:
        return skip(name, f"whether a webhook is registered twice: {BY_ADMIN}")
    attached = {bot.id: bot for bot in seen.bots.values() if bot is not None and bot.url}
    sources = [("the bot", bot) for bot in attached.values()]
    sources += [("account webhook", hook) for hook in seen.webhooks if HEARD in hook.subscriptions]
    sources += [("the callback of inbox", box.callback) for box in (seen.inboxes or {}).values() if box.callback]
    doubled = [(one, other) for one, other in combinations(sources, 2) if one[1].place == other[1].place]
    if doubled:
        pairs = "; ".join(f"{_named(one)} and {_named(other)}" for one, other in doubled[:3])
        found = f"the same address is registered twice ({pairs}): every message comes twice, and is paid for twice"
        return warn(name, found, f"delete the account webhook ({_WHERE}); a bot alone is enough")
    if mine.bot is not None and mine.heard:
        found = f"the bot and account webhook {_ids(mine.webhooks)} both bring every message to Metta"
        return warn(name, found, f"delete the account webhook ({_WHERE}); a bot alone is enough")
    return ok(name, "nothing is registered twice")


def subscriptions(seen: Seen | None, mine: Ours) -> Check:
    """Whether the account webhook, if that is what brings messages, brings the events that are needed and no others."""
    name = "chatwoot.subscriptions"
    if seen is None or seen.webhooks is None:
        return skip(name, f"what the account webhook is subscribed to: {BY_ADMIN}")
    bot, webhooks = mine.bot, mine.webhooks
    if not webhooks:
        return ok(name, "a bot's events are fixed; there is no account webhook of Metta's")
    given = frozenset().union(*(hook.subscriptions for hook in webhooks))
    which, fix = f"account webhook {_ids(webhooks)}", f"subscribe it to {_ALL}, nothing else ({_WHERE})"
    if HEARD not in given and bot is None:
        return fail(name, f"{which} is not subscribed to {HEARD}: Metta hears of no message", fix)
    if lost := [what for event, what in NEEDED.items() if event not in given and bot is None]:
        return warn(name, f"{which} does not tell Metta of {', '.join(lost)}", fix)
    if any(event.startswith("inbox_") for event in given):
        return warn(name, f"{which} sends inbox events: they carry the channels' credentials", fix)
    if extra := given - {HEARD, *NEEDED}:
        return ok(name, f"{which} brings what is needed, and {len(extra)} events more that only cost")
    return ok(name, f"{which} brings what is needed")


def address(seen: Seen | None, mine: Ours, base_url: str) -> Check:
    """Whether the address that Chatwoot sends to can be reached from where Chatwoot is."""
    name = "chatwoot.webhook_address"
    if seen is None:
        return skip(name, f"where Chatwoot sends messages: {BY_ADMIN}")
    hooks = mine.all
    if not hooks:
        if mine.unclear:
            return skip(name, "which of the bots that are attached is Metta's is not shown")
        if seen.webhooks is None:
            return skip(name, f"where Chatwoot sends messages: {BY_ADMIN}")
        return fail(name, "neither a bot nor an account webhook leads anywhere: Metta hears nothing", _make())
    if any(each.hidden for each in hooks):
        return skip(name, "the bot is one of the whole installation: its URL is shown in the super admin console alone")
    if any(not each.url for each in hooks):
        return fail(name, "the bot has no webhook URL: Metta hears nothing", "set it: Settings > Bots > BOT")
    if any(each.parts is None for each in hooks):
        return fail(
            name,
            "the webhook's URL is not an address: Metta hears nothing",
            "copy the address again (docs/deploy.md, 7)",
        )
    here = is_loopback(urlsplit(base_url).hostname or "")
    if not here and any(_inside(each) for each in hooks):
        found = "the webhook's URL is of this machine or a private network: Chatwoot does not reach it, or blocks it"
        return fail(name, found, "use an address that Chatwoot reaches (docs/deploy.md, 7)")
    if any(_scheme(each) != "https" and not (here and _inside(each)) for each in hooks):
        return warn(name, "the webhook's URL is not https: customers' messages travel in clear", "use https")
    return ok(name, "the address looks as if Chatwoot reaches it")


def secret(
    seen: Seen | None, mine: Ours, current: SecretStr | None, previous: SecretStr | None, version: Version | None
) -> Check:
    """Whether signatures are checked, and with the secret that Chatwoot signs with."""
    name = "chatwoot.webhook_secret"
    secrets = [each for each in (current, previous) if each is not None]
    if not secrets:
        found = f"{SECRET} is not set: Metta's receiver does not start, and the worker takes whatever is on the queue"
        return warn(name, found, "set it to the bot's or account webhook's secret (docs/deploy.md, 2)")
    if seen is None or not seen.administrator or seen.webhooks is None:
        return skip(name, f"it is set; whether it is what Chatwoot signs with: {BY_ADMIN}")
    bot, hooks = mine.bot, mine.all
    if not hooks:
        return skip(name, "it is set; nothing that is known to be Metta's could be signed with it")
    if not any(each.secret for each in hooks):
        if bot is not None and version is not None and version < WITHOUT_BOT_SIGNATURE:
            found = "this Chatwoot does not sign a bot's webhooks: Metta's receiver refuses every message"
            return fail(name, found, "update Chatwoot to 4.13.0 or newer, or use an account webhook")
        return skip(name, "it is set; Chatwoot does not show what it signs with")
    if unknown := [each for each in hooks if each.secret and not each.signed_with(secrets)]:
        what = "the bot" if unknown[0] is bot else f"account webhook {unknown[0].id}"
        found = f"{SECRET} is not what {what} signs with: every message of its is refused"
        return fail(name, found, "copy the secret again (Settings > Bots, or the webhook's own); a reset changes it")
    if current and not all(each.signed_with([current]) for each in hooks if each.secret):
        return warn(name, f"Chatwoot still signs with {SECRET}_PREVIOUS", "finish the rotation (docs/runbook.md)")
    return ok(name, "it is what Chatwoot signs with")


def _make() -> str:
    return "make a bot with Metta's webhook URL and attach it to the inboxes (docs/deploy.md, 2 and 7)"


def _scheme(hook: Hook) -> str:
    return hook.parts.scheme if hook.parts else ""


def _inside(hook: Hook) -> bool:
    """Whether an address is of no use outside of its own machine or network."""
    host = (hook.parts.hostname if hook.parts else None) or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return is_loopback(host) or "." not in host or host.endswith((".internal", ".local", ".lan", ".localhost"))


def _named(source: tuple[str, Hook]) -> str:
    return f"{source[0]} {source[1].id}"


def _ids(hooks: Sequence[Hook]) -> str:
    return ", ".join(str(hook.id) for hook in hooks)
