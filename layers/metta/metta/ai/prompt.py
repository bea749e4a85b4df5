"""The agent's instructions: a Markdown template with the operator's own words put in, once per process.

Nothing that a customer, Chatwoot or Odoo wrote ever comes in here; that travels as data (see ``conversation``).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from string import Template

from metta.policy import Policy

_SOURCE = Path(__file__).with_name("instructions.md").read_text(encoding="utf-8")


def _split(source: str) -> tuple[str, str]:
    """Front matter's version and the text below it."""
    _, front, text = source.split("---\n", 2)
    fields = dict(line.split(":", 1) for line in front.splitlines() if ":" in line)
    return fields["version"].strip(), text.strip()


_NUMBER, _TEMPLATE = _split(_SOURCE)

PROMPT_VERSION = f"{_NUMBER}-{hashlib.sha256(_SOURCE.encode()).hexdigest()[:8]}"
"""Version of ``instructions.md``: its number, for people, and the start of its hash, which cannot be forgotten."""


def instructions_text(policy: Policy) -> str:
    """The instructions as the model gets them, with the policy's company, tone and facts."""
    facts = "\n".join(f"- {name}: {sentence}" for name, sentence in policy.facts.items())
    text = Template(_TEMPLATE).substitute(
        company=policy.company, tone=policy.tone, facts=facts or "(There are none on record.)", canary=policy.canary
    )
    return text.strip()


def prompt_version(policy: Policy) -> str:
    """What the audit log calls this prompt: the file's version and the start of the rendered text's hash."""
    rendered = hashlib.sha256(instructions_text(policy).encode()).hexdigest()[:8]
    return f"{PROMPT_VERSION}-{rendered}"
