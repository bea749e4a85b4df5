"""``python -m metta_local.training``: trains the guardrails' models, validates that, or fills the model card."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from metta.guardrails import model as model_module
from metta_local.training.card_bench import CardError
from metta_local.training.corpus import CorpusError, shared_files


def main() -> int:
    """Train into the package, print the validation's figures, or write figures into the documents."""
    parser = argparse.ArgumentParser(prog="python -m metta_local.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the shared *.jsonl files")
    parser.add_argument("--out", type=Path, default=model_module.PATH, help="model.bin; words.txt goes beside it")
    parser.add_argument("--validate", action="store_true", help="hold out source by source instead, and print figures")
    parser.add_argument("--card", action="store_true", help="write counts and figures into the documents instead")
    parser.add_argument(
        "--bench", type=Path, metavar="FILE", help="with --card: output of metta bench guardrails --json"
    )
    parser.add_argument("--validation", type=Path, metavar="FILE", help="with --card: output of --validate")
    given = parser.parse_args()
    try:
        shared_files(given.data)  # a wrong folder is told before anything slow
        if given.card:
            from metta_local.training.card import write_card

            print(f"written: {', '.join(write_card(given.data, given.bench, given.validation))}")
        elif given.validate:
            from metta_local.training.validate import validate

            print(validate(given.data))
        else:
            from metta_local.training.train import train

            print(f"model {train(given.data, given.out)} written to {given.out.name}")
    except ModuleNotFoundError as error:
        print(f"{str(error.name).partition('.')[0]} is missing; install the extra: metta[dev]", file=sys.stderr)
        return 1
    except (CardError, CorpusError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
