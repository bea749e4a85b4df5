"""The look at each dependency: one cheap request that changes nothing and costs nothing, with the rights Metta has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import openai
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import SecretStr

from metta.ai.access import Access
from metta.console.health import Degraded, Down, Probe
from metta.errors import ChatwootRefused
from metta.integrations.chatwoot.client import ChatwootClient
from metta.integrations.odoo import OdooClient
from metta.messages import ConversationKey
from metta.persistence.chain import weakness
from metta.persistence.migrate import SchemaStatus
from metta.policy import Policy, load_policy
from metta.settings import SECRET_NAMES, Settings

NO_CONVERSATION = 0
"""No conversation has this id: a token that is accepted is told so."""
NO_ITEM = "health"
"""No item has this key."""
_BOTS_MAY_NOT = "not authorized for bots"


@dataclass(frozen=True)
class Looked:
    """What is looked at, and with what.

    Attributes:
        settings, policy: what the process started with.
        chatwoot: a client of its own, or its failures would count for the worker's circuit.
        odoo, access: the pipeline's.
        dynamodb, sqs: boto3 clients that do not try for long.
        secret: reads the secret behind ``METTA_SECRET_ARN`` anew.
        secret_at_start: what it said when the process started.
        schema: asks a database how it stands to the migrations.
    """

    settings: Settings
    policy: Policy
    chatwoot: ChatwootClient
    odoo: OdooClient
    access: Access
    dynamodb: Any
    sqs: Any
    secret: Callable[[str], Mapping[str, Any]]
    secret_at_start: Mapping[str, Any]
    schema: Callable[[str], SchemaStatus]


def probes(at: Looked) -> tuple[Probe, ...]:
    """A probe for each dependency that the variables name."""
    settings, chatwoot = at.settings, at.settings.chatwoot
    found = [Probe("chatwoot", partial(_chatwoot, at, chatwoot.api_key, ""))]
    if chatwoot.history_api_key is not None:
        found.append(
            Probe("chatwoot_history", partial(_chatwoot, at, chatwoot.history_api_key, "/messages"), needed=False)
        )
    found += [
        Probe("odoo", partial(_odoo, at), needed=False),
        Probe("model", partial(_model, at)),
        Probe("database", partial(_in_thread, _database, at), needed=False),
        Probe("audit_key", partial(_in_thread, _audit_key, at), needed=False),
        Probe("state", partial(_in_thread, _state, at)),
    ]
    if settings.aws_sqs_queue_url:
        found.append(Probe("queue", partial(_in_thread, _queue, at, settings.aws_sqs_queue_url)))
    if settings.aws_sqs_dlq_url:
        dead = partial(_in_thread, _queue, at, settings.aws_sqs_dlq_url)
        found.append(Probe("dead_letter_queue", dead, needed=False))
    if settings.metta_secret_arn:
        found.append(Probe("secret", partial(_in_thread, _secret, at, settings.metta_secret_arn)))
    return (*found, Probe("policy", partial(_in_thread, _policy, at)))


def _in_thread(look: Callable[..., str], *given: Any) -> Awaitable[str]:
    return asyncio.to_thread(look, *given)


async def _chatwoot(at: Looked, token: SecretStr, below: str) -> str:
    """Whether the token is accepted; ``below`` is what it is needed for, of a conversation that is not there."""
    key = ConversationKey(account_id=at.settings.chatwoot.account_id, conversation_id=NO_CONVERSATION)
    try:
        await at.chatwoot.call("GET", key, below, token=token)
    except ChatwootRefused as error:
        if error.status == 404:
            return "the token is accepted"
        if _BOTS_MAY_NOT in str(error) and not below:
            return "the token is accepted; a bot may read conversations from Chatwoot 4.14.2 on"
        raise Down(f"the token is refused: {error}") from None
    return "the token is accepted"


async def _odoo(at: Looked) -> str:
    rows = await at.odoo.search_read("product.product", [], ["id"], limit=1, order="id")
    if not rows:
        raise Degraded("the key is accepted, but no product can be seen")
    return "the key is accepted and products can be read"


async def _model(at: Looked) -> str:
    """The list of models is free of charge, and takes the key that answers take."""
    wanted = at.settings.model.model
    try:
        listed = await at.access.connected().models.list()
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise Down(f"the key is refused ({error.status_code})") from None
    except openai.NotFoundError:
        raise Degraded("the endpoint is there but lists no models, so the key was not tried") from None
    except openai.APIStatusError as error:
        raise Down(f"it answers {error.status_code}") from None
    except openai.APIError as error:
        raise Down(type(error).__name__) from None
    if wanted not in {model.id for model in listed.data}:
        raise Degraded("the key is accepted, but OPENAI_MODEL is not among its models")
    return "the key is accepted and OPENAI_MODEL is there"


def _database(at: Looked) -> str:
    found = at.schema(at.settings.database.get_secret_value())
    if found.changed:
        raise Down(f"other than this code applied them: {', '.join(found.changed)}")
    if found.pending:
        raise Down(f"the schema is behind, run `metta migrate`: {', '.join(found.pending)}")
    newest = found.applied[-1].name
    return f"the schema is at {newest}" if not found.newer else f"the schema is newer than this code: {newest}"


def _audit_key(at: Looked) -> str:
    key = at.settings.audit_key
    if lost := weakness(key.get_secret_value() if key else None):
        raise Degraded(lost)
    return "entries of the audit log are sealed with it"


def _state(at: Looked) -> str:
    key = {"id": {"S": NO_ITEM}}
    _aws(at.dynamodb.get_item, TableName=at.settings.state.table, Key=key, ConsistentRead=True)
    return "the table can be read"


def _queue(at: Looked, url: str) -> str:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = _aws(at.sqs.get_queue_attributes, QueueUrl=url, AttributeNames=names)["Attributes"]
    waiting, in_flight = (int(found[name]) for name in names)
    return f"about {waiting} waiting, {in_flight} in flight"


def _aws(call: Callable[..., Any], **given: Any) -> Any:
    try:
        return call(**given)
    except ClientError as error:
        raise Down(f"refused: {error.response.get('Error', {}).get('Code', 'unknown')}") from None
    except BotoCoreError as error:
        raise Down(type(error).__name__) from None


def _secret(at: Looked, arn: str) -> str:
    """Whether it can be read, and still says what this process started with."""
    now, before = at.secret(arn), at.secret_at_start
    if changed := [name for name in SECRET_NAMES if now.get(name) != before.get(name)]:
        raise Degraded(f"changed since this function started: {', '.join(changed)}")
    return "it can be read"


def _policy(at: Looked) -> str:
    now = load_policy(at.settings.metta_policy)
    if now != at.policy:
        raise Degraded(f"changed since this function started: version {at.policy.version} is in use")
    return f"version {now.version}"
