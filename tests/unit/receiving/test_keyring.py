"""Secrets are rotated without a deployment, and nobody without a secret can drive how often they are read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from metta.errors import SettingsError
from metta.integrations.chatwoot.signature import sign
from metta.receiving.keyring import MAX_AGE_SECONDS, REST_SECONDS, Keyring

BODY = b'{"event":"message_created"}'


def headers(secret: str) -> dict[str, str]:
    return {"X-Chatwoot-Timestamp": "1781690402", "X-Chatwoot-Signature": sign(secret, 1781690402, BODY)}


class Vault:
    """Holds secrets, and counts how often they are read."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = secrets
        self.reads = 0
        self.now = 0.0

    def read(self) -> tuple[str, ...]:
        self.reads += 1
        if not self.secrets:
            raise SettingsError("METTA_SECRET_ARN: the secret cannot be read (GetParameterError)")
        return self.secrets

    def keyring(self, *secrets: str) -> Callable[[str], bool]:
        ring = Keyring(secrets, self.read, clock=lambda: self.now)
        return lambda secret: ring.signed(headers(secret), BODY)


def test_both_secrets_count_and_none_is_read_for_them() -> None:
    vault = Vault("new", "old")
    signed = vault.keyring("new", "old")
    vault.now = MAX_AGE_SECONDS - 1

    assert (signed("new"), signed("old")) == (True, True)
    assert vault.reads == 0


def test_a_new_secret_counts_from_the_first_webhook_that_it_signed() -> None:
    vault = Vault("new", "old")
    signed = vault.keyring("old")
    vault.now = REST_SECONDS

    assert (signed("new"), signed("old")) == (True, True)
    assert vault.reads == 1


def test_forged_webhooks_cannot_drive_how_often_a_secret_is_read() -> None:
    vault = Vault("ours")
    signed = vault.keyring("ours")

    for second in range(61):
        vault.now = float(second)
        assert not any(signed(f"guess {n}") for n in range(20))

    assert vault.reads == 60 / REST_SECONDS


def test_a_secret_that_was_taken_away_counts_for_minutes_at_most() -> None:
    vault = Vault("new")
    signed = vault.keyring("new", "leaked")
    assert signed("leaked")

    vault.now = MAX_AGE_SECONDS

    assert not signed("leaked")
    assert signed("new")


def test_the_secrets_at_hand_count_while_no_others_can_be_read() -> None:
    vault = Vault()
    signed = vault.keyring("ours")
    vault.now = MAX_AGE_SECONDS

    assert signed("ours")
    assert not signed("guess")
    assert vault.reads == 1


@pytest.mark.parametrize("passed", [0.0, 10 * MAX_AGE_SECONDS])
def test_secrets_from_the_environment_are_all_there_is(passed: float) -> None:
    now = [0.0]
    ring = Keyring(["ours"], clock=lambda: now[0])
    now[0] = passed

    assert ring.signed(headers("ours"), BODY)
    assert not ring.signed(headers("guess"), BODY)
