"""The agent: instructions, tools, access to the model, and the bounds of a run."""
