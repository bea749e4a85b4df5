"""The whole worker over an emulated Chatwoot, Odoo and model, with everything that leaves it on record.

The customer is Lena, whose WhatsApp number proves who she is; each case has a conversation of its own in a fresh shop.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from metta.bootstrap.worker import build_worker
from metta.guardrails import ForeignTextCheck
from metta.messages import IncomingMessage, Turn
from metta.persistence.batch import Batch
from metta.persistence.rows import save_skip_row, save_turn_rows
from metta.persistence.store import AuditStore
from metta.settings import load
from metta_local.aws import MiniStack, table_attributes
from metta_local.chatwoot import ChatwootEmulator
from metta_local.lambda_context import LocalContext
from metta_local.model import ModelEmulator
from metta_local.odoo import OdooEmulator
from metta_local.redteam.recorder import Recorder
from metta_local.serving import LoopbackServer

LENA = 901
WEBSITE, WHATSAPP, MAIL = 11, 12, 13
TABLE = "redteam-state"
VIP = "VIP-7731"
"""A secret of the shop's that Liquid in a reply could read."""
_LIMITS = {"contact_messages_per_hour": None, "turns_per_hour": None, "same_text": None, "usd_per_day": None}
_UNDETECTED = {
    "injection": "allow",
    "toxicity": dict.fromkeys(("profanity", "abuse", "threat", "hate", "sexual"), "allow"),
}

Json = dict[str, Any]


@dataclass
class Evidence:
    """What left the worker in one case, and what stood on its other side."""

    conversation: Json = field(default_factory=dict)
    """As it was left."""
    seen: list[str] = field(default_factory=list)
    """What the customer got to read from Metta."""
    posted: list[Json] = field(default_factory=list)
    """All messages that Metta wrote, private ones included."""
    expected: int = 1
    """Turns, and so replies at most."""
    asked: list[str] = field(default_factory=list)
    """Inputs of the requests to the model, JSON."""
    told: list[str] = field(default_factory=list)
    """What tools told the model."""
    said: list[str] = field(default_factory=list)
    """The model's answers, JSON."""
    instructions: str = ""
    odoo_methods: set[str] = field(default_factory=set)
    odoo_answers: list[str] = field(default_factory=list)
    audit: str = ""
    """The rows, JSON."""
    logs: str = ""
    state: str = ""
    """What the table of turn state holds of the conversation."""
    contact_changed: bool = False
    customer_words: str = ""
    returned: int = 0
    """Records that went back to the queue."""
    planted: str = ""
    """What somebody wrote into the shop."""
    labels: list[str] = field(default_factory=list)
    """Of the conversation, as they were given."""
    silent: bool = False
    """Whether a person has the conversation, so that Metta may say nothing."""


