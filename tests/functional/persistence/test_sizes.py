"""A turn takes about as much room as docs/audit.md counts with: a column or an index too many would be seen here."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from functional.persistence.forgetting import KEYS
from functional.persistence.samples import later
from metta.messages import (
    AgentWork,
    Contact,
    ConversationKey,
    Identity,
    IncomingMessage,
    ModelCall,
    SentMessage,
    Timing,
    ToolCall,
    Turn,
    Verdict,
)
from metta.persistence.columns import COLUMNS
from metta.persistence.contents import Mode
from metta.persistence.heads import MemoryHeads
from metta.persistence.store import AuditStore
from metta_local.postgres import PostgresUrls

DOCS = Path(__file__).parents[3] / "docs" / "audit.md"
TURNS = 1500
STEPS = ("context", "validate_input", "agent", "validate_output", "recheck", "send", "courtesies")
ASKED = "Hi, I ordered a floor lamp last week and was told it would be here by now. Where is my order S{:05d}? Thanks"
ANSWERED = (
    "Your order S{:05d} left our warehouse on Tuesday and is with DHL (tracking 00340434161094{:06d}). It is expected "
    "within 2 to 4 working days. You can follow it with the link in the mail that we sent you. Anything else?"
)


def usual_turn(number: int) -> Turn:
    """What happens most often: a question about an order, one lookup, two calls of the model, one reply."""
    key = ConversationKey(account_id=3, conversation_id=400_000 + number // 3)
    at = later(number * 20)
    contact = Contact(id=number // 4, name=f"Customer {number // 4}", email=f"customer{number // 4}@example.org")
    asked, answered = ASKED.format(number), ANSWERED.format(number, number)
    message = IncomingMessage(
        key=key,
        message_id=1_000_000 + 3 * number,
        inbox_id=11,
        text=asked,
        channel="Channel::WebWidget",
        created_at=at - timedelta(seconds=4),
        contact=contact,
        contact_source_id=f"3f0c4d52-5f9e-4d3a-9c1e-{number:012d}",
    )
    line = {"product": "Floor lamp Arc, brushed steel", "quantity": 1, "price": "129.00 EUR", "delivered": 0}
    delivery = {"state": "on its way", "tracking": f"00340434161094{number:06d}"}
    result = {"found": True, "orderNumber": f"S{number:05d}", "state": "confirmed", "total": "258.00 EUR",
              "lines": [line, line], "delivery": delivery}  # fmt: skip
    call = ModelCall(model="gpt-5.6-luna", input_tokens=2100, cached_tokens=1800, output_tokens=90,
                     cost_usd=0.000312, started_at=at, duration_ms=812.4)  # fmt: skip
    version = "rules 3f2a9c1b7d10 model 81c2f3aa90be"
    return Turn(
        id=f"t-{hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()}",  # spread like real ones
        key=key,
        phase="sent",
        inbox_id=11,
        channel="Channel::WebWidget",
        contact=contact,
        identity=Identity(level="claimed", email=contact.email),
        messages=(message,),
        covered=(message.message_id,),
        input_verdict=Verdict(direction="input", action="allow", text=asked, version=version),
        output_verdict=Verdict(direction="output", action="allow", text=answered, version=version),
        work=AgentWork(
            prompt_version="3f2a9c1b7d10",
            tool_calls=[ToolCall(name="getOrder", arguments={"orderNumber": f"S{number:05d}"}, result=result,
                                 started_at=at, duration_ms=92.1)],
            model_calls=[call, call],
        ),
        reply=answered,
        outcome="answered",
        sent=(SentMessage(kind="reply", message_id=message.message_id + 1, text=answered),),
        started_at=at,
        finished_at=at + timedelta(seconds=3),
        timings=[Timing(step=step, started_at=at, duration_ms=41.7) for step in STEPS],
    )  # fmt: skip


def bytes_per_turn(urls: PostgresUrls, mode: Mode) -> dict[str, tuple[float, float]]:
    """Table -> bytes of rows and of indexes, per turn, after the turns were written as the worker does."""

    async def run() -> None:
        store = AuditStore(urls.database_url, heads=MemoryHeads(), keys=KEYS, mode=mode)

        async def work(first: int) -> None:
            for number in range(first, TURNS, 3):
                await store.save_turn(usual_turn(number))

        await asyncio.gather(*(work(first) for first in range(3)))
        await store.close()

    asyncio.run(run())
    with psycopg.connect(urls.migrate_url) as owner:
        sizes = owner.execute(
            "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class"
            " WHERE relnamespace = 'metta'::regnamespace AND relkind = 'r'"
        ).fetchall()
    return {name: (rows / TURNS, indexes / TURNS) for name, rows, indexes in sizes if name in COLUMNS}


@pytest.mark.parametrize("mode", [Mode.PLAIN, Mode.ENCRYPTED])
def test_a_turn_takes_the_room_that_the_page_says(new_database: Callable[..., PostgresUrls], mode: Mode) -> None:
    sizes = bytes_per_turn(new_database(migrated=True), mode)
    total = sum(rows + indexes for rows, indexes in sizes.values())
    told = re.search(rf"\| all, {mode} \|.*\| ([\d,]+) \|\n", DOCS.read_text(encoding="utf-8"))
    assert told is not None, sizes
    assert total == pytest.approx(float(told[1].replace(",", "")), rel=0.15)
