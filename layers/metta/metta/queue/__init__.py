"""Batch in, turns out: records, grouping, turn state, retry timing."""
