"""Chatwoot: what its webhooks say, who the customer is, what is answered, and the API client that answers."""
