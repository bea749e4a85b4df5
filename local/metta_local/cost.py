"""What a month of Metta costs on AWS, Neon and the model; `python -m metta_local.cost` prints it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from metta.policy import load_policy
from metta.policy_limits import Price

REPLIES = (1_000, 10_000, 100_000)
"""The months that docs/deploy.md shows."""
HOURS = 730
MODEL = "gpt-5.6-luna"


def _said(value: float, what: str) -> Any:
    return field(default=value, metadata={"what": what})


@dataclass(frozen=True)
class Prices:
    """US dollars in us-east-1, without any free tier, as remembered in November 2026: check them."""

    lambda_gb_second: float = _said(0.0000133334, "Lambda, arm64, a GB-second")
    lambda_request: float = _said(0.20e-6, "Lambda, a request")
    sqs_fifo_request: float = _said(0.50e-6, "SQS FIFO, a request")
    dynamodb_write_unit: float = _said(0.625e-6, "DynamoDB on demand, a write unit")
    dynamodb_read_unit: float = _said(0.125e-6, "DynamoDB on demand, a read unit")
    log_gigabyte: float = _said(0.53, "CloudWatch Logs, a GB taken in and kept for a month")
    metric_month: float = _said(0.30, "CloudWatch, a custom metric a month")
    alarm_metric_month: float = _said(0.10, "CloudWatch, a metric of an alarm a month")
    dashboard_month: float = _said(3.00, "CloudWatch, a dashboard a month")
    secret_month: float = _said(0.40, "Secrets Manager, a secret a month")
    secret_read: float = _said(0.05 / 10_000, "Secrets Manager, a read")
    trace: float = _said(5.0e-6, "X-Ray, a trace recorded")
    neon_compute_hour: float = _said(0.14, "Neon, a compute unit for an hour")
    neon_gigabyte_month: float = _said(0.35, "Neon, a GB stored for a month")
    neon_minimum: float = _said(5.00, "Neon, at least, a month")


@dataclass(frozen=True)
class Assumptions:
    """What a reply is made of, and what stands there all month."""

    webhooks: float = _said(
        8, "webhooks for one reply: the customer's message, the reply's, their updates, changes of the conversation"
    )
    conversations: float = _said(1, "conversations whose turns share one FIFO batch; 10 in a full one")
    turn_seconds: float = _said(6, "seconds of a turn: two calls of the model at 2.5, a tool, Chatwoot's calls")
    other_seconds: float = _said(0.1, "seconds of a batch that only skips, or that waits for the quiet window")
    worker_gigabytes: float = _said(1, "GB of the worker (`WorkerMemoryMb` 1024)")
    cold_share: float = _said(0.1, "share of the turns' batches that start a process")
    cold_seconds: float = _said(2, "seconds of a start")
    webhook_seconds: float = _said(0.05, "seconds of the receiver for a webhook")
    small_gigabytes: float = _said(0.5, "GB of receiver and watchdog")
    looks: float = _said(12 * HOURS, "looks of the watchdog a month, one in five minutes")
    look_seconds: float = _said(0.5, "seconds of a look")
    idle_polls: float = _said(15 * 60 * HOURS, "polls of an idle queue a month: five pollers, each every 20 s")
    write_units: float = _said(
        27,
        "written units of a turn: turn state four times at 4 with its index, three bounds, the guard of each message,"
        " the audit chain's head",
    )
    read_units: float = _said(7, "read units of a turn")
    log_kilobytes: float = _said(16, "KB of logs for one reply, its webhooks and metrics included")
    metrics: float = _said(90, "custom metrics in use, of those that docs/observability.md lists")
    alarm_metrics: float = _said(27, "metrics that the alarms read")
    dashboards: float = _said(2, "dashboards")
    secrets: float = _said(2, "secrets")
    model_calls: float = _said(2, "calls of the model for a reply")
    input_tokens: float = _said(4_000, "tokens that a call reads")
    cached_share: float = _said(0.5, "share of them from the model's cache")
    output_tokens: float = _said(250, "tokens that a call writes")
    audit_kilobytes: float = _said(8, "KB of the audit log for a reply")
    audit_months: float = _said(12, "months that it is kept")
    neon_units: float = _said(0.25, "compute units of the database")
    neon_awake_minutes: float = _said(5.1, "minutes that a reply keeps it awake: five idle ones, then it sleeps")


@dataclass(frozen=True)
class Month:
    """One month.

    Attributes:
        replies: that customers get in it.
    """

    replies: int
    prices: Prices = field(default_factory=Prices)
    assumed: Assumptions = field(default_factory=Assumptions)
    model_price: Price = field(default_factory=lambda: load_policy().prices[MODEL])

    def gigabyte_seconds(self) -> float:
        """Of all functions."""
        a = self.assumed
        turns = self.replies / a.conversations * (a.turn_seconds + a.cold_share * a.cold_seconds)
        others = self.replies * a.webhooks * a.other_seconds
        small = self.replies * a.webhooks * a.webhook_seconds + a.looks * a.look_seconds
        return a.worker_gigabytes * (turns + others) + a.small_gigabytes * small

    def by_service(self) -> dict[str, float]:
        """US dollars, by what is paid for."""
        a, p, n = self.assumed, self.prices, self.replies
        invocations = n / a.conversations + 2 * n * a.webhooks + a.looks
        tokens = a.input_tokens * (
            (1 - a.cached_share) * self.model_price.input + a.cached_share * self.model_price.cached
        )
        awake = min(HOURS, n * a.neon_awake_minutes / 60)
        stored = n * a.audit_kilobytes * a.audit_months / 1e6
        neon = awake * a.neon_units * p.neon_compute_hour + stored * p.neon_gigabyte_month
        return {
            "Lambda": self.gigabyte_seconds() * p.lambda_gb_second + invocations * p.lambda_request,
            "SQS": (3 * n * a.webhooks + 3 * n + a.idle_polls) * p.sqs_fifo_request,
            "DynamoDB": n * (a.write_units * p.dynamodb_write_unit + a.read_units * p.dynamodb_read_unit),
            "CloudWatch logs": n * a.log_kilobytes / 1e6 * p.log_gigabyte,
            "CloudWatch metrics, alarms, dashboards": a.metrics * p.metric_month
            + a.alarm_metrics * p.alarm_metric_month
            + a.dashboards * p.dashboard_month,
            "X-Ray": n / a.conversations * p.trace,
            "Secrets Manager": a.secrets * p.secret_month + n / a.conversations * a.cold_share * p.secret_read,
            "Neon": max(p.neon_minimum, neon),
            "Model": n * a.model_calls * (tokens + a.output_tokens * self.model_price.output) / 1e6,
        }


def table() -> str:
    """The months side by side, as Markdown."""
    months = [Month(replies).by_service() for replies in REPLIES]
    sums = [sum(month.values()) for month in months]
    rows = [(name, [month[name] for month in months]) for name in months[0]]
    rows += [("**together**", sums), ("for one reply", [sum_ / n for sum_, n in zip(sums, REPLIES, strict=True)])]
    lines = ["| US dollars a month | " + " | ".join(f"{n:,} replies" for n in REPLIES) + " |", "|---|--:|--:|--:|"]
    for name, values in rows:
        digits = 4 if name == "for one reply" else 2
        lines.append(f"| {name} | " + " | ".join(f"{value:.{digits}f}" for value in values) + " |")
    return "\n".join(lines) + "\n"


def listed(what: Prices | Assumptions) -> str:
    """Prices or assumptions with what they mean, as Markdown."""
    rows = [f"| {each.metadata['what']} | {_plain(getattr(what, each.name))} |" for each in fields(what)]
    return "\n".join(["| what | figure |", "|---|--:|", *rows]) + "\n"


def _plain(value: float) -> str:
    return f"{value:,.10f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    print(table(), listed(Prices()), listed(Assumptions()), sep="\n", end="")
