"""Trouble that a page can switch on, done by the emulators: to watch what Metta promises when it happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from metta.messages import JsonObject
from metta_local.chatwoot.faults import Fault as ChatwootFault
from metta_local.model.scripting import Fail, Slow
from metta_local.odoo.faults import Fault as OdooFault
from metta_local.odoo.faults import FaultKind
from metta_local.playground.database_cut import DatabaseCut
from metta_local.stack import LocalStack

ODOO_SECONDS = 3.0
"""Of an answer of a slow Odoo; a question may take longer than this."""
MODEL_SECONDS = 6.0


@dataclass(frozen=True)
class Fault:
    """One switch."""

    name: str
    title: str
    what: str
    """What goes wrong, and what to watch."""
    needs: str
    """The emulated service that does it."""
    apply: Callable[[frozenset[str]], None]
    """Makes the service behave as these faults, those of it that are on, say."""


class Faults:
    """The switches that this stack has: those of services that are emulated.

    Args:
        stack: started.
        database: cuts the worker's way to PostgreSQL; None where the database is somebody's real one.
    """

    def __init__(self, stack: LocalStack, database: DatabaseCut | None) -> None:
        self._lock = threading.Lock()
        self._on: set[str] = set()
        self._stack = stack
        self._database = database
        there = {
            "odoo": stack.odoo is not None,
            "model": stack.model is not None,
            "chatwoot": stack.chatwoot is not None,
            "database": database is not None,
        }
        self._faults = {fault.name: fault for fault in self._all() if there[fault.needs]}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the switches."""
        return tuple(self._faults)

    def switch(self, name: str, *, on: bool) -> None:
        """Switch one on or off."""
        with self._lock:
            (self._on.add if on else self._on.discard)(name)
            fault = self._faults[name]
            fault.apply(frozenset(one for one in self._on if self._faults[one].needs == fault.needs))

    def shown(self) -> JsonObject:
        """As the page has them."""
        with self._lock:
            return {
                "faults": [
                    {"name": one.name, "title": one.title, "what": one.what, "on": one.name in self._on}
                    for one in self._faults.values()
                ]
            }

    def clear(self) -> None:
        """All off."""
        for name in list(self._on):
            self.switch(name, on=False)

    def _all(self) -> tuple[Fault, ...]:
        return (
            Fault(
                "odoo_down",
                "Odoo is down",
                "Every question to Odoo breaks off. Orders cannot be looked up: the turn is tried again, then a person "
                "takes over.",
                "odoo",
                self._odoo,
            ),
            Fault(
                "odoo_slow",
                "Odoo is slow",
                f"Every answer of Odoo takes {ODOO_SECONDS:.0f} s. It is waited for, within the turn's time.",
                "odoo",
                self._odoo,
            ),
            Fault(
                "model_slow",
                "The model is slow",
                f"Every answer of the model takes {MODEL_SECONDS:.0f} s: time to write again, to take over, or to kill "
                "the worker.",
                "model",
                self._model,
            ),
            Fault(
                "model_down",
                "The model is down",
                "The model answers every request with an error. The turn is tried again, then a person takes over.",
                "model",
                self._model,
            ),
            Fault(
                "chatwoot_flaky",
                "Chatwoot loses answers",
                "Chatwoot takes every second message, but its answer is lost. Metta looks the message up before it "
                "sends anything else: never two replies.",
                "chatwoot",
                self._chatwoot,
            ),
            Fault(
                "database_down",
                "The audit database is down",
                "The worker cannot reach PostgreSQL. Customers are answered all the same; the audit is written later.",
                "database",
                self._cut,
            ),
        )

    def _odoo(self, on: frozenset[str]) -> None:
        assert self._stack.odoo is not None
        faults = self._stack.odoo.faults
        faults.clear()
        if "odoo_down" in on:
            faults.add(OdooFault(FaultKind.RESET))
        elif "odoo_slow" in on:
            faults.add(OdooFault(FaultKind.DELAY, seconds=ODOO_SECONDS))

    def _model(self, on: frozenset[str]) -> None:
        assert self._stack.model is not None
        model = self._stack.model
        model.lift_faults()
        fail = Fail(503) if "model_down" in on else None
        if "model_slow" in on:
            model.fault(Slow(MODEL_SECONDS, fail), times=None)
        elif fail is not None:
            model.fault(fail, times=None)

    def _chatwoot(self, on: frozenset[str]) -> None:
        assert self._stack.chatwoot is not None
        faults = self._stack.chatwoot.faults
        faults.clear()
        if on:
            calls = count()
            faults.add(
                ChatwootFault(
                    "create_message",
                    "reset",
                    after_effect=True,
                    times=None,
                    matches=lambda _body: next(calls) % 2 == 0,
                )
            )

    def _cut(self, on: frozenset[str]) -> None:
        assert self._database is not None
        self._database.cut = bool(on)