class World:
    """One worker and everything around it; ``metta_local.redteam.stage`` plays cases on it.

    Args:
        detection: whether attacks are looked for in what comes in; the rest of Metta is as shipped either way.
        folder: for the policy file.
        aws: where turn state lives; no other world may use it at the same time.
    """

    def __init__(self, folder: Path, aws: MiniStack, *, detection: bool) -> None:
        self.detection = detection
        self.turns: list[Turn] = []
        self._audit: list[str] = []
        self._bodies: list[bytes] = []
        self._closing = ExitStack()
        self._log = io.StringIO()
        self.chatwoot = ChatwootEmulator(webhook_url="http://127.0.0.1:1", post=self._take)
        self._closing.callback(self.chatwoot.stop)
        self.odoo, self.model = OdooEmulator(), ModelEmulator()
        self._odoo_out, self.model_out = Recorder(self.odoo.app), Recorder(self.model.app)
        self._rows = pickle.dumps(self.odoo.data.rows)
        self.chatwoot.world.contacts[LENA].custom_attributes["vip"] = VIP
        self._contact = copy.deepcopy(self.chatwoot.world.contacts[LENA])
        self._given = _plain(self._contact)
        self._enter_patches()
        self._table = aws.client("dynamodb")
        self._make_table()
        self.worker = build_worker(
            load(self._variables(folder)), emit_metrics=False, log_stream=self._log, client=lambda _service: self._table
        )
        self._closing.callback(self.worker.close)

    def close(self) -> None:
        """End what was started; the process is as before."""
        self._closing.close()
        self._table.delete_table(TableName=TABLE)

    @property
    def rows(self) -> dict[str, dict[int, Json]]:
        """The shop's records, for the case to change."""
        return self.odoo.data.rows

    @property
    def contact(self) -> Any:
        """Lena as Chatwoot has her, for the case to change."""
        return self.chatwoot.world.contacts[LENA]

    def begin(self) -> None:
        """A fresh shop, a fresh contact and nothing on record."""
        self.odoo.data.rows = pickle.loads(self._rows)  # a third of what a deep copy takes
        self.chatwoot.world.contacts[LENA] = copy.deepcopy(self._contact)
        self._table.delete_table(TableName=TABLE)
        self._make_table()
        self.odoo.calls.clear()
        self._odoo_out.clear()
        self.record_model()
        self.turns.clear()
        self._audit.clear()
        self._log.seek(0)
        self._log.truncate()

    def record_model(self) -> None:
        """Forget what model and worker said to each other so far."""
        self.model.reset()
        self.model_out.clear()

    def write(self, text: str | None, conversation: int | None = None, *, inbox: int = WHATSAPP, **more: Any) -> Json:
        """Lena writes; the message is not delivered to the worker yet."""
        self._given = _plain(self.contact)
        return self.chatwoot.customer_writes(
            LENA,
            text,
            inbox,
            conversation_id=conversation,
            new_conversation=conversation is None,
            **more,
        )

    def deliver(self, *messages: Json, obedient: bool) -> int:
        """The worker receives these messages in one batch; gives the number of records that went back."""
        self.model.obedient = obedient
        assert self.chatwoot.drain()
        bodies = [json.loads(body) for body in self._bodies]
        wanted = {message["id"] for message in messages}
        created = {body["id"]: body for body in bodies if body["event"] == "message_created" and body["id"] in wanted}
        others = [body for body in bodies if body["event"] == "message_created" and body["id"] not in wanted]
        del self._bodies[:]
        self._bodies.extend(json.dumps(body).encode() for body in others)
        records = [_record(created.get(message["id"]) or self._again(message)) for message in messages]
        return len(self.worker.handle({"Records": records}, LocalContext())["batchItemFailures"])

    def deliver_bodies(self) -> None:
        """The worker receives whatever else Chatwoot has sent meanwhile, such as a person's message."""
        assert self.chatwoot.drain()
        records = [_record(json.loads(body)) for body in self._bodies]
        del self._bodies[:]
        if records:
            self.worker.handle({"Records": records}, LocalContext())

    def evidence(self, conversation: int, after: int = 0) -> Evidence:
        """What is on record of the case, messages with an id above ``after`` only."""
        messages = self.chatwoot.messages(conversation)
        posted = [one for one in messages if one["content_attributes"].get("metta_turn_id") and one["id"] > after]
        own = {one["content"] for one in posted}
        requests = [request.body for request in self.model.requests if isinstance(request.body, dict)]
        items = [item for body in requests for item in body["input"]]
        answers = (json.loads(body) for body in self.model_out.bodies)
        return Evidence(
            conversation=self.chatwoot.conversation(conversation),
            seen=[text for text in self.chatwoot.customer_sees(conversation) if text in own],
            posted=posted,
            asked=[json.dumps(body["input"], ensure_ascii=False) for body in requests],
            told=[str(item["output"]) for item in items if item.get("type") == "function_call_output"],
            said=[json.dumps(answer.get("output"), ensure_ascii=False) for answer in answers],
            instructions=self.worker.agent.instructions,
            odoo_methods={call.method for call in self.odoo.calls},
            odoo_answers=list(self._odoo_out.bodies),
            audit="\n".join(self._audit),
            logs=self._log.getvalue(),
            state=_items_of(self._table, conversation),
            contact_changed=_plain(self.contact) != self._given,
            customer_words="\n".join(str(one["content"]) for one in messages if one["message_type"] == 0),
        )

    def _make_table(self) -> None:
        self._table.create_table(TableName=TABLE, **table_attributes())

    def _enter_patches(self) -> None:
        world = self

        async def save_turn(_store: AuditStore, turn: Turn) -> None:
            batch = Batch()
            save_turn_rows(batch, turn)
            world._audit.append(json.dumps(batch.storable(), default=str))
            world.turns.append(turn.model_copy(deep=True))

        async def save_skip(_store: AuditStore, message: IncomingMessage, reason: str) -> None:
            batch = Batch()
            save_skip_row(batch, message, reason)
            world._audit.append(json.dumps(batch.storable(), default=str))

        self._closing.enter_context(patch.object(AuditStore, "save_turn", save_turn))
        self._closing.enter_context(patch.object(AuditStore, "save_skip", save_skip))
        if not self.detection:
            self._closing.enter_context(patch.object(ForeignTextCheck, "__call__", lambda _check, _text: False))

    def _variables(self, folder: Path) -> Mapping[str, str]:
        policy = folder / f"redteam-{'on' if self.detection else 'off'}.yaml"
        checks = {} if self.detection else {"checks": _UNDETECTED}
        policy.write_text(yaml.safe_dump({"limits": _LIMITS, **checks}))
        return {
            "CHATWOOT_BASE_URL": self._served(self.chatwoot.app),
            "CHATWOOT_API_KEY": self.chatwoot.bot_token,
            "CHATWOOT_HISTORY_API_KEY": self.chatwoot.user_token,
            "CHATWOOT_ACCOUNT_ID": str(self.chatwoot.account_id),
            "ODOO_URL": self._served(self._odoo_out),
            "ODOO_DB": self.odoo.database,
            "ODOO_USERNAME": self.odoo.username,
            "ODOO_API_KEY": self.odoo.api_key,
            "OPENAI_API_KEY": self.model.api_key,
            "OPENAI_BASE_URL": self._served(self.model_out) + "/v1",
            "IDEMPOTENCY_TABLE": TABLE,
            "DATABASE_URL": "postgresql://worker@127.0.0.1:1/metta",
            "BURST_QUIET_SECONDS": "0",
            "METTA_POLICY": str(policy),
        }

    def _served(self, app: Any) -> str:
        return self._closing.enter_context(LoopbackServer(app)).url

    def _take(self, _url: str, body: bytes, _headers: Mapping[str, str]) -> int:
        self._bodies.append(body)
        return 200

    def _again(self, message: Json) -> Json:
        """The message's event once more, as Chatwoot or the queue may send it."""
        self.chatwoot.redeliver(message["id"])
        assert self.chatwoot.drain()
        body: Json = json.loads(self._bodies.pop())
        return body


def _plain(contact: Any) -> Json:
    return copy.deepcopy(vars(contact))


def _record(body: Json) -> Json:
    return {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "r",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


def _items_of(table: Any, conversation: int) -> str:
    items = table.scan(TableName=TABLE)["Items"]
    return json.dumps([item for item in items if str(conversation) in item["id"]["S"]], default=str)
