"""What the worker's process tells the playground: spans of turns as they begin and end, and the turns themselves.

One JSON object a line on a pipe of its own. A kill that waits for a step strikes here, where the step is seen.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from metta.messages import Turn
from metta.observability import Annotation, Span, current_span
from metta.observability.tracing import within

KILL_POINTS = ("model", "send", "sent")
"""Where a kill can wait: as the model is asked, just before something is sent, after Chatwoot has it."""
_BATCH = "batch"
_GIVE_BACK = "give_back"


class Feed:
    """Writes events. Safe to use from any thread; it never raises, since the worker's turns must not notice it.

    Args:
        pipe: file descriptor to write to.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._turns: dict[str, Turn] = {}
        self._numbers = 0
        self.armed: str | None = None
        """The step at which this process kills itself."""

    def tell(self, event: str, **facts: Any) -> None:
        """One event."""
        line = memoryview(json.dumps({"event": event, **facts}).encode() + b"\n")
        try:
            with self._lock:
                while line:
                    line = line[os.write(self._pipe, line) :]
        except OSError:
            pass  # whoever listened is gone, and this process is about to end

    def step(self, turn: Turn, step: str, *, over: bool, text: str) -> None:
        """A step of a turn begins or is over; see ``metta.timing.watch_steps``."""
        self._turns[turn.id] = turn
        self.tell("turn", turn=turn.model_dump(mode="json"), written=text or None)
        if step == "send":
            if not over:
                self.strike("send")
            elif turn.sent:
                self.strike("sent")

    def look_at(self, turn_id: str) -> None:
        """Tell the present state of a turn that is under way."""
        turn = self._turns.get(turn_id)
        if turn is not None:
            self.tell("turn", turn=turn.model_dump(mode="json"), written=None)

    def forget(self, turn_id: str) -> None:
        """A turn is over, or comes back later."""
        self._turns.pop(turn_id, None)

    def strike(self, point: str) -> None:
        """End this process as a power cut would, if that is what the step waits for."""
        if self.armed != point:
            return
        self.tell("struck", at=point)
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()  # not one step further

    def number(self) -> str:
        """An id for a span."""
        with self._lock:
            self._numbers += 1
            return f"{os.getpid()}-{self._numbers}"


class FedSpan:
    """A span that is told when it begins and ends, once it belongs to a turn."""

    def __init__(self, feed: Feed, name: str, parent: FedSpan | None, annotations: Mapping[str, Annotation]) -> None:
        self._feed = feed
        self._id = feed.number()
        self._detail = {key: value for key, value in annotations.items() if key != "turn"}
        named = annotations.get("turn")
        self._begins_turn = name == "turn"
        self._name = name
        inherited: str | None = parent.turn if parent is not None else None
        self.turn: str | None = str(named) if named else inherited
        if self.turn is not None:
            inside = parent is not None and parent.turn is not None
            feed.tell(
                "span",
                id=self._id,
                parent=parent._id if parent is not None and inside else None,
                turn=self.turn,
                name=name,
                at=time.time(),
                detail=self._detail,
            )
            if name == "model":
                feed.strike("model")

    def child(self, name: str, *, links: Sequence[str] = (), **annotations: Annotation) -> Span:  # noqa: ARG002
        """Begin a span inside this one."""
        return FedSpan(self._feed, name, self, annotations)

    def annotate(self, **annotations: Annotation) -> None:
        """Add to what is known of it."""
        self._detail |= annotations

    def end(self, *, error: str = "", fault: bool = True) -> None:
        """End it."""
        if self.turn is not None:
            self._feed.look_at(self.turn)
            if self._begins_turn:
                self._feed.forget(self.turn)
            self._feed.tell(
                "span_over",
                id=self._id,
                turn=self.turn,
                name=self._name,
                at=time.time(),
                error=error or None,
                fault=fault,
                detail=self._detail,
            )
        elif self._name == _BATCH:
            self._feed.tell("batch_over")
        elif self._name == _GIVE_BACK:
            conversation = int(str(self._detail["conversation"]).rpartition(":")[2])
            self._feed.tell("given_back", conversation=conversation, due=time.time() + float(self._detail["seconds"]))

    def activated(self) -> Callable[[], None]:
        """Nobody else traces here."""
        return _nothing


class FedTracing:
    """The tracing port, told to a feed.

    Args:
        feed: where to.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    @contextmanager
    def span(self, name: str, *, links: Sequence[str] = (), **annotations: Annotation) -> Iterator[Span]:  # noqa: ARG002
        """Time a block: inside the current span, or as a root."""
        parent = current_span()
        with within(FedSpan(self._feed, name, parent if isinstance(parent, FedSpan) else None, annotations)) as one:
            yield one


def _nothing() -> None:
    pass
