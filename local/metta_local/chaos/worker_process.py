"""``metta worker`` in a process that ends with the harness: what ``Crew`` starts.

The worker itself is the shipped command. Only its life is tied to standard input, so that a harness that was killed
leaves nobody polling.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence


def run(arguments: Sequence[str] = ()) -> int:
    """Work until SIGTERM, or until whoever holds the other end of standard input is gone.

    Args:
        arguments: of ``metta worker``.
    """
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    from metta_local.cli import main

    return main(["worker", *arguments])


def _end_with_parent() -> None:
    # not sys.stdin: a thread that waits in it holds its lock, which the interpreter wants at its end
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
