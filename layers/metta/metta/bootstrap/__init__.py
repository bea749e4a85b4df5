"""Wires each function from settings, a module for each; the only place that knows all rooms.

A function imports its own module alone, so that a webhook's cold start does not pay for the agent's packages.
"""
