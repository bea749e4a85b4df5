"""What Chatwoot shows of its settings to the most powerful token at hand: inboxes, their bots, webhooks and teams."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from metta.integrations.chatwoot.thread import mapping, number, objects
from metta_local.doctor.chatwoot_ask import Answer, Asker, Said
from metta_local.doctor.chatwoot_owner import Owner

MOST_INBOXES = 40
"""So many inboxes' bots are asked for; an account with more is looked at in part."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Hook:
    """An address that events are sent to: a bot's, an account webhook's or an API inbox's.

    Attributes:
        id: of the bot, webhook or inbox.
        url: as registered, empty for none; it may hold a secret and is never to be shown.
        hidden: whether Chatwoot keeps the URL to itself, as it does of a bot of the whole installation.
        secret: what its events are signed with; None when that is not shown.
        subscriptions: of an account webhook.
    """

    id: int
    url: str
    secret: SecretStr | None = None
    subscriptions: frozenset[str] = frozenset()
    hidden: bool = False

    @property
    def parts(self) -> SplitResult | None:
        """The URL taken apart; None when it is none."""
        try:
            url = urlsplit(self.url.strip())
            is_one = bool(url.hostname) and (url.port is None or url.port > 0)
        except ValueError:
            return None
        return url if is_one else None

    @property
    def place(self) -> str:
        """The address without what makes no difference: case, default port, slash at the end, http or https."""
        if (url := self.parts) is None:
            return self.url.strip()
        port = url.port or _PORTS.get(url.scheme, 0)
        shown = "" if port in _PORTS.values() else f":{port}"
        return f"{(url.hostname or '').lower()}{shown}{url.path.rstrip('/')}?{url.query}"

    def signed_with(self, secrets: Iterable[SecretStr]) -> bool:
        """Whether its secret is one of these."""
        own = self.secret.get_secret_value() if self.secret else ""
        return bool(own) and any(hmac.compare_digest(own, each.get_secret_value()) for each in secrets)


@dataclass(frozen=True)
class InboxSeen:
    """An inbox: its number, and what of it matters here."""

    id: int
    assigns: bool
    callback: Hook | None = None


@dataclass(frozen=True)
class Seen:
    """What was shown; None stands for what was not.

    Attributes:
        administrator: whether an administrator's token looked.
        inboxes: by number; an agent is shown its own.
        bots: which bot is attached to an inbox, None for none; without the inboxes whose bot was not shown.
        own_bot: the bot that ``CHATWOOT_API_KEY`` is the token of.
        webhooks: of the account.
        teams: their numbers.
    """

    administrator: bool = False
    inboxes: Mapping[int, InboxSeen] | None = None
    bots: Mapping[int, Hook | None] = field(default_factory=dict)
    own_bot: Hook | None = None
    webhooks: tuple[Hook, ...] | None = None
    teams: frozenset[int] | None = None


def eyes(owners: Iterable[Owner | None]) -> Owner | None:
    """The owner who is shown the most."""
    readers = [owner for owner in owners if owner is not None and owner.reads]
    return next((owner for owner in readers if owner.administrator), readers[0] if readers else None)


async def see(asker: Asker, by: Owner, account_id: int, sends: SecretStr, wanted: frozenset[int]) -> Seen:
    """Ask for everything side by side.

    Args:
        asker: of the installation.
        by: who looks.
        account_id: where.
        sends: the token that sends, to find its bot by.
        wanted: inboxes that are answered; empty for all.
    """
    below = f"/api/v1/accounts/{account_id}"
    paths = ("inboxes", "agent_bots", "webhooks", "teams")
    inboxes, bots, webhooks, teams = await asyncio.gather(*(asker.get(f"{below}/{path}", by.token) for path in paths))
    found = _inboxes(inboxes)
    numbers = sorted(wanted or found or ())[:MOST_INBOXES]
    attached = await asyncio.gather(*(asker.get(f"{below}/inboxes/{number}/agent_bot", by.token) for number in numbers))
    if found is not None:  # an agent is not shown an inbox that it is no member of, and yet it is there
        there = {at: InboxSeen(at, assigns=False) for at, one in zip(numbers, attached, strict=True) if _denied(one)}
        found = there | found
    return Seen(
        administrator=by.administrator,
        inboxes=found,
        bots={at: _attached(one) for at, one in zip(numbers, attached, strict=True) if one.ok},
        own_bot=next((_bot(row) for row in _rows(bots) if _token(row) and _same(_token(row), sends)), None),
        webhooks=_webhooks(webhooks),
        teams=frozenset(_numbers(_rows(teams))) if teams.ok else None,
    )


async def shown_inboxes(asker: Asker, by: Owner, account_id: int) -> frozenset[int] | None:
    """The inboxes that a user is shown, which are those it belongs to; None when nothing was shown."""
    answer = await asker.get(f"/api/v1/accounts/{account_id}/inboxes", by.token)
    return frozenset(_numbers(_rows(answer))) if answer.ok else None


def _denied(answer: Answer) -> bool:
    return answer.said is Said.NO_RIGHT


def _same(token: str, other: SecretStr) -> bool:
    return hmac.compare_digest(token.encode(), other.get_secret_value().encode())


def _rows(answer: Answer) -> list[dict[str, Any]]:
    body = answer.body if answer.ok else None
    return objects(mapping(body).get("payload") if isinstance(body, dict) else body)


def _numbers(rows: Iterable[Mapping[str, Any]]) -> list[int]:
    return [found for row in rows if (found := number(row.get("id"))) is not None]


def _inboxes(answer: Answer) -> dict[int, InboxSeen] | None:
    if not answer.ok:
        return None
    found = {}
    for row in _rows(answer):
        if (at := number(row.get("id"))) is not None:
            url = row.get("webhook_url")
            callback = Hook(at, url) if isinstance(url, str) and url else None
            found[at] = InboxSeen(at, row.get("enable_auto_assignment") is True, callback)
    return found


def _attached(answer: Answer) -> Hook | None:
    row = mapping(mapping(answer.body).get("agent_bot"))
    return _bot(row) if number(row.get("id")) is not None else None


def _bot(row: Mapping[str, Any]) -> Hook:
    hidden = "outgoing_url" not in row
    return Hook(number(row.get("id")) or 0, _text(row.get("outgoing_url")), _secret(row), hidden=hidden)


def _webhooks(answer: Answer) -> tuple[Hook, ...] | None:
    if not answer.ok:
        return None
    rows = objects(mapping(mapping(answer.body).get("payload")).get("webhooks"))
    return tuple(
        Hook(
            number(row.get("id")) or 0,
            _text(row.get("url")),
            _secret(row),
            frozenset(event for event in row.get("subscriptions") or () if isinstance(event, str)),
        )
        for row in rows
    )


def _token(row: Mapping[str, Any]) -> str:
    """A bot's token: the text alone, or inside the record it is kept in."""
    given = row.get("access_token")
    return _text(mapping(given).get("token") if isinstance(given, dict) else given)


def _secret(row: Mapping[str, Any]) -> SecretStr | None:
    return SecretStr(row["secret"]) if isinstance(row.get("secret"), str) and row["secret"] else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
