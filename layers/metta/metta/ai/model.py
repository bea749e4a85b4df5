"""One request to the Responses API per call, timed, counted and checked; what the SDK's runner calls as its model.

The SDK's own Responses model walks through every input item for each request, which costs more CPU than all the rest
of a turn, and loses the token counts of answers that broke off. This one posts the same body through the same client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from agents import FunctionTool, Model, ModelBehaviorError, ModelResponse, ModelSettings, ModelTracing, Usage
from agents.exceptions import ModelTimeoutError
from agents.tracing import SpanError, response_span
from openai import AsyncOpenAI
from openai.types.responses import Response

from metta.ai.bounded import clean, shorten
from metta.ai.budget import Allowed, TokenBudget
from metta.ai.failures import may_be_charged
from metta.ai.response import check
from metta.ai.run import Run
from metta.ai.usage import Tokens, price_of
from metta.messages import ModelCall, ToolCall
from metta.policy import Limits, Price

_NAME_CHARS = 64


def tool_parameters(tool: FunctionTool) -> dict[str, Any]:
    """A function tool as the request names it."""
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.params_json_schema,
        "strict": tool.strict_json_schema,
    }


def request_body(
    model: str, instructions: str | None, items: str | list[Any], settings: ModelSettings, tools: list[Any]
) -> dict[str, Any]:
    """The JSON body of POST /responses; what is not set is left out, so that the API's default applies."""
    body: dict[str, Any] = {
        "model": model,
        "instructions": instructions,
        "input": items,
        "include": settings.response_include,
        "max_output_tokens": settings.max_tokens,
        "store": settings.store,
        "reasoning": settings.reasoning.model_dump(exclude_unset=True) if settings.reasoning else None,
        "text": {"verbosity": settings.verbosity} if settings.verbosity else None,
    }
    if tools:
        body["tools"] = [tool_parameters(tool) for tool in tools]
        body["parallel_tool_calls"] = settings.parallel_tool_calls
    body.update(settings.extra_args or {})
    return {name: value for name, value in body.items() if value is not None}


class ResponsesModel(Model):
    """The model of one run.

    Args:
        client: of the process; ``max_retries`` is 0, the runner retries.
        name: model name, as the API and the policy's prices know it.
        run: every request is recorded in ``run.work``, failed ones included.
        prices: US dollars per million tokens.
        limits: longest time of one request; tokens of all the turn's requests.
    """

    def __init__(
        self, client: AsyncOpenAI, name: str, run: Run, *, prices: Mapping[str, Price], limits: Limits
    ) -> None:
        self._client = client
        self._name = name
        self._run = run
        self._price = price_of(name, prices)
        self._call_seconds = limits.model_call_seconds
        self._budget = TokenBudget(limits, run.work, self._price)

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[Any],  # noqa: A002 - named so by the SDK
        model_settings: ModelSettings,
        tools: list[Any],
        output_schema: Any,
        handoffs: list[Any],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: Any = None,
    ) -> ModelResponse:
        """Ask once. Raises the client's errors, ``ModelTimeoutError`` and what ``admit`` and ``check`` raise."""
        del output_schema, handoffs, previous_response_id, conversation_id, prompt
        body = request_body(self._name, system_instructions, input, model_settings, tools)
        allowed = self._budget.admit(body)
        with response_span(disabled=tracing.is_disabled()) as span:
            started_at, start = datetime.now(UTC), time.perf_counter()
            tokens, problem = Tokens(), ""
            try:
                received = await self._post(body, allowed)
                tokens = Tokens.of(received)
                self._budget.answered(tokens, allowed)
                response = check(received)
            except asyncio.CancelledError:
                problem = "Cancelled"
                raise
            except Exception as error:
                problem = type(error).__name__
                raise
            finally:
                self._record(tokens, started_at, (time.perf_counter() - start) * 1000, problem)
                if problem:
                    span.set_error(SpanError(message=problem, data=None))
            self._run.answered += 1
            self._record_unknown_calls(response, {tool.name for tool in tools})
            usage = Usage(
                requests=1,
                input_tokens=tokens.input,
                output_tokens=tokens.output,
                total_tokens=tokens.input + tokens.output,
            )
            span.span_data.usage = {"input_tokens": tokens.input, "output_tokens": tokens.output}
            return ModelResponse(output=response.output, usage=usage, response_id=response.id)

    async def _post(self, body: dict[str, Any], allowed: Allowed) -> Any:
        try:
            async with asyncio.timeout(self._call_seconds):
                return await self._client.post("/responses", cast_to=Response, body=body)
        except BaseException as error:
            if may_be_charged(error):
                self._budget.lost(allowed)
            if isinstance(error, TimeoutError):
                raise ModelTimeoutError(self._call_seconds) from None
            if isinstance(error, ValueError):
                raise ModelBehaviorError("the answer is not JSON") from None
            raise

    def _record(self, tokens: Tokens, started_at: datetime, duration_ms: float, problem: str) -> None:
        self._run.work.model_calls.append(
            ModelCall(
                model=self._name,
                input_tokens=tokens.input,
                cached_tokens=tokens.cached,
                output_tokens=tokens.output,
                reasoning_tokens=tokens.reasoning,
                cost_usd=tokens.cost_usd(self._price),
                started_at=started_at,
                duration_ms=duration_ms,
                error=problem,
            )
        )

    def _record_unknown_calls(self, response: Response, offered: set[str]) -> None:
        """Calls of tools that were not offered reach no tool; the runner tells the model so."""
        for item in response.output:
            if item.type == "function_call" and item.name not in offered:
                self._run.work.tool_calls.append(
                    ToolCall(
                        name=shorten(clean(item.name), _NAME_CHARS),
                        ok=False,
                        error="UnknownTool",
                        started_at=datetime.now(UTC),
                        duration_ms=0,
                    )
                )

    def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Not offered: a reply leaves only after the output guardrails have seen all of it."""
        raise NotImplementedError("Metta does not stream")
