"""Which of the bots and account webhooks that Chatwoot shows lead to Metta, as far as that can be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from metta_local.doctor.chatwoot_seen import Hook, Seen

HEARD = "message_created"
"""The event without which nothing is answered."""


@dataclass(frozen=True)
class Ours:
    """What is Metta's.

    Attributes:
        own: Metta's bot, attached or not; None when it cannot be told, or there is none.
        bot: the same where it brings messages, or could.
        webhooks: of the account.
        others: numbers of bots that are attached and not Metta's.
        unclear: whether bots are attached and none of them can be told to be Metta's.
    """

    own: Hook | None = None
    bot: Hook | None = None
    webhooks: tuple[Hook, ...] = ()
    others: frozenset[int] = frozenset()
    unclear: bool = False

    @property
    def all(self) -> tuple[Hook, ...]:
        """Bot and webhooks."""
        return (self.bot, *self.webhooks) if self.bot else self.webhooks

    @property
    def heard(self) -> bool:
        """Whether an account webhook brings messages."""
        return any(HEARD in hook.subscriptions for hook in self.webhooks)


def ours(seen: Seen, secrets: Sequence[SecretStr]) -> Ours:
    """Tell them apart.

    A bot is Metta's by its token or its secret, or because it is the only one and no webhook is Metta's; a webhook by
    its secret, by the bot's address, or because nothing else could bring messages.

    Args:
        seen: what Chatwoot shows.
        secrets: that Metta knows signatures by.
    """
    attached = {bot.id: bot for bot in seen.bots.values() if bot is not None}
    webhooks = seen.webhooks or ()
    signed = any(each.signed_with(secrets) for each in webhooks)
    own = seen.own_bot or next((bot for bot in attached.values() if bot.signed_with(secrets)), None)
    if own is None and len(attached) == 1 and not signed:
        (own,) = attached.values()
    known = own is not None or signed
    mine = tuple(each for each in webhooks if each.signed_with(secrets) or _same_place(each, own))
    return Ours(
        own=own,
        bot=own if own is not None and (own.id in attached or not webhooks) else None,
        webhooks=mine or (() if attached else tuple(webhooks)),
        others=frozenset(attached) - {own.id if own else 0} if known else frozenset(),
        unclear=bool(attached) and not known,
    )


def _same_place(hook: Hook, bot: Hook | None) -> bool:
    return bot is not None and bool(bot.url) and hook.place == bot.place
