"""The newest state of everything a page shows, and the pages that are told of each change.

A page that reads slowly is told less often, never of old states: what waits for it is the newest state of each object,
so that it cannot pile up.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

from metta.messages import JsonObject

KEPT = {"conversation": 200, "turn": 300, "skip": 300}
"""How many objects of a kind are kept; of others there is one."""
ORDER = ("hello", "conversation", "turn", "skip", "worker", "faults", "queue")
"""In which a new page is told of everything."""
MOST_NOTICES = 100
"""That may wait for one page."""
MOST_PAGES = 20

Key = tuple[str, str]


class TooManyPagesError(Exception):
    """So many pages are connected that no further one is served."""


class Page:
    """What waits to be told to one connected page.

    Args:
        known: everything that there is, in its order.
        loop: on which the page is served.
    """

    def __init__(self, known: list[tuple[Key, str]], loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._news = asyncio.Event()
        self._lock = threading.Lock()
        self._waiting: OrderedDict[Key, str] = OrderedDict(known)
        self._notices = 0
        self.closed = False
        if known:
            self._news.set()

    def put(self, key: Key, text: str) -> None:
        """Something new; called from any thread."""
        with self._lock:
            if key[0] == "notice":
                self._notices += 1
                key = ("notice", str(self._notices))
                oldest = ("notice", str(self._notices - MOST_NOTICES))
                self._waiting.pop(oldest, None)
            self._waiting[key] = text
        self._wake()

    def close(self) -> None:
        """Nothing more comes; what waits is told still."""
        self.closed = True
        self._wake()

    async def next(self) -> list[tuple[str, str]]:
        """Kind and JSON of all that is new, as soon as something is; empty when nothing more comes."""
        await self._news.wait()
        with self._lock:
            self._news.clear()
            taken = [(kind, text) for (kind, _), text in self._waiting.items()]
            self._waiting.clear()
            if self.closed:
                self._news.set()
        return taken

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:  # its loop is closed, and the page with it
            self.closed = True


class Board:
    """Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, OrderedDict[str, str]] = {kind: OrderedDict() for kind in ORDER}
        self._pages: set[Page] = set()
        self._over = False

    def put(self, kind: str, value: JsonObject, id_: str = "") -> None:
        """The newest state of an object; pages are told when it differs from the one before."""
        text = json.dumps(value, default=str)
        with self._lock:
            known = self._known[kind]
            if known.get(id_) == text:
                return
            known[id_] = text
            while len(known) > KEPT.get(kind, 1):
                known.popitem(last=False)
            for page in self._pages:
                page.put((kind, id_), text)

    def notice(self, level: str, text: str) -> None:
        """Something for the page's log; told to those who look on now."""
        said = json.dumps({"level": level, "text": text, "at": datetime.now(UTC).isoformat(timespec="milliseconds")})
        with self._lock:
            for page in self._pages:
                page.put(("notice", ""), said)

    def get(self, kind: str, id_: str = "") -> JsonObject | None:
        """An object as it is now."""
        with self._lock:
            text = self._known[kind].get(id_)
        return None if text is None else dict(json.loads(text))

    def everything(self) -> JsonObject:
        """All of it, as one object: lists of what there are many of."""
        with self._lock:
            known = {kind: list(texts.values()) for kind, texts in self._known.items()}
        shown: dict[str, Any] = {}
        for kind, texts in known.items():
            values = [json.loads(text) for text in texts]
            shown[f"{kind}s" if kind in KEPT else kind] = values if kind in KEPT else values[0] if values else None
        return shown

    def join(self, loop: asyncio.AbstractEventLoop) -> Page:
        """A new page, which is told everything first.

        Raises:
            TooManyPagesError: there are enough.
        """
        with self._lock:
            if self._over or len(self._pages) >= MOST_PAGES:
                raise TooManyPagesError(f"{MOST_PAGES} pages are open already; close one")
            known = [((kind, id_), text) for kind in ORDER for id_, text in self._known[kind].items()]
            page = Page(known, loop)
            self._pages.add(page)
        return page

    def leave(self, page: Page) -> None:
        """A page is gone."""
        with self._lock:
            self._pages.discard(page)

    def close(self) -> None:
        """End all pages."""
        with self._lock:
            self._over = True
            for page in self._pages:
                page.close()
