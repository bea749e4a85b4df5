"""How a function starts: what is slow happens once, at init; with SnapStart, nothing that must be new comes before it.

A handler's module does all its imports and wiring in a ``Start``. The garbage collector rests meanwhile, since nearly
everything that is made then stays for good, and afterwards passes over it, in turns too.

With SnapStart, Lambda keeps the memory of one init and starts many environments from it. What must be neither kept nor
shared (secrets, tokens, sockets, clients, threads, seeds) is therefore made after the restore, by a hook; before it, a
rehearsal with placeholders loads and builds all the rest.
"""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Callable
from types import TracebackType

SNAPSHOT = "snap-start"
"""What ``AWS_LAMBDA_INITIALIZATION_TYPE`` says where a snapshot is taken after init."""


class Start:
    """A function's init; a context manager.

    Example::

        with Start() as start:
            from metta.bootstrap.worker import rehearse, worker

            start.make(worker, rehearse)
    """

    def __enter__(self) -> Start:
        gc.disable()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            gc.freeze()
        gc.enable()

    def make(self, build: Callable[[], object], rehearse: Callable[[], None] | None = None) -> None:
        """Build now, or, where a snapshot is taken, rehearse now and build once restored.

        Args:
            build: wires what the handler uses, once per process.
            rehearse: loads what ``build`` will need, with no secret and no network, and closes all that it opened;
                without one, a snapshot holds imports alone.
        """
        if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != SNAPSHOT:
            build()
            return
        from snapshot_restore_py import register_after_restore  # type: ignore[import-untyped]  # Lambda has it

        if rehearse is not None:
            rehearse()
            gc.collect()  # what the rehearsal leaves is neither kept in the snapshot nor frozen
        register_after_restore(_restored, build)


def _restored(build: Callable[[], object]) -> None:
    import ssl  # loaded by now, wherever it is used

    # Two environments of one snapshot must not draw the same numbers: neither for waits nor for TLS.
    random.seed()
    ssl.RAND_add(os.urandom(32), 32.0)
    with Start():
        build()
