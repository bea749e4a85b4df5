"""The fault-injection harness behind ``metta chaos``: the real worker between proxies that spoil its calls and kill it.

Nothing in the product knows of it. What is injected and what was seen is here (``injector``, the proxies, ``crew``,
``journal``); what customers do, and what must hold afterwards, is beside it.
"""
