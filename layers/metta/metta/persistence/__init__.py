"""The audit log in PostgreSQL: schema and migrations, the store that writes it, the reads that show it.

It is written once per turn, after the customer was answered, and is never the agent's memory.
"""
