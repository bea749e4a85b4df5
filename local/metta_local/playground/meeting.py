"""Meets what pages ask for: writes as customers, acts as the team, switches faults, kills the worker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from metta.messages import JsonObject
from metta_local.demo_playing import write
from metta_local.demo_scenes import SCENES, Scene
from metta_local.playground import team, wishes
from metta_local.playground.board import Board
from metta_local.playground.channels import Channel
from metta_local.playground.chat import Chat
from metta_local.playground.customers import CUSTOMERS, Customers
from metta_local.playground.faults import Faults
from metta_local.playground.keeping import WorkerKeeper
from metta_local.playground.wishes import RefusedError
from metta_local.stack import LocalStack

NO_WORKER = "the deployed function does the work here; there is no worker to kill"
_NOT_WRITABLE = "customers are real here: the page shows turns and writes nothing into a real Chatwoot"


class Meeting:
    """What ``server.Actions`` names, on one stack.

    Args:
        board: where pages are told.
        stack: the services.
        channels: that customers can write on, by id.
        chat: shows conversations; None with a real Chatwoot, into which nothing is written.
        faults: the switches.
        worker: None where the deployed function does the work.
    """

    def __init__(
        self,
        board: Board,
        stack: LocalStack,
        channels: dict[str, Channel],
        chat: Chat | None,
        faults: Faults,
        worker: WorkerKeeper | None,
    ) -> None:
        self._board = board
        self._stack = stack
        self._chat = chat
        self._channels = channels
        self._customers = Customers(stack.chatwoot, channels) if stack.chatwoot is not None else None
        self._faults = faults
        self._worker = worker

    def write(self, given: JsonObject) -> JsonObject:
        """Write as a customer."""
        if self._customers is None:
            raise RefusedError(None, _NOT_WRITABLE, status=409)
        return self._customers.write(wishes.write_wish(given, self._channels, CUSTOMERS))

    def scenes(self, given: JsonObject) -> JsonObject:
        """Play sample conversations, all at the same time."""
        known = {scene.name: scene for scene in SCENES}
        wanted = [known[name] for name in wishes.names(given, tuple(known))]
        chatwoot, chat = self._stack.chatwoot, self._chat
        if chatwoot is None or chat is None:
            raise RefusedError(None, _NOT_WRITABLE, status=409)

        def play(scene: Scene) -> JsonObject:
            played = write(chatwoot, scene)
            chat.name(played.conversation_id, scene.name)
            return {"name": scene.name, "conversation_id": played.conversation_id}

        with ThreadPoolExecutor(max_workers=len(SCENES)) as players:
            return {"conversations": list(players.map(play, wanted))}

    def agent(self, given: JsonObject) -> JsonObject:
        """Act as a person of the team."""
        if self._stack.chatwoot is None or self._chat is None:
            raise RefusedError(None, _NOT_WRITABLE, status=409)
        wish = wishes.agent_wish(given)
        team.act(self._stack.chatwoot, wish)
        return self._chat.look(wish.conversation_id)

    def faults(self, given: JsonObject) -> JsonObject:
        """Switch a fault on or off."""
        name, on = wishes.fault_wish(given, self._faults.names)
        self._faults.switch(name, on=on)
        shown = self._faults.shown()
        self._board.put("faults", shown)
        title = next(one["title"] for one in shown["faults"] if one["name"] == name)
        self._board.notice("warn" if on else "info", f"{title}: {'from now on' if on else 'no longer'}.")
        return shown

    def worker(self, given: JsonObject) -> JsonObject:
        """Kill the worker, now or at a step of the next turn."""
        at = wishes.kill_wish(given)
        if self._worker is None:
            raise RefusedError("action", NO_WORKER, status=409)
        if at == "now":
            self._worker.kill()
        else:
            self._worker.arm(at)
        return self._worker.state.shown()
