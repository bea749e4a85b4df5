"""Wires the audit log's writing side: database, the chain's keys, and where its heads are kept."""

from __future__ import annotations

from metta.guardrails import Guardrails
from metta.guardrails.keeping import masked_for_audit
from metta.persistence.chain import chain_keys
from metta.persistence.contents import Mode
from metta.persistence.heads import DynamoDB, DynamoHeads
from metta.persistence.store import AuditStore
from metta.policy import Policy
from metta.settings import Settings


def audit_store(settings: Settings, dynamodb: DynamoDB, policy: Policy, guardrails: Guardrails) -> AuditStore:
    """The store that worker and watchdog write to; opens nothing.

    Raises:
        SettingsError: ``DATABASE_URL`` is missing or malformed, or the policy wants contents encrypted without a key.
    """
    key = settings.audit_key
    return AuditStore(
        settings.database.get_secret_value(),
        heads=DynamoHeads(dynamodb, settings.state.table),
        keys=chain_keys(key.get_secret_value() if key else None),
        mode=Mode(policy.audit.contents),
        clean=guardrails.sanitize,
        mask=masked_for_audit,
    )
