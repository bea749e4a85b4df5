"""The secrets that webhooks are signed with, read again while they are rotated; used by the door and by the queue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from pydantic import SecretStr

from metta.errors import SettingsError
from metta.integrations.chatwoot.signature import verify

log = logging.getLogger(__name__)

MAX_AGE_SECONDS = 300.0
REST_SECONDS = 10.0
"""Between two readings at least, so that forged webhooks cannot drive calls of Secrets Manager."""

Secrets = Sequence[str | SecretStr]


class Keyring:
    """Checks signatures with the newest secrets it can get. Safe to use from any thread.

    Args:
        secrets: those that count now, current one first; just read.
        read: reads them anew, not from a cache; None where they cannot change while the process lives.
        max_age_seconds: after which they are read anew in any case, so that one that was taken away stops counting.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        secrets: Secrets,
        read: Callable[[], Secrets] | None = None,
        *,
        max_age_seconds: float = MAX_AGE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secrets = tuple(secrets)
        self._read = read
        self._max_age = max_age_seconds
        self._clock = clock
        self._tried = clock()
        self._lock = threading.Lock()

    @property
    def empty(self) -> bool:
        """Whether no secret is known, and no signature can be checked."""
        return not self._secrets

    def signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether one of the secrets signed ``body``; a failure counts only once the secrets are known to be fresh."""
        self._refresh(self._max_age)
        return verify(self._secrets, headers, body) or (
            self._refresh(REST_SECONDS) and verify(self._secrets, headers, body)
        )

    def _refresh(self, seconds: float) -> bool:
        """Read the secrets again if that was last tried longer ago; whether they are others now."""
        read = self._read
        with self._lock:
            now = self._clock()
            if read is None or now - self._tried < seconds:
                return False
            self._tried = now
        try:
            secrets = tuple(read())
        except SettingsError as error:  # the ones at hand are better than none
            log.warning("the webhook secret cannot be read again: %s", error)
            return False
        changed, self._secrets = secrets != self._secrets, secrets
        return changed
