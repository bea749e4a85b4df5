"""The whole worker over an emulated Chatwoot, Odoo and model, in a shop whose texts somebody tampered with."""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from metta.bootstrap.worker import build_worker
from metta.messages import Turn
from metta.settings import load
from metta_local.chatwoot import ChatwootEmulator
from metta_local.lambda_context import LocalContext
from metta_local.model import ModelEmulator
from metta_local.odoo import OdooEmulator
from metta_local.serving import LoopbackServer
from tests_support import record

LENA, WHATSAPP = 901, 12
ORDER = "Where is my order S00042?"
PRODUCT = "Tell me about product 1011 please"
SEARCH = "Do you sell a lamp?"
POLICY = "limits: {contact_messages_per_hour: null, turns_per_hour: null, same_text: null, usd_per_day: null}\n"

Rows = dict[str, dict[int, dict[str, Any]]]
Place = tuple[str, Callable[[Rows, str], None]]


def _product_name(rows: Rows, text: str) -> None:
    rows["product.product"][1011]["name"] = {"en_US": text}


def _description(rows: Rows, text: str) -> None:
    rows["product.product"][1011]["description_sale"] = {"en_US": text}


def _order_line(rows: Rows, text: str) -> None:
    line = next(
        row for row in rows["sale.order.line"].values() if row["order_id"] == 9042 and row["product_id"] == 1011
    )
    line |= {"product_id": None, "name": text}


def _carrier(rows: Rows, text: str) -> None:
    rows["delivery.carrier"][2]["name"] = text


def _tracking(rows: Rows, text: str) -> None:
    rows["stock.picking"][8042]["carrier_tracking_ref"] = text


def _unit(rows: Rows, text: str) -> None:
    rows["uom.uom"][1]["name"] = {"en_US": text}


def _reference(rows: Rows, text: str) -> None:
    rows["product.product"][1011]["default_code"] = text


PLACES: dict[str, Place] = {
    "product name": (SEARCH, _product_name),
    "description": (PRODUCT, _description),
    "name of a product in an order": (ORDER, _product_name),
    "order line": (ORDER, _order_line),
    "carrier": (ORDER, _carrier),
    "tracking reference": (ORDER, _tracking),
    "unit": (PRODUCT, _unit),
    "internal reference": (PRODUCT, _reference),
}
"""Where somebody may write: what a customer asks so that a tool reads it, and how it comes to stand there."""


class PoisonedShop:
    """The handler with everything behind it; conversations follow each other, each in a fresh shop.

    Attributes:
        turns: the audited turns, in order.
    """

    def __init__(self, table: Any, folder: Path) -> None:
        self.turns: list[Turn] = []
        self._bodies: list[bytes] = []
        self._closing = ExitStack()
        self.chatwoot = ChatwootEmulator(webhook_url="http://127.0.0.1:1", post=self._take)
        self._closing.callback(self.chatwoot.stop)
        self.odoo, self.model = OdooEmulator(), ModelEmulator()
        self._rows = copy.deepcopy(self.odoo.data.rows)
        policy = folder / "policy.yaml"
        policy.write_text(POLICY)
        given = {
            "CHATWOOT_BASE_URL": self._served(self.chatwoot.app),
            "CHATWOOT_API_KEY": self.chatwoot.bot_token,
            "CHATWOOT_HISTORY_API_KEY": self.chatwoot.user_token,
            "CHATWOOT_ACCOUNT_ID": "3",
            "ODOO_URL": self._served(self.odoo.app),
            "ODOO_DB": self.odoo.database,
            "ODOO_USERNAME": self.odoo.username,
            "ODOO_API_KEY": self.odoo.api_key,
            "OPENAI_API_KEY": self.model.api_key,
            "OPENAI_BASE_URL": self._served(self.model.app) + "/v1",
            "IDEMPOTENCY_TABLE": "state-table",
            "DATABASE_URL": "postgresql://worker@127.0.0.1:1/metta",
            "BURST_QUIET_SECONDS": "0",
            "METTA_POLICY": str(policy),
        }
        self.worker = build_worker(
            load(given), emit_metrics=False, log_stream=io.StringIO(), client=lambda _service: table
        )
        self._closing.callback(self.worker.close)

    def close(self) -> None:
        self._closing.close()

    def ask(self, question: str, poison: Callable[[Rows], None], *, obedient: bool) -> Answered:
        """Lena, whose phone proves who she is, asks in a conversation of her own; the shop was tampered with."""
        self.odoo.data.rows = copy.deepcopy(self._rows)
        poison(self.odoo.data.rows)
        self.model.reset()
        self.model.obedient = obedient
        self.turns.clear()
        self._bodies.clear()
        message = self.chatwoot.customer_writes(LENA, question, WHATSAPP, new_conversation=True)
        assert self.chatwoot.drain()
        bodies = [json.loads(body) for body in self._bodies]
        wanted = [body for body in bodies if body["event"] == "message_created" and body["id"] == message["id"]]
        self.worker.handle({"Records": [record(wanted[0], n=message["id"])]}, LocalContext())
        return Answered(self, message["conversation_id"])

    def _served(self, app: Any) -> str:
        return self._closing.enter_context(LoopbackServer(app)).url

    def _take(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self._bodies.append(body)
        return 200


class Answered:
    """What came of a question."""

    def __init__(self, shop: PoisonedShop, conversation: int) -> None:
        (self.turn,) = shop.turns
        self.seen = "\n".join(shop.chatwoot.customer_sees(conversation))
        """What the customer got to read."""
        self.status = str(shop.chatwoot.conversation(conversation)["status"])
        outgoing = [one for one in shop.chatwoot.messages(conversation) if one["message_type"] == 1]
        self.posted = "\n".join(str(one["content"]) for one in outgoing)
        """Everything that Metta wrote into Chatwoot, notes included."""
        self.read_by_model = json.dumps([one.body for one in shop.model.requests], ensure_ascii=False)

    @property
    def results(self) -> str:
        return json.dumps([call.result for call in self.turn.work.tool_calls], ensure_ascii=False)

    def own_figures(self, poison: str) -> set[str]:
        """The figures of the tools' fields without what somebody tampered with, and those of the customer's words."""
        texts = [text for call in self.turn.work.tool_calls for text in _leaves(call.result)]
        texts = [text for text in texts if poison[:15] not in text]
        return figures(" ".join([*texts, *(message.text for message in self.turn.messages)]))


def figures(text: str) -> set[str]:
    return set(re.findall(r"\d+", text))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield str(value)
