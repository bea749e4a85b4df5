"""The tracing port: spans that nest by context, whoever records them; X-Ray, OpenTelemetry or nobody.

A span opened where none is current is a root, and only a ``Tracing`` opens those (a batch, a look of the watchdog);
inside it ``span`` makes children, in the threads and coroutines that carry its context. Names, times, ids, counts and
the classes of errors are all that a span holds, never a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol

from metta.errors import HandOff, NotYet

Annotation = str | int | float | bool


class Span(Protocol):
    """Something that takes time. Its methods never raise for what they are given."""

    def child(self, name: str, *, links: Sequence[str] = (), **annotations: Annotation) -> Span:
        """Begin a span inside this one.

        Args:
            name: what is done.
            links: ``X-Amzn-Trace-Id`` headers of what led to it.
            annotations: ids and counts.
        """
        ...

    def annotate(self, **annotations: Annotation) -> None:
        """Add to what is known of it."""
        ...

    def end(self, *, error: str = "", fault: bool = True) -> None:
        """End it.

        Args:
            error: class of the error that ended it.
            fault: whether that is a failure, or only how the work goes on elsewhere.
        """
        ...

    def activated(self) -> Callable[[], None]:
        """Make it the current one for whoever else traces in this context; returns what undoes that."""
        ...


class Tracing(Protocol):
    """Records spans."""

    def span(self, name: str, *, links: Sequence[str] = (), **annotations: Annotation) -> AbstractContextManager[Span]:
        """Time a block: inside the current span, or as a root."""
        ...


class NoSpan:
    """Records nothing."""

    def child(self, name: str, *, links: Sequence[str] = (), **annotations: Annotation) -> Span:  # noqa: ARG002
        """Nothing."""
        return self

    def annotate(self, **annotations: Annotation) -> None:
        """Nothing."""

    def end(self, *, error: str = "", fault: bool = True) -> None:
        """Nothing."""

    def activated(self) -> Callable[[], None]:
        """Nothing."""
        return _nothing


def _nothing() -> None:
    pass


NO_SPAN = NoSpan()
_current: ContextVar[Span | None] = ContextVar("span", default=None)


class NoTracing:
    """Traces nothing."""

    def span(  # noqa: D102
        self,
        name: str,  # noqa: ARG002
        *,
        links: Sequence[str] = (),  # noqa: ARG002
        **annotations: Annotation,  # noqa: ARG002
    ) -> AbstractContextManager[Span]:
        return nullcontext(NO_SPAN)


def current_span() -> Span | None:
    """The span that the calling thread or task is in."""
    return _current.get()


def span(name: str, *, links: Sequence[str] = (), **annotations: Annotation) -> AbstractContextManager[Span]:
    """Time a block inside the current span; nothing where there is none."""
    parent = _current.get()
    return nullcontext(NO_SPAN) if parent is None else within(parent.child(name, links=links, **annotations))


@contextmanager
def within(one: Span) -> Iterator[Span]:
    """Let ``one`` be the current span of a block, and end with it."""
    token, release = _current.set(one), one.activated()
    try:
        yield one
    except BaseException as error:
        one.end(error=type(error).__name__, fault=not isinstance(error, NotYet | HandOff))
        raise
    else:
        one.end()
    finally:
        release()
        _current.reset(token)
