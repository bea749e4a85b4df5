"""The ``metta`` command. Each subcommand imports what it needs only when it runs, so that ``metta guard`` starts fast.

Results go to stdout, trouble to stderr; the exit code is 0 or 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from metta_local.audit import command as audit_command
from metta_local.chaos import command as chaos_command
from metta_local.console import CommandError, complain, ends_on_signals

EXAMPLES = """\
examples:
  metta demo                          play sample conversations through the whole system, nothing to set up
  metta up                            embedded stack, running until Ctrl-C; prints the variables that point at it
  metta worker --health-port 8080     answer from AWS_SQS_QUEUE_URL until SIGTERM
  metta send body.json                put a Chatwoot webhook body on the queue
  metta migrate --status              which schema the database has
  metta doctor --only odoo            is Odoo reachable, is the key accepted, and may it do more than it should
  metta audit show 84                 what happened in conversation 84, and why
  metta policy --check shop.yaml      what is wrong with a policy file, by line and field
  metta redrive --dry-run             what is in the dead-letter queue; without --dry-run it goes back
  metta tool getOrder '{"orderNumber": "S00042"}' --phone +4915112345678 --level verified
  metta chaos --messages 60 --seed 1  spoil calls, kill workers, and check that every promise holds
  metta fuzz --seconds 60             texts that nobody would send: does every guardrail answer, masked and in time
  metta redteam --only "a price"      attack whole turns with a model that obeys whatever it reads
  metta bench guardrails --quick      how many attacks and how many honest messages the guardrails flag
  echo '{"id": "1", "text": "hello", "direction": "input"}' | metta guard

