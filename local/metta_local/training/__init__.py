"""Trains the guardrails' models offline: corpus, features, fit, validation by held-out source, the shipped file."""
