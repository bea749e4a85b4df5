"""The agent: one model with its tools, built once per process, run once per customer turn within its bounds (I11)."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx2
from agents import (
    Agent,
    ModelSettings,
    OpenAIProvider,
    RunConfig,
    Runner,
    StopAtTools,
    TracingProcessor,
    set_trace_processors,
)
from agents.models import get_default_model_settings
from openai import AsyncOpenAI

from metta import settings
from metta.ai.access import Access
from metta.ai.conversation import build_input, new_mark
from metta.ai.failures import retry_settings, translate
from metta.ai.misses import BoundedShop, Tries, TriesInMemory
from metta.ai.model import ResponsesModel
from metta.ai.prompt import PROMPT_VERSION, instructions_text, prompt_version
from metta.ai.run import Run, function_tools
from metta.ai.tools import HANDOFF_TOOL
from metta.ai.warm import WarmShop, warm_conversation, warm_transport
from metta.errors import BudgetExhausted, MettaError, ModelDown
from metta.guardrails import ForeignTextCheck
from metta.messages import AgentReply, AgentWork, IncomingMessage, MessageContext
from metta.policy import Policy
from metta.ports import Shop

__all__ = ["PROMPT_VERSION", "MettaAgent", "instructions_text"]


class MettaAgent:
    """The model with its tools; implements ``metta.ports.Agent``.

    Runs of one process share one HTTP client and may overlap.

    Attributes:
        access: that client, for others who ask the same API.

    Args:
        model_settings: key, base URL and name of the model.
        policy: company, tone and facts of the instructions; limits; prices.
        shop: where the tools look things up.
        tries: counts, over all workers, of the orders that customers with a claimed address look for; without them each
            run counts its own.
        http_transport: for tests, in place of the network.
        safety_key: key of the hash under which the API learns of a contact (``safety_identifier``); without it the
            API learns of none, since a plain hash of a small number hides nothing.
        trace_processor: receives the SDK's spans, without customers' texts; nothing is ever uploaded.

    Raises:
        SettingsError: the key cannot be one.
    """

    def __init__(
        self,
        model_settings: settings.ModelSettings,
        policy: Policy,
        shop: Shop,
        *,
        tries: Tries | None = None,
        http_transport: httpx2.AsyncBaseTransport | None = None,
        safety_key: str | None = None,
        trace_processor: TracingProcessor | None = None,
    ) -> None:
        self.access = Access(model_settings, policy.limits.model_call_seconds, http_transport)
        self._model = model_settings.model
        self._policy = policy
        self._shop = shop
        self._is_instruction = ForeignTextCheck(policy)
        self._tries = tries
        self._safety_key = safety_key
        self._tracing_disabled = trace_processor is None
        set_trace_processors([trace_processor] if trace_processor else [])
        self.instructions = instructions_text(policy)
        self.prompt_version = prompt_version(policy)
        self._agent: Agent[Run] = Agent(
            name="Metta",
            instructions=self.instructions,
            tools=list(function_tools()),
            tool_use_behavior=StopAtTools(stop_at_tool_names=[HANDOFF_TOOL]),
            model_settings=self._settings_for(model_settings.model),
        )

    def _settings_for(self, model: str) -> ModelSettings:
        """Settings of every run. One tool at a time: the log has one order, and no lookup races a hand-off."""
        chosen = get_default_model_settings(model).resolve(
            ModelSettings(store=False, max_tokens=self._policy.limits.output_tokens, parallel_tool_calls=False)
        )
        if chosen.reasoning and chosen.reasoning.effort != "none":
            chosen.response_include = ["reasoning.encrypted_content"]
        return chosen

    def _run_config(self, client: AsyncOpenAI, run: Run, context: MessageContext, deadline: float) -> RunConfig:
        loop = asyncio.get_running_loop()
        extra = {"prompt_cache_key": f"metta-{self.prompt_version}-{context.identity.level.value}"}
        if self._safety_key:
            contact = f"{context.key.account_id}:{context.contact.id}".encode()
            digest = hmac.new(self._safety_key.encode(), contact, hashlib.sha256).hexdigest()
            extra["safety_identifier"] = digest[:32]
        limits = self._policy.limits
        return RunConfig(
            model=ResponsesModel(client, self._model, run, prices=self._policy.prices, limits=limits),
            model_provider=OpenAIProvider(openai_client=client),
            model_settings=ModelSettings(retry=retry_settings(lambda: deadline - loop.time()), extra_args=extra),
            tracing_disabled=self._tracing_disabled,
            trace_include_sensitive_data=False,
            workflow_name="Metta",
            group_id=str(context.key),
            tool_not_found_behavior="return_error_to_model",
        )

    async def run(
        self, messages: Sequence[IncomingMessage], context: MessageContext, work: AgentWork, *, seconds: float
    ) -> AgentReply:
        """Answer ``messages`` within ``seconds`` and the policy's ``run_seconds``, whichever is less.

        Raises:
            ModelDown: the model failed for now, gave an empty answer, or had not answered once when time was up.
            OdooDown: a tool could not ask the shop.
            StateDown: the orders that are looked for could not be counted.
            ModelRefused, TooManyModelTurns, BudgetExhausted, HandOff: a person takes over.
        """
        work.prompt_version = self.prompt_version
        return await self._answer(self.access.connected(), self._shop, messages, context, work, seconds)

    async def _answer(
        self,
        client: AsyncOpenAI,
        shop: Shop,
        messages: Sequence[IncomingMessage],
        context: MessageContext,
        work: AgentWork,
        seconds: float,
    ) -> AgentReply:
        limits = self._policy.limits
        run = Run(
            shop=shop,
            identity=context.identity,
            language=context.language,
            work=work,
            limits=limits,
            is_instruction=self._is_instruction,
        )
        tries = self._tries or TriesInMemory()
        run.shop = BoundedShop(shop, tries, context.key, context.contact.id, limits, ended=run.end)
        items = build_input(messages, context, limits, mark=new_mark(), now=datetime.now(UTC))
        deadline = asyncio.get_running_loop().time() + min(seconds, limits.run_seconds)
        failure: MettaError | None = None
        try:
            async with asyncio.timeout_at(deadline):
                result = await Runner.run(
                    self._agent,
                    items,  # type: ignore[arg-type]
                    context=run,
                    max_turns=limits.model_turns,
                    run_config=self._run_config(client, run, context, deadline),
                )
        except TimeoutError:
            failure = BudgetExhausted("the run's time is up") if run.answered else ModelDown("the model gave no answer")
        except Exception as error:
            failure = run.failure or translate(error, self._model)
            if failure is None:
                raise
        if failure is not None:
            raise failure from None
        if run.handoff_reason is not None:
            return AgentReply(handoff_reason=run.handoff_reason)
        text = str(result.final_output or "").encode("utf-8", "ignore").decode().strip()
        if not text:
            raise ModelDown("the model gave an empty answer")
        return AgentReply(text=text)

    def counting(self, tries: Tries) -> MettaAgent:
        """This agent, with the orders that are looked for in vain counted there."""
        if tries is self._tries:
            return self
        other = copy.copy(self)
        other._tries = tries
        return other

    async def warm(self) -> None:
        """Pay the first run's cost now: a dry run without network, and the client with its TLS context."""
        self.access.connected()
        client = self.access.connect(warm_transport())
        try:
            messages, context = warm_conversation()
            await self._answer(client, WarmShop(), messages, context, AgentWork(), seconds=30)
        finally:
            await client.close()

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self.access.aclose()
