"""The closed sets of words that metrics are split by; tests compare each with the code that gives the words.

They are written out here, since this room stands below those that use the words and must stay light to load.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


HANDOFF_REASONS = _words(
    "attempts_exhausted broken budget_exhausted cannot_reply chatwoot_refused contact_rate delivery_failed "
    "delivery_unknown forbidden_topic guardrail_broken human_request injection leak loop model_refused model_request "
    "model_request_rejected output_blocked pii receives_exhausted requested too_many_model_turns "
    "too_many_order_misses toxicity unanswered"
)
CLOSED_REASONS = _words("auto_reply blocked_contact human_assigned not_answerable_status other_inbox")
"""Why Metta may not speak in a conversation as it is now."""
DROP_REASONS = CLOSED_REASONS | _words("answered conversation_gone handed_off human human_reply nobody_waits overtaken")
TURN_SKIP_REASONS = CLOSED_REASONS | _words("human_reply human_took_over")
RECORD_SKIP_REASONS = CLOSED_REASONS | _words(
    "activity automation campaign cannot_reply csat deleted empty other_account other_bot other_event outgoing "
    "own_message private template unsupported"
)
CAUSES = _words(
    "ChatwootDown SendUnknown OdooDown ModelDown AuditDown StateDown ConversationBusy QuietWindow Overtaken Unsettled "
    "Paused NotStarted"
)
DIRECTIONS = _words("input output")
CHECKS = _words("none pii injection toxicity rules leak broken")
"""``none``: nothing was found; ``broken``: a check raised."""
ACTIONS = _words("allow redact block handoff")
TOOLS = _words("getProduct searchProducts getOrder getOrdersByCustomer handOffToHuman")
DEPENDENCIES = _words("chatwoot odoo model audit state")
FUNCTIONS = _words("worker watchdog webhook console migrate")
WEBHOOK_REFUSALS = _words("malformed signature size stale unsigned")
WEBHOOK_FAILURES = _words("broken queue throttled")
