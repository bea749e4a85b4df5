"""Writes the fitted heads as ``model.bin``, the file that ships."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from metta.guardrails.features import VERSION
from metta.guardrails.model import HEADS, MAGIC


@dataclass(frozen=True, slots=True)
class Packed:
    """One head as it ships."""

    weights: Any
    """int8, one per feature."""
    scale: float
    bias: float
    operating_point: float
    slope: float


def model_file(heads: Mapping[str, Packed], version: str) -> bytes:
    """The bytes of ``model.bin``: magic, a header line of JSON, the weights of all heads one after the other.

    Numbers of the header are rounded, so that a difference in the last digit between machines changes no byte.
    """
    header = {
        "features": VERSION,
        "version": version,
        "heads": {
            name: {
                "scale": float(f"{heads[name].scale:.6g}"),
                "bias": round(heads[name].bias, 4),
                "operating_point": round(heads[name].operating_point, 3),
                "slope": heads[name].slope,
            }
            for name in HEADS
        },
    }
    raw = b"".join(heads[name].weights.astype(np.int8).tobytes() for name in HEADS)
    return MAGIC + json.dumps(header, sort_keys=True).encode() + b"\n" + raw
