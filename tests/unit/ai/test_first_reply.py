"""What start-up does so that the first customer does not wait for it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import re
from metta.ai.warm import WARM_REPLY, warm_conversation
from metta.guardrails import Guardrails
from metta.policy import load_policy

checks = Guardrails(load_policy(None))
(message,), context = warm_conversation()
checks.validate_input(message.text, context)
checks.validate_output(WARM_REPLY, context)

compiled = []
really = re.compile
re.compile = lambda pattern, *rest: compiled.append(pattern) or really(pattern, *rest)
checks.validate_input("Hi, where is my order S00042?", context)
checks.validate_output("Your order S00042 is on its way, expected on 2026-11-30. Total 49.90 EUR.", context)
print(sum(len(pattern) for pattern in compiled))
"""


def test_the_first_reply_finds_its_checks_built() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert int(done.stdout) < 2000  # characters of patterns; a single list of phrases has many times as many
