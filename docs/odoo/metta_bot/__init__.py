"""Data only: groups, access rights and record rules."""
