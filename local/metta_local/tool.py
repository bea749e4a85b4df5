"""``metta tool NAME JSON``: runs one tool as the model would and prints its result, nothing else."""

from __future__ import annotations

import asyncio
import json
import logging

from metta import settings as metta_settings
from metta.messages import Identity, IdentityLevel, JsonObject
from metta.policy import load_policy
from metta_local.console import CommandError, say_json


def identity_of(email: str | None, phone: str | None, level: str | None) -> Identity:
    """The customer as the options describe her; an address without ``--level`` counts as claimed.

    What is no address is passed on as it is and proves nothing, as it does when a conversation carries it.

    Raises:
        CommandError: the level needs an address and there is none.
    """
    given = email is not None or phone is not None
    chosen = IdentityLevel(level or ("claimed" if given else "anonymous"))
    if chosen is IdentityLevel.ANONYMOUS:
        return Identity()
    if not given:
        raise CommandError(f"--level {chosen} needs --email or --phone")
    return Identity(level=chosen, email=email, phone=phone)


def arguments_of(text: str) -> JsonObject:
    """The tool's arguments.

    Raises:
        CommandError: not a JSON object.
    """
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"the arguments are not JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise CommandError("the arguments must be a JSON object")
    return arguments


def run(
    name: str, arguments: str, *, email: str | None, phone: str | None, level: str | None, language: str = "en"
) -> int:
    """Call the tool ``name`` and print its result as one JSON object.

    Nothing but ``ODOO_*`` has to be set (``METTA_POLICY`` is used when it is). The same call gives the same text.

    Raises:
        CommandError: unknown tool or wrong arguments.
        SettingsError: a variable is missing.
        OdooDown: Odoo cannot be asked now.
    """
    from metta.ai.tools import SPECS, ToolUsageError, call_tool
    from metta.guardrails import ForeignTextCheck

    given, identity = arguments_of(arguments), identity_of(email, phone, level)
    if name not in SPECS:
        raise CommandError(f"there is no tool {name!r}; there are: {', '.join(SPECS)}")
    settings = metta_settings.load()
    odoo, policy = settings.odoo, load_policy(settings.metta_policy)
    from metta.integrations.odoo import OdooClient, OdooShop

    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # the result alone, on stderr as well
    client = OdooClient(odoo, timeout_seconds=policy.limits.odoo_seconds, calls_per_second=policy.odoo.calls_per_second)
    shop = OdooShop(client, policy=policy, odoo_url=odoo.url)

    async def call() -> JsonObject:
        return await call_tool(
            name,
            given,
            shop=shop,
            identity=identity,
            language=language,
            limits=policy.limits,
            is_instruction=ForeignTextCheck(policy),
        )

    try:
        result = asyncio.run(call())
    except ToolUsageError as error:
        raise CommandError(f"{name}: {error}") from None
    finally:
        client.close()
        logging.disable(disabled)
    say_json(result)
    return 0
