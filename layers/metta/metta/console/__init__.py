"""The console: are all dependencies there, and what would Metta say to this message. For operators alone."""

HEALTH = "/test/chatwoot/health"
SIMULATE = "/test/chatwoot/simulate"
OPENAPI = "/openapi.json"
