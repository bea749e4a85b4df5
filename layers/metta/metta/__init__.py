"""Metta: the code shared by all functions, shipped as a Lambda layer."""
