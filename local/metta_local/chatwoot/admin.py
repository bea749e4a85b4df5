"""The emulated API above conversations, to be read only: whose a token is, the account, its inboxes, bots and webhooks.

Rights as Chatwoot's policies have them: a profile, the inboxes one belongs to with their bots, and teams are for every
user; webhooks, tokens and secrets for administrators; nothing of it for bots.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from metta_local.chatwoot.dispatch import Dispatcher
from metta_local.chatwoot.operations import ApiError
from metta_local.chatwoot.records import Bot, Inbox, User, Webhook, World
from metta_local.chatwoot.shapes import Json

_ACCOUNT = r"/api/v1/accounts/(\d+)"
_PATHS = {
    "api": re.compile(r"/api/?"),
    "platform_bots": re.compile(r"/platform/api/v1/agent_bots"),
    "profile": re.compile(r"/api/v1/profile"),
    "account": re.compile(_ACCOUNT),
    "inboxes": re.compile(_ACCOUNT + "/inboxes"),
    "inbox_agent_bot": re.compile(_ACCOUNT + r"/inboxes/(\d+)/agent_bot"),
    "agent_bots": re.compile(_ACCOUNT + "/agent_bots"),
    "webhooks": re.compile(_ACCOUNT + "/webhooks"),
    "teams": re.compile(_ACCOUNT + "/teams"),
}
PUBLIC = ("api", "platform_bots")
"""Operations that are answered before anybody asks whose token it is."""


def admin_operation(method: str, path: str) -> str | None:
    """The name of the operation behind a path above conversations; None when it is none of these."""
    if method != "GET":
        return None
    return next((name for name, shape in _PATHS.items() if shape.fullmatch(path)), None)


def not_found() -> ApiError:
    """What Chatwoot says of anything that is not there, accounts included."""
    return ApiError(404, {"error": "Resource could not be found"})


def unauthorized(text: str) -> ApiError:
    """Chatwoot says 401 for missing rights, too."""
    return ApiError(401, {"error": text})


class Admin:
    """Answers what an administrator's page would ask for.

    Args:
        world: the records.
        dispatcher: knows which addresses are registered.
        version: of Chatwoot, as it tells it.
    """

    def __init__(self, world: World, dispatcher: Dispatcher, version: str) -> None:
        self._world = world
        self._dispatcher = dispatcher
        self.version = version
        self.queue_services = "ok"

    def public(self, operation: str, token: str | None) -> Any:
        """The version, which anybody is told, and what a platform app may list."""
        if operation == "platform_bots":
            if token != self._world.platform_token:
                raise unauthorized("Invalid access_token")
            return []
        return {
            "version": self.version,
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "queue_services": self.queue_services,
            "data_services": "ok",
        }

    def enter(self, account_id: int, caller: User | Bot | None) -> None:
        """Let a caller into an account, or not. A platform app is let in everywhere, and may do nothing there."""
        account = self._world.account
        if account_id != account.id and account_id not in self._world.other_accounts:
            raise not_found()
        if account_id == account.id and account.suspended:
            raise unauthorized("Account is suspended")
        if account_id == account.id or caller is None:
            return
        whose = "Bot is" if isinstance(caller, Bot) else "You are"
        raise unauthorized(f"{whose} not authorized to access this account")

    def answer(self, operation: str, path: str, user: User) -> Any:
        """What a user is shown; bots never come here."""
        match = _PATHS[operation].fullmatch(path)
        ids = [int(number) for number in match.groups()] if match else []
        if operation == "profile":
            return self._profile(user)
        if operation == "account":
            return self._account(ids[0])
        self.enter(ids[0], user)
        if operation == "inboxes":
            return {"payload": [self._inbox(inbox) for inbox in self._inboxes(user)]}
        if operation == "inbox_agent_bot":
            return self._inbox_agent_bot(ids[1], user)
        if operation == "teams":
            return [{"id": team.id, "name": team.name, "account_id": ids[0]} for team in self._world.teams.values()]
        if operation == "agent_bots":
            return [self._bot(bot, user) for bot in self._world.bots.values() if bot.account_id in (None, ids[0])]
        if user.role != "administrator":
            raise unauthorized("You are not authorized to do this action")
        return {"payload": {"webhooks": [self._webhook(one) for one in self._dispatcher.webhooks()]}}

    def _profile(self, user: User) -> Json:
        account = self._world.account
        status = "suspended" if account.suspended else "active"
        return {
            "access_token": user.token,
            "account_id": account.id,
            "available_name": user.name.partition(" ")[0],
            "confirmed": True,
            "email": user.email,
            "id": user.id,
            "name": user.name,
            "role": user.role,
            "type": None,
            "accounts": [{"id": account.id, "name": account.name, "status": status, "role": user.role}],
        }

    def _account(self, account_id: int) -> Json:
        account = self._world.account
        if account_id != account.id:
            raise not_found()
        return {
            "id": account.id,
            "name": account.name,
            "locale": "en",
            "status": "suspended" if account.suspended else "active",
            "settings": {"keep_pending_on_bot_failure": account.keep_pending_on_bot_failure},
        }

    def _inboxes(self, user: User) -> list[Inbox]:
        """All for an administrator, else those one is a member of."""
        inboxes = self._world.inboxes.values()
        return [inbox for inbox in inboxes if user.role == "administrator" or user.id in inbox.members]

    def _inbox(self, inbox: Inbox) -> Json:
        return {
            "id": inbox.id,
            "name": inbox.name,
            "channel_type": inbox.channel,
            "greeting_enabled": inbox.greeting is not None,
            "greeting_message": inbox.greeting,
            "csat_survey_enabled": inbox.csat,
            "enable_auto_assignment": inbox.enable_auto_assignment,
            "allow_messages_after_resolved": True,
            "lock_to_single_conversation": False,
            "webhook_url": inbox.webhook_url,
        }

    def _inbox_agent_bot(self, inbox_id: int, user: User) -> Json:
        inbox = self._world.inboxes.get(inbox_id)
        if inbox is None:
            raise not_found()
        if inbox not in self._inboxes(user):
            raise unauthorized("You are not authorized to do this action")
        bot = self._world.bots.get(inbox.bot_id or 0)
        return {"agent_bot": self._bot(bot, user) if bot else {}}

    def _bot(self, bot: Bot, user: User) -> Json:
        shown: Json = {
            "id": bot.id,
            "name": bot.name,
            "description": None,
            "bot_type": "webhook",
            "account_id": bot.account_id,
            "system_bot": bot.account_id is None,
        }
        if bot.account_id is not None:
            shown["outgoing_url"] = self._dispatcher.url_of(bot)
        if user.role == "administrator":
            shown["access_token"] = {"id": bot.id, "owner_type": "AgentBot", "owner_id": bot.id, "token": bot.token}
            if bot.account_id is not None and self._dispatcher.signs("bot"):
                shown["secret"] = self._dispatcher.secret_of(bot)
        return shown

    def _webhook(self, webhook: Webhook) -> Json:
        shown: Json = {
            "id": webhook.id,
            "name": None,
            "url": webhook.url,
            "account_id": self._world.account.id,
            "subscriptions": list(webhook.subscriptions),
        }
        return shown | ({"secret": webhook.secret} if self._dispatcher.signs("account") else {})
