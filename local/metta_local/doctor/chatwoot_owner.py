"""Whose a token of Chatwoot's is, and whether it opens the account; found out by asking for what only some may see."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from pydantic import SecretStr

from metta.integrations.chatwoot.thread import mapping, number, objects
from metta_local.doctor.chatwoot_ask import Answer, Asker, Said

ALWAYS_THERE = 1
"""The first conversation of an account has this number; it is looked for, not read."""
NEVER_THERE = 0


class Kind(Enum):
    """What sort of token it is."""

    BOT = auto()
    USER = auto()
    PLATFORM = auto()
    """Of a platform app, which makes accounts and users and may do nothing inside them."""
    REFUSED = auto()
    LOST = auto()
    """The header did not arrive."""
    UNKNOWN = auto()


class Entry(Enum):
    """How a token stands to the account."""

    IN = auto()
    PERHAPS = auto()
    """A bot's: let in, if the account exists at all."""
    OTHER = auto()
    SUSPENDED = auto()
    NO_API = auto()
    UNSEEN = auto()


@dataclass(frozen=True)
class Owner:
    """Whose a token is.

    Attributes:
        token: itself; never to be shown.
        kind: what sort.
        entry: whether it opens the account.
        administrator: whether it may change the account's settings.
        accounts: ids of the accounts that a user belongs to.
        told: why nothing is known, where nothing is.
    """

    token: SecretStr
    kind: Kind
    entry: Entry = Entry.UNSEEN
    administrator: bool = False
    accounts: tuple[int, ...] = ()
    told: str = ""

    @property
    def reads(self) -> bool:
        """Whether it is a user's who belongs to the account."""
        return self.kind is Kind.USER and self.entry is Entry.IN


async def whose(asker: Asker, token: SecretStr, account_id: int) -> Owner:
    """Find out by asking for what only some may see."""
    answer = await asker.get("/api/v1/profile", token)
    if answer.ok and number(mapping(answer.body).get("id")):
        return await _user(asker, token, account_id, objects(mapping(answer.body).get("accounts")))
    if answer.said is Said.NOT_FOR_BOTS:
        if (await asker.get("/platform/api/v1/agent_bots", token)).ok:
            return Owner(token, Kind.PLATFORM)
        return Owner(token, Kind.BOT, await _bot_entry(asker, token, account_id))
    kind = {Said.WRONG_TOKEN: Kind.REFUSED, Said.NO_TOKEN: Kind.LOST}.get(answer.said or Said.NO_RIGHT, Kind.UNKNOWN)
    return Owner(token, kind, told=answer.told)


async def _user(asker: Asker, token: SecretStr, account_id: int, rows: list[dict[str, Any]]) -> Owner:
    accounts = {found: row for row in rows if (found := number(row.get("id"))) is not None}
    row = accounts.get(account_id)
    if row is None:
        return Owner(token, Kind.USER, Entry.OTHER, accounts=tuple(sorted(accounts)))
    entry = Entry.SUSPENDED if row.get("status") == "suspended" else Entry.IN
    if entry is Entry.IN:
        entry = _entry(await asker.get(f"/api/v1/accounts/{account_id}/conversations/{NEVER_THERE}", token), Entry.IN)
    return Owner(token, Kind.USER, entry, row.get("role") == "administrator", tuple(sorted(accounts)))


async def _bot_entry(asker: Asker, token: SecretStr, account_id: int) -> Entry:
    """A bot is told 404 of an account that is not there, as of a conversation that is not."""
    below = f"/api/v1/accounts/{account_id}/conversations"
    never, always = await asyncio.gather(*(asker.get(f"{below}/{at}", token) for at in (NEVER_THERE, ALWAYS_THERE)))
    return Entry.IN if always.status == 200 else _entry(never, Entry.PERHAPS)


def _entry(answer: Answer, if_missing: Entry) -> Entry:
    if answer.status == 404:
        return if_missing
    known = {
        Said.NOT_THIS_ACCOUNT: Entry.OTHER,
        Said.SUSPENDED: Entry.SUSPENDED,
        Said.NO_API: Entry.NO_API,
    }
    return known.get(answer.said, Entry.UNSEEN) if answer.said else Entry.UNSEEN
