"""A worker's process for tests: saves a turn and dies by SIGKILL at the step it was told, as Lambda ends one.

Run with the connection string, the file of heads, the step, and the turn as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from metta.messages import ConversationKey, Turn
from metta.persistence.chain import Head, chain_keys
from metta.persistence.heads import Known, MemoryHeads
from metta.persistence.store import AuditStore

KEY = "a key of the audit chain"
STEPS = ("before the head is read", "after the head is read", "before the head is moved", "after the head is moved")


class FileHeads(MemoryHeads):
    """Heads that outlive a process, in a file; it may be told to die."""

    def __init__(self, path: Path, die: str = "") -> None:
        super().__init__()
        self._path = path
        self._die = die
        if path.exists():
            for name, (number, mac) in json.loads(path.read_text()).items():
                account, _, conversation = name.partition(":")
                key = ConversationKey(account_id=int(account), conversation_id=int(conversation))
                self.heads[key] = Head(number, bytes.fromhex(mac))

    def look(self, key: ConversationKey) -> Known:
        """As ``Heads.look``."""
        self._at(STEPS[0])
        known = super().look(key)
        self._at(STEPS[1])
        return known

    def advance(self, key: ConversationKey, head: Head) -> None:
        """As ``Heads.advance``."""
        self._at(STEPS[2])
        super().advance(key, head)
        said = {f"{one.account_id}:{one.conversation_id}": (at.number, at.mac.hex()) for one, at in self.heads.items()}
        self._path.write_text(json.dumps(said))
        self._at(STEPS[3])

    def _at(self, step: str) -> None:
        if step == self._die:
            os.kill(os.getpid(), signal.SIGKILL)


async def _save(url: str, heads: FileHeads, turn: Turn) -> None:
    await AuditStore(url, heads=heads, keys=chain_keys(KEY)).save_turn(turn)


if __name__ == "__main__":
    asyncio.run(_save(sys.argv[1], FileHeads(Path(sys.argv[2]), sys.argv[3]), Turn.model_validate_json(sys.argv[4])))
