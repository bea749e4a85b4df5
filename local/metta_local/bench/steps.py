"""The steps of a turn for ``metta bench throughput``: which functions are each one's work, and why some are costly."""

from __future__ import annotations

MODEL_SDK = "model SDK"
REST = "event loop, threads"
"""What no step claims: the loop between callbacks, handing work between threads, HTTP protocol callbacks."""
MOST = 0.10
"""Share of a turn's CPU above which a step needs a reason written down."""

STEPS: dict[str, tuple[str, ...]] = {
    "batch": ("metta.queue.batch:Batches.handle",),
    "parsing, serialising": (
        "metta.queue.batch:read_record",
        "metta.queue.batch:group_records",
        "metta.queue.state:TurnStates._read",
        "metta.queue.state:_pack",
        "metta.queue.state:_pack_turns",
        "metta.integrations.chatwoot.client:to_view",
        "metta.integrations.chatwoot.client:to_message",
        "metta.integrations.chatwoot.transport:_content",
        "metta.persistence.store:save_turn_rows",
        "metta.persistence.store:save_skip_row",
    ),
    "guard": ("metta.queue.guard:IdempotencyGuard.once",),
    "turn": (
        "metta.queue.conversations:Conversations.settle",
        "metta.queue.conversations:Conversations.skip",
        "metta.handoff:note",
    ),
    "turn state": (
        "metta.queue.state:TurnStates.acquire",
        "metta.queue.state:TurnStates.renew",
        "metta.queue.state:TurnStates.save",
        "metta.queue.state:TurnStates.release",
    ),
    "bounds": (
        "metta.bounds:Bounds.check",
        "metta.counters:DynamoCounters.add_messages",
        "metta.counters:DynamoCounters.reserve",
        "metta.counters:DynamoCounters.settle",
        "metta.counters:DynamoCounters.take_try",
        "metta.counters:DynamoCounters.give_back_try",
    ),
    "chatwoot": tuple(
        f"metta.integrations.chatwoot.client:ChatwootClient.{name}"
        for name in (
            "get_conversation",
            "list_messages",
            "send_message",
            "find_sent",
            "mark_as_read",
            "set_typing",
            "raise_priority",
            "hand_off",
        )
    ),
    "guardrails": (
        "metta.guardrails.engine:Guardrails.validate_input",
        "metta.guardrails.engine:Guardrails.validate_output",
        "metta.guardrails.engine:Guardrails.sanitize",
        "metta.intake:detect_language",
    ),
    "agent": (
        "metta.ai.agent:MettaAgent._answer",
        "metta.ai.model:ResponsesModel.get_response",
        "metta.ai.run:call_tool",
    ),
    MODEL_SDK: (
        "agents:Runner.run",
        "openai:AsyncOpenAI.post",
    ),
    "odoo": (
        *(
            f"metta.integrations.odoo.shop:OdooShop.{name}"
            for name in ("get_product", "search_products", "get_order", "get_orders_by_customer")
        ),
        "metta.integrations.odoo.client:OdooClient._work",
    ),
    "audit": (
        "metta.persistence.store:AuditStore.save_turn",
        "metta.persistence.store:AuditStore.save_skip",
    ),
    "logs, metrics": (
        "logging:Logger._log",
        "metta.observability:Meter.count",
        "metta.observability:Meter.milliseconds",
        "metta.observability:Meter.flush",
    ),
}
"""Step -> where its work begins. Of nested ones the innermost counts."""

REASONS: dict[str, str] = {
    "chatwoot": (
        "seven HTTP calls a turn: the conversation twice, since nothing may be sent on an old look (I3), its messages, "
        "the reply, typing on and off, last seen; nine tenths of a call are httpx, httpcore and h11 themselves, and "
        "leaving one out would take a promise or a courtesy with it"
    ),
    "turn state": (
        "four conditional writes a turn: lease taken, sending, sent, lease given back; nearly all of it is botocore, "
        "and each is what the next worker goes by when this one is killed (I2)"
    ),
    "bounds": (
        "three writes a turn that all workers share: messages of the contact, money reserved, money settled (I11); "
        "nearly all of it is botocore, and a limit that the policy does not set costs no write"
    ),
}
"""Step -> why it may take more than ``MOST``; docs/measurements.md has the same sentences."""
