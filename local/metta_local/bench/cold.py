"""``metta bench cold``: init of the built functions beside the bare SDK's, and the first turn beside a warm one.

All of them are started in the same interpreter on the same byte-compiled layer, in fresh processes that take turns, so
that a busy machine slows them alike. The bare start is ``import agents``, a client and a first model run with one tool;
the functions have tracing on and read their secret. Both speak to the emulators.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from metta.integrations.chatwoot.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from metta.messages import JsonObject
from metta.settings import SECRET_NAMES
from metta_local import deploy
from metta_local.console import CommandError

CHILD = Path(__file__).with_name("cold_child.py")
BUILD_DIRECTORY = deploy.ROOT / ".metta" / "build-cold"
FUNCTIONS = ("worker", "webhook", "watchdog", "console", "migrate")
ROUNDS = 5
TURNS = 6
"""Of the worker and the webhook, after each start; the first is compared with the median of those after the second."""
MOST_INIT = 1.3
MOST_FIRST = 1.5
PACKAGES = 14
"""How many of the dearest packages are named."""
_IMPORT = re.compile(r"import time:\s*(\d+) \|\s*\d+ \|\s*([\w.]+)")


class Source(Protocol):
    """Where conversations come from."""

    aws: Any

    @property
    def environment(self) -> Mapping[str, str]:
        """The local stack's variables."""
        ...

    def event(self, conversations: int) -> JsonObject:
        """A batch with a question in each of ``conversations`` new conversations."""
        ...


