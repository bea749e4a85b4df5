"""One run's tool calls: what the tools may know, how the SDK calls them, and the record each call leaves.

What goes wrong inside a tool reaches the model only as fixed words; a dependency that is down ends the run instead, so
that no answer is invented in its absence.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import time
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agents import AgentBase, FunctionTool, RunContextWrapper
from agents.tool_context import ToolContext

from metta.ai.bounded import bounded, to_json
from metta.ai.tools import HANDOFF_TOOL, NO_REASON, SPECS, ToolSpec, ToolUsageError, call_tool
from metta.ai.untrusted import IsInstruction, packaged_check, withheld_fields
from metta.errors import MettaError
from metta.messages import AgentWork, Identity, IdentityLevel, JsonObject, ToolCall
from metta.policy import Limits
from metta.ports import Shop

log = logging.getLogger(__name__)

_FAILED = "The tool failed. Do not guess its answer. Try once more or call handOffToHuman."


@dataclass(slots=True)
class Run:
    """What the tools of one run know and leave behind; the SDK hands it to each of them."""

    shop: Shop
    identity: Identity
    language: str
    work: AgentWork
    limits: Limits
    is_instruction: IsInstruction = field(default_factory=packaged_check)
    """Finds the texts of the shop that the model must not read."""
    handoff_reason: str | None = None
    failure: MettaError | None = None
    """What ends the run, since the SDK wraps exceptions that leave a tool."""
    answered: int = 0
    """Responses the model gave."""

    def end(self, failure: MettaError) -> None:
        """End the run with ``failure`` once the tool that is being called has its record."""
        self.failure = failure


def _parse(raw: str) -> JsonObject:
    try:
        arguments = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        raise ToolUsageError("the arguments are not JSON", field="arguments") from None
    if not isinstance(arguments, dict):
        raise ToolUsageError("the arguments must be a JSON object", field="arguments")
    return arguments


async def _call_for_model(spec: ToolSpec, context: ToolContext[Run], raw: str) -> str:
    """Call a tool, record the call whatever becomes of it, and give the text that the model reads."""
    run = context.context
    started_at, start = datetime.now(UTC), time.perf_counter()
    arguments: JsonObject = {}
    result: JsonObject = {}
    problem = ""
    try:
        try:
            arguments = _parse(raw)
            result = await call_tool(
                spec.name,
                arguments,
                shop=run.shop,
                identity=run.identity,
                language=run.language,
                limits=run.limits,
                is_instruction=run.is_instruction,
            )
        except ToolUsageError as error:
            problem = "InvalidArguments"
            result = {"error": f"{spec.name} was not called: {error}."}
        except MettaError as error:
            problem = type(error).__name__
            run.failure = error
        except asyncio.CancelledError:
            problem = "Cancelled"
            raise
        except Exception as error:  # noqa: BLE001 - its text may hold anything, so only class and place are told
            problem = type(error).__name__
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error("tool %s failed: %s at %s:%s", spec.name, problem, place.filename, place.lineno)  # noqa: TRY400
            result = {"error": _FAILED}
    finally:
        withheld = withheld_fields(result)
        if withheld:
            log.warning("tool %s: texts of the shop that give orders were withheld: %s", spec.name, ", ".join(withheld))
        run.work.tool_calls.append(
            ToolCall(
                name=spec.name,
                arguments=bounded(arguments, run.limits.tool_result_chars),
                result=result,
                ok=not problem,
                error=problem,
                withheld=withheld,
                started_at=started_at,
                duration_ms=(time.perf_counter() - start) * 1000,
            )
        )
    if spec.name == HANDOFF_TOOL:
        run.handoff_reason = str(result.get("reason", NO_REASON))
    if run.failure is not None:
        raise run.failure
    return to_json({"data": result})


def _offered(levels: frozenset[IdentityLevel], context: RunContextWrapper[Run], agent: AgentBase[Any]) -> bool:
    del agent
    return context.context.identity.level in levels


def function_tools() -> list[FunctionTool]:
    """The tools as the SDK takes them; each run offers those that its identity level permits."""
    return [
        FunctionTool(
            name=spec.name,
            description=spec.description,
            params_json_schema=spec.schema,
            on_invoke_tool=functools.partial(_call_for_model, spec),
            strict_json_schema=True,
            is_enabled=functools.partial(_offered, spec.levels),
        )
        for spec in SPECS.values()
    ]
