"""One request to the Responses API per call, timed, counted and checked; what the SDK's runner calls as its model.

The SDK's own Responses model walks through every input item for each request, which costs more CPU than all the rest
of a turn, and loses the token counts of answers that broke off. This one posts the same body through the same client.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agents import FunctionTool, Model, ModelBehaviorError, ModelResponse, ModelSettings, ModelTracing, Usage
from agents.exceptions import ModelTimeoutError
from agents.tracing import SpanError, response_span
from openai import AsyncOpenAI
from openai.types.responses import Response

from metta.ai.run import Run
from metta.errors import BudgetExhausted, ModelRefused
from metta.messages import ModelCall
from metta.policy import Price

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def price_of(model: str, prices: Mapping[str, Price]) -> Price:
    """The price of a model; a dated snapshot costs what its model does, an unknown one the dearest known price."""
    known = prices.get(model) or prices.get(_SNAPSHOT.sub("", model))
    if known is not None:
        return known
    every = list(prices.values())
    return Price(
        input=max((price.input for price in every), default=0),
        cached=max((price.cached for price in every), default=0),
        output=max((price.output for price in every), default=0),
    )


@dataclass(frozen=True)
class Tokens:
    """Token counts of one response."""

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0

    @classmethod
    def of(cls, response: Any) -> Tokens:
        """What a response says it used; zero for all that is missing or no count."""
        usage = getattr(response, "usage", None)
        return cls(
            _count(usage, "input_tokens"),
            _count(getattr(usage, "input_tokens_details", None), "cached_tokens"),
            _count(usage, "output_tokens"),
            _count(getattr(usage, "output_tokens_details", None), "reasoning_tokens"),
        )

    def cost_usd(self, price: Price) -> float:
        """US dollars for them."""
        cached = min(self.cached, self.input)
        millions = (self.input - cached) * price.input + cached * price.cached + self.output * price.output
        return millions / 1_000_000


def _count(holder: Any, name: str) -> int:
    value = getattr(holder, name, 0)
    return value if isinstance(value, int) and value > 0 else 0


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


def _check_item(item: Any) -> None:
    """Refuse an output item that the runner would trip over, and a refusal."""
    kind = getattr(item, "type", None)
    if kind == "function_call":
        fields = (item.call_id, item.name, item.arguments)
        if not all(isinstance(value, str) for value in fields) or not item.call_id or not item.name:
            raise ModelBehaviorError("a function call without id, name or arguments")
    elif kind == "message":
        parts = getattr(item, "content", None)
        if not isinstance(parts, list):
            raise ModelBehaviorError("a message without content")
        if any(getattr(part, "type", None) == "refusal" for part in parts):
            raise ModelRefused("the model declined to answer")
        if not all(isinstance(getattr(part, "text", None), str) for part in parts):
            raise ModelBehaviorError("a message part without text")
    elif not isinstance(kind, str):
        raise ModelBehaviorError("an output item without type")


def check(response: Any) -> Response:
    """The response, if it is a complete one.

    Raises:
        BudgetExhausted: it used up its output tokens.
        ModelRefused: the model or its content filter declined.
        ModelBehaviorError: it failed, broke off or is not shaped like a response.
    """
    output = getattr(response, "output", None)
    if not isinstance(response, Response):
        raise ModelBehaviorError("the answer is not a response object")
    if response.status == "incomplete":
        reason = getattr(response.incomplete_details, "reason", None)
        if reason == "max_output_tokens":
            raise BudgetExhausted("the model used up its output tokens")
        if reason == "content_filter":
            raise ModelRefused("the model's content filter stopped the answer")
        raise ModelBehaviorError("the response is incomplete")
    if response.status not in (None, "completed"):
        raise ModelBehaviorError("the response failed")
    if not isinstance(output, list):
        raise ModelBehaviorError("the response has no output")
    try:
        for item in output:
            _check_item(item)
    except AttributeError:
        raise ModelBehaviorError("an output item lacks a field") from None
    return response


class ResponsesModel(Model):
    """The model of one run.

    Args:
        client: of the process; ``max_retries`` is 0, the runner retries.
        name: model name, as the API and the policy's prices know it.
        run: every request is recorded in ``run.work``, failed ones included.
        prices: US dollars per million tokens.
        call_seconds: longest time of one request.
    """

    def __init__(
        self, client: AsyncOpenAI, name: str, run: Run, *, prices: Mapping[str, Price], call_seconds: float
    ) -> None:
        self._client = client
        self._name = name
        self._run = run
        self._prices = prices
        self._call_seconds = call_seconds

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
        """Ask once. Raises the client's errors, ``ModelTimeoutError`` and what ``check`` raises."""
        del output_schema, handoffs, previous_response_id, conversation_id, prompt
        body = request_body(self._name, system_instructions, input, model_settings, tools)
        with response_span(disabled=tracing.is_disabled()) as span:
            started_at, start = datetime.now(UTC), time.perf_counter()
            tokens, problem = Tokens(), ""
            try:
                received = await self._post(body)
                tokens = Tokens.of(received)
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
            usage = Usage(
                requests=1,
                input_tokens=tokens.input,
                output_tokens=tokens.output,
                total_tokens=tokens.input + tokens.output,
            )
            span.span_data.usage = {"input_tokens": tokens.input, "output_tokens": tokens.output}
            return ModelResponse(output=response.output, usage=usage, response_id=response.id)

    async def _post(self, body: dict[str, Any]) -> Any:
        try:
            async with asyncio.timeout(self._call_seconds):
                return await self._client.post("/responses", cast_to=Response, body=body)
        except TimeoutError:
            raise ModelTimeoutError(self._call_seconds) from None
        except ValueError:
            raise ModelBehaviorError("the answer is not JSON") from None

    def _record(self, tokens: Tokens, started_at: datetime, duration_ms: float, problem: str) -> None:
        self._run.work.model_calls.append(
            ModelCall(
                model=self._name,
                input_tokens=tokens.input,
                cached_tokens=tokens.cached,
                output_tokens=tokens.output,
                reasoning_tokens=tokens.reasoning,
                cost_usd=tokens.cost_usd(price_of(self._name, self._prices)),
                started_at=started_at,
                duration_ms=duration_ms,
                error=problem,
            )
        )

    def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Not offered: a reply leaves only after the output guardrails have seen all of it."""
        raise NotImplementedError("Metta does not stream")
