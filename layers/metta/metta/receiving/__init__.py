"""Chatwoot's webhooks on their way to the queue: one door for the webhook function and the local receiver.

``door`` decides, ``keyring`` knows the secrets, ``envelope`` says how a webhook lies on the queue, ``function_url``
reads and answers Lambda's HTTP events. Nothing here loads the agent's packages.
"""
