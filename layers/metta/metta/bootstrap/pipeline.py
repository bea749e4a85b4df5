"""Wires what a turn is made of, wherever its messages come from and its replies go: for the worker and the console."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from metta.ai.agent import MettaAgent, instructions_text
from metta.ai.misses import Tries
from metta.ai.second_opinion import SecondOpinions, enabled
from metta.ai.tools import SPECS
from metta.ai.tracing import SdkSpans
from metta.ai.usage import dearest, price_of
from metta.ai.warm import WARM_REPLY, WARM_SIGNS, warm_conversation
from metta.bounds import Bounds, Counters
from metta.circuits import Circuit, CircuitAgent, CircuitShop
from metta.counters import DynamoCounters, DynamoDB
from metta.errors import ModelDown, OdooDown
from metta.guardrails import Guardrails
from metta.integrations.odoo import OdooClient, OdooShop
from metta.integrations.odoo.results import field_names
from metta.observability import NoTracing, Tracing
from metta.policy import Policy, load_policy
from metta.ports import Audit, Chatwoot
from metta.queue.loop import LoopThread
from metta.settings import Settings
from metta.turn import Turns


@dataclass(frozen=True)
class Pipeline:
    """Everything that turns need but Chatwoot and the audit log.

    Attributes:
        settings, policy: what it was built from.
        odoo, agent: the rooms that hold connections.
        guardrails: the checks.
        counters: what all workers count together: a contact's messages, the day's money.
        tries: where orders that are looked for in vain are counted.
        odoo_circuit, model_circuit: of what is asked.
        loop: where coroutines run.
        spent: told what share of the day's money is taken, in percent.
    """

    settings: Settings
    policy: Policy
    odoo: OdooClient
    agent: MettaAgent
    guardrails: Guardrails
    counters: Counters
    tries: Tries
    odoo_circuit: Circuit
    model_circuit: Circuit
    loop: LoopThread
    spent: Callable[[float], None] | None = None

    def turns(self, chatwoot: Chatwoot, audit: Audit) -> Turns:
        """Turns that speak to this Chatwoot and are written to this audit log."""
        judge = self.policy.second_opinion.judge
        model = self.settings.model.model
        models = (model, *((judge.model,) if judge.enabled and judge.model else ()))
        bounds = Bounds(
            self.policy.limits,
            self.counters,
            price=dearest(price_of(each, self.policy.prices) for each in models),
            further_output=judge.output_tokens if judge.enabled else 0,
            spent=self.spent,
        )
        opinions = SecondOpinions(self.agent.access, self.policy, model=model)
        return Turns(
            chatwoot,
            CircuitAgent(self.agent.counting(self.tries), model=self.model_circuit, shop=self.odoo_circuit),
            self.guardrails,
            audit,
            self.policy,
            self.settings.chatwoot,
            burst_max_seconds=self.settings.burst_max_seconds,
            bounds=bounds,
            second_opinion=opinions if enabled(self.policy.second_opinion) else None,
        )

    def counted_by(self, counters: Counters, tries: Tries) -> Pipeline:
        """The same, with counts of its own."""
        return replace(self, counters=counters, tries=tries, spent=None)

    def warm(self) -> None:
        """Do what is slow once and needs no network: the model client's first run, the checks' first texts."""
        self.loop.run(self.agent.warm(), seconds=20)
        (message,), context = warm_conversation()
        self.guardrails.prepare()
        for text in (message.text, WARM_SIGNS):
            self.guardrails.validate_input(text, context)
        self.guardrails.validate_output(WARM_REPLY, context)

    def close(self) -> None:
        """Close connections and threads; nothing may be using the loop any more."""
        self.loop.run(self.agent.aclose(), seconds=5)
        self.odoo.close()
        self.loop.close()


def build_pipeline(
    settings: Settings,
    dynamodb: DynamoDB,
    traced: Tracing,
    *,
    spent: Callable[[float], None] | None = None,
) -> Pipeline:
    """Wire it; opens no connection.

    Args:
        settings: all variables.
        dynamodb: a boto3 DynamoDB client.
        traced: whether the SDK's spans are wanted.
        spent: told what share of the day's money is taken, in percent.

    Raises:
        SettingsError: the policy file or a variable is malformed.
    """
    policy = load_policy(settings.metta_policy)
    odoo = OdooClient(
        settings.odoo,
        timeout_seconds=policy.limits.odoo_seconds,
        calls_per_second=policy.odoo.calls_per_second,
    )
    odoo_circuit, model_circuit = Circuit(OdooDown.dependency), Circuit(ModelDown.dependency)
    shop = CircuitShop(OdooShop(odoo, policy=policy, odoo_url=settings.odoo.url), odoo_circuit)
    key = settings.audit_key
    counters = DynamoCounters(dynamodb, settings.state.table)
    agent = MettaAgent(
        settings.model,
        policy,
        shop,
        tries=counters,
        safety_key=key.get_secret_value().partition(",")[0].strip() if key else None,  # the one in use (``chain_keys``)
        trace_processor=None if isinstance(traced, NoTracing) else SdkSpans(),
    )
    guardrails = Guardrails(policy)
    guardrails.protect(instructions_text(policy), *(spec.description for spec in SPECS.values()))
    guardrails.protect(*SPECS, *(spec.argument for spec in SPECS.values()), *field_names())
    return Pipeline(
        settings=settings,
        policy=policy,
        odoo=odoo,
        agent=agent,
        guardrails=guardrails,
        counters=counters,
        tries=counters,
        odoo_circuit=odoo_circuit,
        model_circuit=model_circuit,
        loop=LoopThread(),
        spent=spent,
    )
