"""Values that an object works out once: ``functools.cached_property`` without its lock, which costs more than most.

Two threads that ask at once may both work it out; what they get is the same, since nothing here has side effects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class kept(Generic[T]):  # noqa: N801 - read as a decorator, like property
    """Replaces a method without arguments by its result, at the first look."""

    def __init__(self, work: Callable[[Any], T]) -> None:
        self._work = work
        self._name = work.__name__
        self.__doc__ = work.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> kept[T]: ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: object | None, kind: type) -> T | kept[T]:
        """The value, which hides this descriptor from then on."""
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._work(owner)
        return value
