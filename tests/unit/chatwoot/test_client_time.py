"""I11: one call of Chatwoot's API takes no longer than the policy says, however the time is spent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from metta.errors import ChatwootDown, SendUnknown
from metta.integrations.chatwoot.client import ChatwootClient
from metta.messages import ConversationKey, OutgoingMessage
from metta.settings import ChatwootSettings

KEY = ConversationKey(account_id=3, conversation_id=84)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 400\r\n\r\n"
SECONDS = 0.4


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer whose every piece comes well before a read times out."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HEAD)
    try:
        for _ in range(400):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)
    except ConnectionError:
        pass
    finally:
        writer.close()


def use_dripping(
    make: Callable[..., ChatwootSettings], use: Callable[[ChatwootClient], Awaitable[object]]
) -> tuple[BaseException | None, float]:
    """What became of a call, and how long it took."""

    async def session() -> tuple[BaseException | None, float]:
        async with await asyncio.start_server(drip, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            client = ChatwootClient(make(CHATWOOT_BASE_URL=f"http://127.0.0.1:{port}"), timeout_seconds=SECONDS)
            start = time.monotonic()
            (result,) = await asyncio.gather(use(client), return_exceptions=True)
            taken = time.monotonic() - start
            await client.aclose()
        return (result if isinstance(result, BaseException) else None), taken

    return asyncio.run(session())


def test_a_chatwoot_that_drips_is_given_up_after_one_calls_time(settings: Callable[..., ChatwootSettings]) -> None:
    error, taken = use_dripping(settings, lambda client: client.get_conversation(KEY))
    assert type(error) is ChatwootDown
    assert SECONDS * 0.9 < taken < SECONDS * 4


def test_a_send_given_up_so_is_looked_up_before_anything_is_sent_again(
    settings: Callable[..., ChatwootSettings], reply: Callable[..., OutgoingMessage]
) -> None:
    error, _ = use_dripping(settings, lambda client: client.send_message(reply()))
    assert type(error) is SendUnknown
