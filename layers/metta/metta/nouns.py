"""What all nouns have in common; apart from ``messages``, so that the policy is read without all that travels."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

JsonObject = dict[str, Any]


class Noun(BaseModel):
    """A frozen value; unknown fields are an error, since both ends are ours."""

    model_config = ConfigDict(frozen=True, extra="forbid")
