"""One cold start, measured in a process of its own: run by its path, with whatever interpreter is measured.

Needs the standard library alone, since the artifact's packages are all that there is. The first argument says what:
``bare`` (the SDK as anyone would start it), ``start`` (a handler's module) or ``steps`` (the worker's start in pieces).
``start`` then handles the events that it is given as lines of JSON, and answers each with the CPU seconds it took.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

JsonObject = dict[str, Any]


class Context:
    """What a handler is told by Lambda."""

    aws_request_id = "00000000-0000-4000-8000-000000000000"
    function_name = "metta"
    function_version = "$LATEST"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:metta"
    log_group_name = "/aws/lambda/metta"
    log_stream_name = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """A minute, always."""
        return 60_000


def timed(work: Callable[[], object]) -> JsonObject:
    """Seconds of wall clock and CPU that ``work`` takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def handled(handler: Callable[[JsonObject, Context], object], event: JsonObject) -> JsonObject:
    """What it takes to handle an event, and the answer."""
    answers: list[object] = []
    return {**timed(lambda: answers.append(handler(event, Context()))), "answer": answers[0]}


def bare() -> None:
    """Import the SDK, make its client, and run a model once, with one tool."""
    import asyncio

    from agents import Agent, OpenAIProvider, RunConfig, Runner, function_tool
    from openai import AsyncOpenAI

    @function_tool
    def search(query: str) -> str:
        """Find products."""
        return query

    async def first_run() -> None:
        client = AsyncOpenAI(max_retries=0)
        config = RunConfig(model_provider=OpenAIProvider(openai_client=client), tracing_disabled=True)
        agent = Agent(name="Bare", instructions="Help the customer.", tools=[search], model="gpt-5.6-luna")
        result = await Runner.run(agent, "Hello", run_config=config)
        if not result.final_output:
            raise RuntimeError("the bare run gave no answer")
        await client.close()

    asyncio.run(first_run())


def steps() -> JsonObject:
    """CPU milliseconds of each step of the worker's start; those that are part of another step do not count there."""
    spent: dict[str, float] = {}
    open_steps: list[float] = []

    def step(name: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        open_steps.append(0.0)
        answer = work()
        took = time.process_time() - began
        spent[name] = spent.get(name, 0.0) + took - open_steps.pop()
        if open_steps:
            open_steps[-1] += took
        return answer

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, **named: step(name, lambda: function(*given, **named))

    starting = importlib.import_module("metta.bootstrap.starting")
    with starting.Start():
        step("import agents", lambda: importlib.import_module("agents"))
        worker: Any = step("other imports", lambda: importlib.import_module("metta.bootstrap.worker"))
        pipeline: Any = importlib.import_module("metta.bootstrap.pipeline")
        settings = step("settings and secret", importlib.import_module("metta.settings").load)
        for module, name, label in (
            (pipeline, "load_policy", "policy"),
            (pipeline, "Guardrails", "guardrails"),
            (pipeline, "MettaAgent", "agent and tools"),
            (worker, "aws_client", "AWS clients"),
            (worker, "tracing", "tracing"),
        ):
            setattr(module, name, watched(label, getattr(module, name)))
        wired = step("the rest of the wiring", lambda: worker.build_worker(settings))
        step("warm: first run and checks", wired.warm)
    return {name: seconds * 1000 for name, seconds in spent.items()}


def main() -> None:
    """Measure what is asked for and print it."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the function logs goes elsewhere
    what = sys.argv[1]
    if what == "steps":
        print(json.dumps({"steps": steps()}), file=out, flush=True)
        return
    work = bare if what == "bare" else lambda: importlib.import_module("handler")
    print(json.dumps(timed(work)), file=out, flush=True)
    if what == "bare":
        return
    handler = sys.modules["handler"].handler
    for line in sys.stdin:
        print(json.dumps(handled(handler, json.loads(line))), file=out, flush=True)
    out.flush()
    os._exit(0)  # a Lambda environment is stopped, too; nothing waits for its threads


if __name__ == "__main__":
    main()
