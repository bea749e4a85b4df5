"""Workers without one of Metta's guarantees: the proof that the harness would notice if it broke.

``python -m metta_local.chaos.sabotage reread`` is a worker like any other, except that it does not read a conversation
again before it sends. Nothing of this is reachable from the product.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from metta_local.chaos import worker_process


def without_idempotency() -> None:
    """Nothing is remembered of what was done: no message is known to be settled, and no turn is found in hand."""
    from metta.queue.guard import IdempotencyGuard
    from metta.queue.state import TurnStates
    from metta.state import ConversationState

    read = TurnStates._read

    def forgetful(self: TurnStates, *arguments: Any) -> ConversationState:
        state = read(self, *arguments)
        state.hand, state.covered, state.floor = None, set(), 0
        return state

    def every_time(_self: IdempotencyGuard, _key: Any, _message_id: int, settle: Callable[[], Any]) -> Any:
        return settle()

    TurnStates._read = forgetful  # type: ignore[method-assign, assignment]
    IdempotencyGuard.once = every_time  # type: ignore[method-assign, assignment]


def without_reread() -> None:
    """What was decided is sent, however the conversation stands by then."""
    from metta.looking import Looks

    async def blind(*_arguments: Any) -> None:
        return

    async def always(*_arguments: Any) -> bool:
        return True

    Looks.recheck = blind  # type: ignore[method-assign, assignment]
    Looks.may_go_on = always  # type: ignore[method-assign, assignment]


def without_backoff() -> None:
    """What failed comes back at once."""
    from metta.queue.returning import Returning

    give_back = Returning.give_back

    def at_once(self: Returning, records: Any, _seconds: int) -> None:
        give_back(self, records, 0)

    Returning.give_back = at_once  # type: ignore[method-assign, assignment]


GUARANTEES: dict[str, Callable[[], None]] = {
    "idempotency": without_idempotency,
    "reread": without_reread,
    "backoff": without_backoff,
}
"""What ``--without`` can name -> what removes it from this process."""


def main(arguments: Sequence[str]) -> int:
    """Work without the guarantee that is named."""
    GUARANTEES[arguments[0]]()
    return worker_process.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
