"""Chatwoot, checked from the address over the tokens to what it is set to; GETs alone, nothing of its words told."""

from __future__ import annotations

import asyncio

from metta.settings import ChatwootSettings, Settings
from metta_local.doctor import chatwoot_address, chatwoot_inboxes, chatwoot_tokens, chatwoot_webhooks
from metta_local.doctor.chatwoot_ask import Asker
from metta_local.doctor.chatwoot_ours import Ours, ours
from metta_local.doctor.chatwoot_owner import Entry, Kind, Owner, whose
from metta_local.doctor.chatwoot_seen import Seen, eyes, see, shown_inboxes
from metta_local.doctor.check import Status
from metta_local.doctor.given import Given
from metta_local.doctor.side_by_side import Tell


async def look(given: Given, tell: Tell) -> None:
    """All checks of one Chatwoot; after an address that does not lead to one nothing else is asked."""
    settings = given.settings
    chatwoot = settings.chatwoot
    async with Asker(chatwoot.base_url) as asker:
        answer, found = await chatwoot_address.look(asker, chatwoot.base_url)
        for check in found:
            tell(check)
        if any(check.status is Status.FAIL and check.name == chatwoot_address.NAME for check in found):
            return
        tell(chatwoot_address.time(answer))
        version = chatwoot_address.version_of(answer)
        sends, lists, shows = await _owners(asker, settings, chatwoot)
        reader = eyes((shows, lists, sends))
        bot_alone = sends.kind is Kind.BOT and (lists is None or not lists.reads)
        tell(chatwoot_address.version(version, bot_reads_alone=bot_alone))
        tell(chatwoot_tokens.sender(sends))
        seen = None
        if reader is not None and sends.entry is not Entry.SUSPENDED:
            seen = await see(asker, reader, chatwoot.account_id, chatwoot.api_key, chatwoot.inbox_ids)
        has_bot = seen is not None and seen.own_bot is not None
        exists = reader is not None
        tell(chatwoot_tokens.account(sends, chatwoot.account_id, exists=exists, has_bot=has_bot))
        outside = await _outside(asker, lists, chatwoot, seen)
    tell(chatwoot_tokens.lister(lists, sends, chatwoot.account_id, outside=outside))
    if shows is not None:
        tell(chatwoot_tokens.shower(shows))
    _settings(settings, chatwoot, seen, version, tell)


def _settings(
    settings: Settings,
    chatwoot: ChatwootSettings,
    seen: Seen | None,
    version: chatwoot_address.Version | None,
    tell: Tell,
) -> None:
    """What was seen, judged."""
    wanted, when = chatwoot.inbox_ids, chatwoot.answer_when
    mine = ours(seen, settings.webhook_secrets) if seen is not None else Ours()
    tell(chatwoot_inboxes.inboxes(wanted, seen))
    tell(chatwoot_inboxes.bots(wanted, seen, mine, when))
    tell(chatwoot_webhooks.twice(seen, mine))
    tell(chatwoot_webhooks.subscriptions(seen, mine))
    tell(chatwoot_webhooks.address(seen, mine, chatwoot.base_url))
    previous = settings.chatwoot_webhook_secret_previous
    tell(chatwoot_webhooks.secret(seen, mine, settings.chatwoot_webhook_secret, previous, version))
    tell(chatwoot_inboxes.assignment(wanted, seen, when))
    tell(chatwoot_inboxes.team(chatwoot.handoff_team_id, seen))


async def _owners(
    asker: Asker, settings: Settings, chatwoot: ChatwootSettings
) -> tuple[Owner, Owner | None, Owner | None]:
    """Whose the tokens are that send, list messages, and show settings to the doctor."""
    tokens = (chatwoot.api_key, chatwoot.history_api_key, settings.chatwoot_admin_api_key)
    distinct = {token.get_secret_value(): token for token in tokens if token is not None}
    asked = await asyncio.gather(*(whose(asker, token, chatwoot.account_id) for token in distinct.values()))
    owners = dict(zip(distinct, asked, strict=True))
    sends, *others = (owners[token.get_secret_value()] if token is not None else None for token in tokens)
    assert sends is not None
    return sends, others[0], others[1]


async def _outside(asker: Asker, lists: Owner | None, chatwoot: ChatwootSettings, seen: Seen | None) -> tuple[int, ...]:
    """Answered inboxes that the user who lists messages is no member of; there Chatwoot would refuse."""
    if lists is None or not lists.reads or lists.administrator or seen is None:
        return ()
    answered = chatwoot_inboxes.answered(chatwoot.inbox_ids, seen)
    theirs = await shown_inboxes(asker, lists, chatwoot.account_id)
    return () if theirs is None else tuple(at for at in answered if at not in theirs)
