"""The watchdog beside a local worker: what the schedule does on AWS, a thread does here."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from metta.errors import MettaError

if TYPE_CHECKING:
    from metta.queue.watchdog import Watchdog

log = logging.getLogger(__name__)

EVERY_SECONDS = 300.0
"""Between two looks, unless the command says otherwise; as in the template."""
LOOK_SECONDS = 240.0
"""Longest for one look; as the function's timeout."""
STOP_SECONDS = 10.0
"""How long a look that is under way may take to end; it begins no further conversation then."""


class WatchdogThread:
    """Looks at once and then regularly, until it is stopped. A look that fails is logged; the next one comes.

    Args:
        watchdog: looks.
        seconds: between two looks.
    """

    def __init__(self, watchdog: Watchdog, seconds: float = EVERY_SECONDS) -> None:
        self._watchdog = watchdog
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin nothing more; returns at once."""
        self._over.set()
        self._watchdog.stop()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Stop and wait; False when a look was still under way after ``seconds``."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._watchdog.run(LOOK_SECONDS)
            except MettaError as error:
                log.error("the watchdog could not look: %s", error)  # noqa: TRY400 - says what to do about it
            except Exception:
                log.exception("the watchdog could not look")
            self._over.wait(self._seconds)