class Target:
    """What is measured: artifacts, the interpreter that they are for, and variables.

    Args:
        source: the local stack's variables.
        log: where the processes' errors go.

    Raises:
        CommandError: the artifacts do not build.
    """

    def __init__(self, source: Source, log: IO[str]) -> None:
        self.interpreter, self.version = interpreter()
        self._log = log
        try:
            self._built = deploy.build(BUILD_DIRECTORY, python=self.version).parent
        except RuntimeError as error:
            raise CommandError(str(error)) from None
        variables = dict(source.environment)
        self.secrets = {name: variables.pop(name) for name in SECRET_NAMES if name in variables}
        arn = source.aws.create_secret(self.secrets, name="bench-cold")
        self._variables = variables | {"METTA_SECRET_ARN": arn, "METTA_TRACING": "xray"}

    @contextmanager
    def started(self, what: str, *options: str, function: str = "worker") -> Iterator[subprocess.Popen[str]]:
        """The measuring process; it ends with the block."""
        layers = (self._built / name / "python" for name in ("MettaLayer", "DependenciesLayer"))
        path = (self._built / f"{function.capitalize()}Function", *layers)
        environment = self._variables | {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_FUNCTION_NAME": f"metta-{function}",
            "LAMBDA_TASK_ROOT": str(path[0]),
        }
        if what == "bare":
            environment["OPENAI_API_KEY"] = self.secrets["OPENAI_API_KEY"]
        process = subprocess.Popen(
            [self.interpreter, "-S", *options, str(CHILD), what],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if options else self._log,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def cost(self, what: str, function: str = "worker", events: Sequence[JsonObject] = ()) -> list[JsonObject]:
        """Wall clock and CPU seconds of a start, then of each event.

        Raises:
            CommandError: it did not start, or an event failed.
        """
        with self.started(what, function=function) as process:
            found = [_answer(process, what, function)]
            for event in events:
                assert process.stdin is not None
                process.stdin.write(json.dumps(event) + "\n")
                process.stdin.flush()
                found.append(_answer(process, what, function))
                answer = found[-1]["answer"]
                if answer.get("batchItemFailures") or answer.get("statusCode", 200) != 200:
                    raise CommandError(f"{function} failed on an event: {answer}")
        return found

    def packages(self) -> dict[str, float]:
        """Milliseconds that the worker's start spends in importing, by package, dearest first."""
        with self.started("start", "-X", "importtime") as process:
            _, errors = process.communicate(timeout=120)
        spent: Counter[str] = Counter()
        for microseconds, module in _IMPORT.findall(errors):
            spent[module.partition(".")[0]] += int(microseconds)
        return {name: round(spent[name] / 1000, 1) for name, _ in spent.most_common(PACKAGES)}

    def steps(self) -> dict[str, float]:
        """CPU milliseconds of the worker's start, by step."""
        with self.started("steps") as process:
            found: dict[str, float] = _answer(process, "steps", "worker")["steps"]
        return {name: round(milliseconds, 1) for name, milliseconds in found.items()}


def _answer(process: subprocess.Popen[str], what: str, function: str) -> JsonObject:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise CommandError(f"{function} did not {what}; its log is shown with --log FILE")
    answer: JsonObject = json.loads(line)
    return answer


def interpreter() -> tuple[str, str]:
    """An interpreter of the version that Lambda has, or this one; and its version."""
    wanted = os.environ.get("METTA_BUILD_PYTHON") or "3.13"
    candidates = runpy.run_path(str(deploy.ROOT / "layers" / "build.py"))["interpreters"](wanted)
    for command in candidates:
        if shutil.which(command) is None:
            continue
        program = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
        said = subprocess.run([command, "-c", program], capture_output=True, text=True, check=False).stdout.split()
        if said[:1] == [wanted]:
            return said[1], wanted
    return sys.executable, f"{sys.version_info.major}.{sys.version_info.minor}"


def webhook_event(secret: str, number: int) -> JsonObject:
    """A signed HTTP request with a customer's message."""
    event = json.loads((deploy.ROOT / "events" / "01_incoming_text_webwidget.json").read_text())
    body = json.dumps(json.loads(event["Records"][0]["body"]) | {"id": number})
    timestamp = str(int(time.time()))
    return {
        "version": "2.0",
        "rawPath": "/",
        "headers": {
            "content-type": "application/json",
            TIMESTAMP_HEADER.lower(): timestamp,
            SIGNATURE_HEADER.lower(): sign(secret, timestamp, body.encode()),
        },
        "requestContext": {"http": {"method": "POST", "path": "/"}},
        "body": body,
        "isBase64Encoded": False,
    }


def cold(source: Source, log: IO[str], *, rounds: int = ROUNDS) -> list[JsonObject]:
    """The start of each function beside the bare one, and first turns beside warm ones."""
    target = Target(source, log)
    starts: dict[str, list[JsonObject]] = {name: [] for name in ("bare", *FUNCTIONS)}
    turns: dict[str, list[list[float]]] = {"worker": [], "webhook": []}
    target.cost("bare")  # so that the files are in memory for all
    for number in range(rounds):
        events = {
            "worker": [source.event(1) for _ in range(TURNS)],
            "webhook": [
                webhook_event(target.secrets["CHATWOOT_WEBHOOK_SECRET"], number * 100 + n) for n in range(TURNS)
            ],
        }
        starts["bare"] += target.cost("bare")
        for function in FUNCTIONS:
            start, *handled = target.cost("start", function, events.get(function, ()))
            starts[function].append(start)
            if handled:
                turns[function].append([one["cpu"] for one in handled])
    return [started(starts, target), first_turns(turns)]


def started(starts: Mapping[str, Sequence[JsonObject]], target: Target) -> JsonObject:
    """The first result: medians of the starts; the ratio is the worker's, of CPU: wall clock is also the machine's."""
    seconds = {
        name: {key: statistics.median(run[key] for run in runs) for key in ("wall", "cpu")}
        for name, runs in starts.items()
    }
    ratios = {key: round(seconds["worker"][key] / seconds["bare"][key], 3) for key in ("wall", "cpu")}
    return {
        "name": "cold",
        "what": "init of the built worker / bare import of the SDK, client and first run, by CPU",
        "python": target.version,
        "starts": {name: {key: round(value, 3) for key, value in both.items()} for name, both in seconds.items()},
        "ratios": ratios,
        "packages": target.packages(),
        "init_steps": target.steps(),
        "ratio": ratios["cpu"],
        "target": MOST_INIT,
    }


def first_turns(turns: Mapping[str, Sequence[Sequence[float]]]) -> JsonObject:
    """The second result: CPU of the first turn after init beside a warm one's; the ratio is the worst function's."""
    figures = {}
    for name, runs in turns.items():
        first = statistics.median(run[0] for run in runs)
        warm = statistics.median(one for run in runs for one in run[2:])
        figures[name] = {
            "first": round(first * 1000, 2),
            "warm": round(warm * 1000, 2),
            "ratio": round(first / warm, 3),
        }
    return {
        "name": "cold, first turn",
        "what": "CPU of the first turn after init / a warm one, milliseconds",
        "functions": figures,
        "ratio": max(figure["ratio"] for figure in figures.values()),
        "target": MOST_FIRST,
    }


def describe(result: JsonObject) -> str:
    """A result for people."""
    verdict = "within" if result["ratio"] <= result["target"] else "ABOVE"
    lines = [f"{result['name']}: {result['ratio']} ({verdict} {result['target']}) - {result['what']}"]
    if "functions" in result:
        for name, figure in result["functions"].items():
            lines.append(f"  {name:<9} first {figure['first']:>7} warm {figure['warm']:>7} ratio {figure['ratio']}")
        return "\n".join(lines)
    lines.append(f"  Python {result['python']}; seconds of wall clock and CPU, beside bare:")
    bare = result["starts"]["bare"]
    for name, both in result["starts"].items():
        beside = both["cpu"] / bare["cpu"]
        lines.append(f"    {name:<9} {both['wall']:>7.3f} {both['cpu']:>7.3f} {beside:>6.2f}")
    for title, key in (("CPU of the worker's init by step, ms", "init_steps"), ("imports by package, ms", "packages")):
        lines.append(f"  {title}: " + ", ".join(f"{name} {value:g}" for name, value in result[key].items()))
    return "\n".join(lines)
