"""The measured process: runs the Lambda handler on events it is given and says what they cost.

Apart from the emulators, so that its CPU time and memory are the worker's alone. Speaks JSON lines on its standard
input and output: ``{"handle": [EVENT, ...]}``, the same with ``"profile": true``, and ``{"bare": N}`` each answer with
seconds of wall clock and CPU and the peak memory in MiB; ``{"pin": true}`` with the one core that it keeps to.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from agents import Agent, OpenAIProvider, RunConfig, Runner
from openai import AsyncOpenAI

from metta.ai.agent import MettaAgent
from metta.ai.conversation import build_input, new_mark
from metta.ai.run import Run, function_tools
from metta.bootstrap.worker import Worker, build_worker
from metta.messages import AgentReply, AgentWork, IncomingMessage, JsonObject, MessageContext
from metta.policy import load_policy
from metta.settings import Settings, load
from metta_local.bench.ledger import Ledger
from metta_local.bench.steps import STEPS
from metta_local.worker import LocalContext

CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
Asked = tuple[Sequence[IncomingMessage], MessageContext]


class Recorder:
    """Remembers what the worker's agent was asked last, so that the bare run can be asked the same."""

    def __init__(self, agent: MettaAgent) -> None:
        self.agent = agent
        self.asked: Asked | None = None
        self._run = agent.run
        agent.run = self.run  # type: ignore[method-assign]

    async def run(
        self, messages: Sequence[IncomingMessage], context: MessageContext, work: AgentWork, *, seconds: float
    ) -> AgentReply:
        """Record, then do what the agent does."""
        self.asked = (messages, context)
        return await self._run(messages, context, work, seconds=seconds)


async def bare_runs(settings: Settings, shop: Any, instructions: str, asked: Asked, times: int) -> None:
    """``Runner.run`` as anyone would write it, with the same instructions, tools, history and model endpoint."""
    access = settings.model
    client = AsyncOpenAI(api_key=access.api_key.get_secret_value(), base_url=access.base_url, max_retries=0)
    config = RunConfig(model_provider=OpenAIProvider(openai_client=client), tracing_disabled=True)
    limits = load_policy().limits
    messages, context = asked
    agent: Agent[Run] = Agent(name="Bare", instructions=instructions, tools=list(function_tools()), model=access.model)
    for _ in range(times):
        run = Run(shop=shop, identity=context.identity, language=context.language, work=AgentWork(), limits=limits)
        items: Any = build_input(messages, context, limits, mark=new_mark(), now=messages[-1].created_at)
        result = await Runner.run(agent, items, context=run, run_config=config)
        if not result.final_output:
            raise RuntimeError("the bare run gave no answer")
    await client.close()


def measured(work: Callable[[], Any]) -> JsonObject:
    """Seconds of wall clock and CPU that ``work`` takes, and this process's peak memory so far."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = work()
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "answer": answer,
    }


def handle_all(worker: Worker, events: Sequence[JsonObject]) -> int:
    """Handle one event after the other; the number of records that failed."""
    return sum(len(worker.handle(event, LocalContext())["batchItemFailures"]) for event in events)


def profiled(worker: Worker, events: Sequence[JsonObject]) -> JsonObject:
    """Handle the events with a ledger of CPU by step."""
    ledger = Ledger()
    with ledger.kept(STEPS):
        result = measured(partial(handle_all, worker, events))
    return result | {"seconds": ledger.seconds(), "calls": ledger.calls()}


def pin(*, to_one: bool) -> JsonObject:
    """Keep all threads to one core, or let them go again; where the system knows of no such thing, ``core`` is null."""
    if not hasattr(os, "sched_setaffinity"):
        return {"core": None}
    core = max(CORES)
    for thread in Path("/proc/self/task").iterdir():  # later ones inherit it
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), {core} if to_one else CORES)
    return {"core": core if to_one else None}


def main() -> None:
    """Serve until standard input ends."""
    out = sys.stdout
    sys.stdout = sys.stderr
    settings = load()
    worker = build_worker(settings, log_stream=sys.stderr)
    recorder = Recorder(worker.agent)
    shop = worker.agent._shop
    worker.warm()
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "pin" in asked:
            result = pin(to_one=asked["pin"])
        elif "bare" in asked:
            assert recorder.asked is not None
            work = bare_runs(settings, shop, worker.agent.instructions, recorder.asked, asked["bare"])
            result = measured(partial(worker.loop.run, work))
        elif asked.get("profile"):
            result = profiled(worker, asked["handle"])
        else:
            events = asked["handle"]
            result = measured(partial(handle_all, worker, events))
        print(json.dumps(result), file=out, flush=True)
    worker.close()


if __name__ == "__main__":
    main()
