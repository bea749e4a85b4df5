"""The red team: attacks in whole turns against a model that does whatever it reads, and what came of them.

``cases.yaml`` holds what an attacker wants and where the attack stands; ``metta redteam`` and the tests run every case
with the guardrails as shipped and with detection off, and look for forbidden effects where effects leave the worker.
"""
