"""What a page may ask for, checked: each wish from its JSON, or a refusal that names the field and says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metta.integrations.chatwoot.text import clean_text
from metta.messages import IdentityLevel, JsonObject
from metta_local.chatwoot.lifecycle import MAX_CONTENT
from metta_local.playground.channels import Channel
from metta_local.playground.feed import KILL_POINTS

MOST_TEXTS = 10
"""Messages of one burst."""
MOST_FILES = 10
MOST_NAME = 200
"""Characters of a file's name."""
FILE_TYPES = ("image", "audio", "video", "file", "location", "contact")
AGENT_ACTIONS = ("reply", "note", "take_over", "give_back", "resolve", "open")
_NUMBERS = 2**53


class RefusedError(Exception):
    """A wish that cannot be met.

    Args:
        field: of the request; None where it is the whole.
        sentence: says what is wrong and what to do.
        status: of HTTP.
    """

    def __init__(self, field: str | None, sentence: str, *, status: int = 422) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence
        self.status = status


@dataclass(frozen=True)
class File:
    """A file that a customer attaches; only its name and kind exist."""

    name: str
    file_type: str


@dataclass(frozen=True)
class Wish:
    """``POST /api/write``."""

    texts: tuple[str, ...]
    channel: str = "website"
    identity: IdentityLevel = IdentityLevel.ANONYMOUS
    language: str | None = None
    attachments: tuple[File, ...] = ()
    conversation_id: int | None = None
    customer: str | None = None


@dataclass(frozen=True)
class AgentWish:
    """``POST /api/agent``."""

    conversation_id: int
    action: str
    text: str = ""


def write_wish(given: JsonObject, channels: Mapping[str, Channel], customers: Mapping[str, Any]) -> Wish:
    """The wish to write as a customer.

    Raises:
        RefusedError: a field is missing, malformed or does not go with another.
    """
    files = _files(given.get("attachments"))
    texts = _texts(given.get("texts"), files)
    if given.get("conversation_id") is not None:
        return Wish(texts, attachments=files, conversation_id=_id(given, "conversation_id"))
    channel = channels[_one_of(given.get("channel", "website"), "channel", tuple(channels))]
    levels = tuple(str(level) for level in IdentityLevel)
    identity = IdentityLevel(_one_of(given.get("identity", str(channel.identities[0])), "identity", levels))
    if identity not in channel.identities:
        raise RefusedError("identity", f"{channel.refusal}; choose {' or '.join(map(str, channel.identities))}")
    customer = given.get("customer")
    if customer is not None:
        _one_of(customer, "customer", tuple(customers))
    return Wish(texts, channel.id, identity, _language(given.get("language")), files, None, customer)


def agent_wish(given: JsonObject) -> AgentWish:
    """What a person of the team does.

    Raises:
        RefusedError: as above.
    """
    action = _one_of(given.get("action"), "action", AGENT_ACTIONS)
    text = given.get("text") or ""
    if action in ("reply", "note"):
        text = _text(text, "text")
        if not text.strip():
            raise RefusedError("text", "write what the customer or the team is to read")
    return AgentWish(_id(given, "conversation_id"), action, text)


def names(given: JsonObject, known: tuple[str, ...]) -> tuple[str, ...]:
    """``names``: some of the known ones, or all of them when none is named.

    Raises:
        RefusedError: one is not known.
    """
    wanted = given.get("names")
    if wanted is None:
        return known
    if not isinstance(wanted, list) or not wanted:
        raise RefusedError("names", "is a list of names; leave it out for all of them")
    return tuple(dict.fromkeys(_one_of(name, "names", known) for name in wanted))


def fault_wish(given: JsonObject, known: tuple[str, ...]) -> tuple[str, bool]:
    """Which fault, and whether it is to be on.

    Raises:
        RefusedError: as above.
    """
    name = _one_of(given.get("name"), "name", known)
    if not isinstance(given.get("on"), bool):
        raise RefusedError("on", "is true or false")
    return name, given["on"]


def kill_wish(given: JsonObject) -> str | None:
    """Where the worker is to be killed; ``now``, a point, or None to call a kill off.

    Raises:
        RefusedError: as above.
    """
    _one_of(given.get("action"), "action", ("kill",))
    if "at" in given and given["at"] is None:
        return None
    return _one_of(given.get("at", "now"), "at", ("now", *KILL_POINTS))


def _texts(given: Any, files: tuple[File, ...]) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        raise RefusedError("texts", 'is a list of at least one text; [""] with an attachment alone')
    if len(given) > MOST_TEXTS:
        raise RefusedError("texts", f"a burst has at most {MOST_TEXTS} messages; leave some out")
    texts = tuple(_text(text, "texts") for text in given)
    for place, text in enumerate(texts):
        if not text.strip() and not (files and place == len(texts) - 1):
            raise RefusedError("texts", "write something; only the last one may be empty, with an attachment")
    return texts


def _text(given: Any, field: str) -> str:
    if not isinstance(given, str):
        raise RefusedError(field, "is text")
    if (over := len(given) - MAX_CONTENT) > 0:
        raise RefusedError(field, f"Chatwoot takes at most {MAX_CONTENT:,} characters; leave {over:,} out")
    if clean_text(given) != given:
        raise RefusedError(field, "holds a sign that no chat can carry (U+0000 or half a surrogate pair)")
    return given


def _files(given: Any) -> tuple[File, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MOST_FILES:
        raise RefusedError("attachments", f"is a list of at most {MOST_FILES} files")
    files = []
    for one in given:
        if not isinstance(one, dict):
            raise RefusedError("attachments", 'is a list of {"name": ..., "file_type": ...}')
        name = _text(one.get("name", ""), "attachments").strip()
        if not 0 < len(name) <= MOST_NAME:
            raise RefusedError("attachments", f"a file's name has 1 to {MOST_NAME} characters")
        files.append(File(name, _one_of(one.get("file_type"), "attachments", FILE_TYPES)))
    return tuple(files)


def _language(given: Any) -> str | None:
    if given is None or given == "":
        return None
    if not (isinstance(given, str) and len(given) == 2 and given.isascii() and given.isalpha()):
        raise RefusedError("language", "is a code of two letters, such as de, or null")
    return given.lower()


def _id(given: JsonObject, field: str) -> int:
    value = given.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _NUMBERS:
        raise RefusedError(field, "is a conversation's number, such as 84")
    return value


def _one_of(value: Any, field: str, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        raise RefusedError(field, f"is one of: {', '.join(known)}")
    return value
