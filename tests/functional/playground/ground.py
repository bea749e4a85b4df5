"""A playground as tests use it: over HTTP, and through a page that listens to its events."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from metta_local.playground.stage import Playground
from metta_local.serving import LoopbackServer
from metta_local.stack import LocalStack

Json = dict[str, Any]
PATIENCE = 90.0


class Ground:
    """One running playground."""

    def __init__(self, stack: LocalStack, playground: Playground, url: str) -> None:
        self.stack = stack
        self.playground = playground
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=30)

    def post(self, name: str, /, **given: Any) -> Json:
        answer = self.http.post(f"/api/{name}", json=given)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def write(self, *texts: str, **given: Any) -> int:
        """Write as a customer; gives the conversation."""
        return int(self.post("write", texts=list(texts), **given)["conversation_id"])

    def state(self) -> Json:
        found: Json = self.http.get("/api/state").json()
        return found

    def conversation(self, id_: int) -> Json:
        return next(one for one in self.state()["conversations"] if one["id"] == id_)

    def turns(self, conversation_id: int) -> list[Json]:
        return [one for one in self.state()["turns"] if one["conversation_id"] == conversation_id]

    def audited(self, conversation_id: int, *, turns: int = 1) -> list[Json]:
        """The conversation's turns once so many are in the audit log."""
        found: list[Json] = []

        def there() -> bool:
            found[:] = [one for one in self.turns(conversation_id) if one["state"] == "audited"]
            return len(found) >= turns

        until(there)
        return found

    def replies(self, conversation_id: int) -> list[str]:
        """What the customer got from Metta."""
        messages = self.conversation(conversation_id)["messages"]
        return [one["text"] for one in messages if one["from"] == "metta" and not one["private"]]


def until(condition: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


@contextmanager
def running(**variables: str) -> Iterator[Ground]:
    """A stack with quick bursts, its worker and its page."""
    quick = {"BURST_QUIET_SECONDS": "0.7", "BURST_MAX_SECONDS": "4"}
    playground = Playground()
    with LoopbackServer(playground.server.app) as server, LocalStack(quick | variables) as stack, playground:
        playground.load_worker()
        playground.start(stack)
        ground = Ground(stack, playground, server.url)
        with ground.http:
            yield ground


class Listener:
    """A page that is told everything, in a thread of its own."""

    def __init__(self, url: str) -> None:
        self.events: list[tuple[str, Json]] = []
        self.ended = threading.Event()
        self._client = httpx.Client(base_url=url, timeout=60)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        until(lambda: len(self.events) > 0)

    def of(self, kind: str) -> list[Json]:
        return [value for told, value in list(self.events) if told == kind]

    def close(self) -> None:
        self._client.close()

    def _listen(self) -> None:
        kind = ""
        try:
            with self._client.stream("GET", "/events") as answer:
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        kind = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        self.events.append((kind, json.loads(line.removeprefix("data: "))))
        except (httpx.HTTPError, httpx.StreamError, OSError, RuntimeError, ValueError):
            pass
        finally:
            self.ended.set()
