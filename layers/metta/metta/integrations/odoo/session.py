"""What both protocols have in common: a session that is open, the question it carries, and the server's refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from metta.integrations.odoo.transport import Call


@dataclass(frozen=True)
class Question:
    """One call of a method on a model.

    Attributes:
        model: its technical name.
        method: a public method that changes nothing.
        arguments: by name. The first one also goes by its position where the protocol has positions, since its name
            differs between releases.
        is_answer: whether what came can be the answer; else it is a failure that may pass.
        context: Odoo's context.
    """

    model: str
    method: str
    arguments: Mapping[str, Any]
    is_answer: Callable[[Any], bool]
    context: Mapping[str, Any] | None = None


class ServerError(Exception):
    """The server answered with an exception of its own.

    Its text may hold SQL, host names, group names and a traceback: ``failures`` reads it, nobody else does.

    Attributes:
        name: the class as Odoo names it, for example ``odoo.exceptions.AccessError``.
        message: what it says.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name)
        self.name = name
        self.message = message


class LoginRefusedError(Exception):
    """The server does not know the user or does not take the key."""


class NotSpokenError(Exception):
    """The server has no such API: it is too old, too new, or another database answers."""


def timezone_of(context: object) -> str:
    """The time zone in a user's context; empty when there is none."""
    zone = context.get("tz") if isinstance(context, Mapping) else None
    return zone if isinstance(zone, str) else ""


def is_object(answer: Any) -> bool:
    """Whether it is a JSON object."""
    return isinstance(answer, dict)


def is_records(answer: Any) -> bool:
    """Whether it is a list of JSON objects."""
    return isinstance(answer, list) and all(map(is_object, answer))


def is_count(answer: Any) -> bool:
    """Whether it is a whole number, and no flag."""
    return isinstance(answer, int) and not isinstance(answer, bool)


def is_flag(answer: Any) -> bool:
    """Whether it is true or false."""
    return isinstance(answer, bool)


class Session(Protocol):
    """An open session; used from many threads at a time."""

    protocol: str
    """``jsonrpc`` or ``json2``, for operators."""
    timezone: str
    """Of the bot's user, for example ``Europe/Berlin``; empty when it has none."""

    def ask(self, call: Call, question: Question) -> Any:
        """The method's result as JSON has it.

        Raises:
            ServerError: the method failed.
            LoginRefusedError, NotSpokenError: the session has to be opened anew.
            Exception: whatever the connection or an unreadable answer gives; ``failures.translate`` knows them all.
        """
        ...
