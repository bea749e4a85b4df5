"""What every area is given to check with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from metta.policy import Policy
from metta.settings import Settings
from metta_local.doctor.side_by_side import Tell
from metta_local.doctor.variables import Variables


@dataclass(frozen=True)
class Given:
    """The environment and the policy, as far as they can be used.

    Attributes:
        variables: taken apart, the malformed ones beside the others.
        policy: the policy file's, or the packaged one where that cannot be used.
    """

    variables: Variables
    policy: Policy

    @property
    def settings(self) -> Settings:
        """All variables that are well-formed."""
        return self.variables.settings


Look = Callable[[Given, Tell], Awaitable[None]]
"""Checks one area whose variables are in order, telling each finding as soon as it is known."""