Variables are listed in .env.example; a missing or malformed one is named.
"""


class _Parser(argparse.ArgumentParser):
    """Wrong usage exits with 1 like every other failure."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        complain(message)
        self.exit(1)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError("must be a number from 1 on")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 86400:
        raise argparse.ArgumentTypeError("must be seconds, 0 to 86400")
    return number


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    root = _Parser(
        prog="metta",
        description="A customer-service agent for Chatwoot that runs in your own AWS account.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    demo = commands.add_parser("demo", help="play sample conversations through queue and worker, show each turn")
    demo.add_argument("--json", action="store_true", help="one JSON document on stdout instead")
    demo.add_argument("--log", metavar="FILE", help="keep the log here (removed after a success otherwise)")

    up = commands.add_parser("up", help="run the embedded stack until stopped; print the variables that point at it")
    up.add_argument("--json", action="store_true", help="the variables as one JSON object")
    up.add_argument("--deployed", action="store_true", help="sam build and sam deploy the real template onto it")
    up.add_argument("--directory", metavar="DIR", help="where data and logs live (a temporary one otherwise)")
    up.add_argument(
        "--odoo-version",
        choices=("15.0", "16.0", "17.0", "18.0", "19.0"),
        default="18.0",
        help="release of the embedded Odoo; 19.0 is spoken to by JSON-2 (18.0)",
    )

    worker = commands.add_parser("worker", help="answer from the queue AWS_SQS_QUEUE_URL until SIGTERM or SIGINT")
    worker.add_argument("--health-port", type=int, metavar="N", help="answer health checks on this port")
    worker.add_argument("--health-host", default="127.0.0.1", metavar="ADDRESS", help="(127.0.0.1)")
    worker.add_argument(
        "--watchdog-seconds",
        type=_seconds,
        default=300.0,
        metavar="N",
        help="between two looks for customers left unanswered; 0 for none (300)",
    )

    send = commands.add_parser("send", help="put a Chatwoot webhook body on the queue AWS_SQS_QUEUE_URL")
    send.add_argument("file", metavar="FILE", help="the body as JSON; - reads standard input")
    send.add_argument("--json", action="store_true", help="ids of the queued message as JSON")

    redrive = commands.add_parser("redrive", help="move dead-lettered messages back to the queue, or only show them")
    redrive.add_argument("--dry-run", action="store_true", help="only show what is there and what would be moved")
    redrive.add_argument("--yes", action="store_true", help="do not ask (asked is on a terminal only)")
    redrive.add_argument("--json", action="store_true", help="as one JSON object")
    redrive.add_argument("--limit", type=_positive, metavar="N", help="move at most N messages")
    redrive.add_argument("--conversation", metavar="ID", help="only those of this conversation, 84 or 3:84")
    redrive.add_argument("--rejected", action="store_true", help="also those that were rejected as malformed")

    migrate = commands.add_parser("migrate", help="bring the database DATABASE_MIGRATE_URL to the newest schema")
    migrate.add_argument("--status", action="store_true", help="show the schema's version and change nothing")
    migrate.add_argument("--json", action="store_true", help="as JSON")

    policy = commands.add_parser("policy", help="check a policy file, or print its JSON schema or all its fields")
    policy.add_argument("--check", metavar="FILE", help="say what is wrong with this file, or that nothing is")
    policy.add_argument("--schema", action="store_true", help="the JSON schema, for editors")
    policy.add_argument("--reference", action="store_true", help="every field with default and meaning, as Markdown")

    doctor = commands.add_parser("doctor", help="check variables, connections and rights; say what to do about each")
    doctor.add_argument("--only", metavar="AREA", help="one of settings, queue, state, chatwoot, odoo, model, database")
    doctor.add_argument("--json", action="store_true", help="as one JSON object")

    audit_command.add_arguments(
        commands.add_parser("audit", help="read, check, export, measure and erase what the audit log holds")
    )

    commands.add_parser("guard", help="judge JSON Lines of texts on stdin: {id, text, direction: input|output}")

    tool = commands.add_parser("tool", help="run one tool as the model would and print its result as JSON")
    tool.add_argument("name", metavar="NAME", help="getProduct, searchProducts, getOrder, getOrdersByCustomer, ...")
    tool.add_argument("arguments", metavar="JSON", help="""its arguments, for example '{"orderNumber": "S00042"}'""")
    tool.add_argument("--email", help="the customer's e-mail address; what is none proves nothing")
    tool.add_argument("--phone", help="the customer's phone number, +4915112345678")
    tool.add_argument("--level", choices=("verified", "claimed", "anonymous"), help="how well the address is proved")
    tool.add_argument("--language", default="en", metavar="CODE", help="of names and texts, two letters (en)")
    tool.add_argument("--json", action="store_true", help="changes nothing: the result is JSON anyway")

    chaos_command.add_arguments(
        commands.add_parser("chaos", help="inject faults, kill workers, and check that every promise holds")
    )

    fuzz = commands.add_parser("fuzz", help="judge texts that nobody would send; say what does not hold for one")
    fuzz.add_argument("--seconds", type=_seconds, default=60.0, metavar="N", help="how long (60)")
    fuzz.add_argument("--seed", type=int, metavar="N", help="what everything is drawn from (another one each time)")
    fuzz.add_argument("--case", type=int, metavar="N", help="only this text of the seed, as a violation names it")
    fuzz.add_argument("--json", action="store_true", help="as one JSON object")

    redteam = commands.add_parser("redteam", help="attack whole turns with a model that obeys; report what came of it")
    redteam.add_argument("--json", action="store_true", help="as one JSON object")
    redteam.add_argument("--only", metavar="TEXT", help="only cases whose name holds this, such as 'a price'")
    redteam.add_argument("--sample", action="store_true", help="only the cases that every test run plays")

    commands.add_parser(
        "bench", add_help=False, help="what Metta costs beside what it stands on; how good guardrails are"
    )
    return root


def _dispatch(chosen: argparse.Namespace) -> int:
    command = chosen.command
    if command == "guard":
        from metta_local import guard

        return guard.run(sys.stdin, sys.stdout, sys.stderr)
    if command == "demo":
        from metta_local import demo

        return demo.run(as_json=chosen.json, log=chosen.log)
    if command == "up":
        from metta_local import up

        return up.run(
            as_json=chosen.json,
            deployed=chosen.deployed,
            directory=chosen.directory,
            odoo_version=chosen.odoo_version,
        )
    if command == "worker":
        from metta_local import worker_command

        return worker_command.run(
            health_port=chosen.health_port,
            health_host=chosen.health_host,
            watchdog_seconds=chosen.watchdog_seconds,
        )
    if command == "send":
        from metta_local import send

        return send.run(chosen.file, as_json=chosen.json)
    if command == "redrive":
        from metta_local import redrive_command

        return redrive_command.run(
            dry_run=chosen.dry_run,
            yes=chosen.yes,
            as_json=chosen.json,
            limit=chosen.limit,
            conversation=chosen.conversation,
            rejected=chosen.rejected,
        )
    if command == "migrate":
        from metta_local import migrate_command

        return migrate_command.run(status_only=chosen.status, as_json=chosen.json)
    if command == "policy":
        from metta_local import policy_command

        return policy_command.run(check=chosen.check, schema=chosen.schema, reference=chosen.reference)
    if command == "doctor":
        from metta_local import doctor

        if chosen.only not in (None, *doctor.AREAS):
            raise CommandError(f"there is no area {chosen.only!r}; there are: {', '.join(doctor.AREAS)}")
        return doctor.run(as_json=chosen.json, only=chosen.only)
    if command == "tool":
        from metta_local import tool

        return tool.run(
            chosen.name,
            chosen.arguments,
            email=chosen.email,
            phone=chosen.phone,
            level=chosen.level,
            language=chosen.language,
        )
    if command == "audit":
        return audit_command.run(chosen)
    if command == "chaos":
        return chaos_command.run(chosen)
    if command == "redteam":
        from metta_local.redteam import command as redteam_command

        return redteam_command.main(as_json=chosen.json, only=chosen.only, sample=chosen.sample)
    if command == "fuzz":
        from metta_local import fuzz

        return fuzz.run(seconds=chosen.seconds, seed=chosen.seed, case=chosen.case, as_json=chosen.json)
    from metta_local import bench

    return bench.main(chosen.rest)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit code, 0 or 1."""
    root = parser()
    chosen, rest = root.parse_known_args(argv)
    if chosen.command == "bench":
        chosen.rest = rest
    elif rest:
        root.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        with ends_on_signals():
            return _dispatch(chosen)
    except CommandError as error:
        complain(str(error))
    except KeyboardInterrupt:
        complain("stopped")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has gone; nothing is left to be said
    except Exception as error:
        from metta.errors import MettaError

        if not isinstance(error, MettaError):
            raise
        complain(str(error))
    return 1


if __name__ == "__main__":
    sys.exit(main())
