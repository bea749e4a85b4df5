"""``python -m metta_local.training``: trains the guardrails' models, or validates the training by held-out source."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from metta.guardrails import model as model_module
from metta_local.training.corpus import CorpusError


def main() -> int:
    """Train into the package, or print the validation's figures."""
    parser = argparse.ArgumentParser(prog="python -m metta_local.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the shared *.jsonl files")
    parser.add_argument("--out", type=Path, default=model_module.PATH, help="where model.bin is written")
    parser.add_argument("--validate", action="store_true", help="hold out source by source instead, and print figures")
    given = parser.parse_args()
    try:
        if given.validate:
            from metta_local.training.validate import validate

            print(validate(given.data))
        else:
            from metta_local.training.train import train

            print(f"model {train(given.data, given.out)} written to {given.out.name}")
    except ModuleNotFoundError as error:
        print(f"{error.name} is missing; install the extra: metta[train]", file=sys.stderr)
        return 1
    except (CorpusError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
