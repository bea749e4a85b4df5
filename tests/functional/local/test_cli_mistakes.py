"""Bad input ends with a message that names what is wrong and says what to do, code 1, and nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .processes import Done, Shell, variables

NOBODY = "http://127.0.0.1:9"
"""Where nothing listens."""
BODY = {"event": "message_created", "id": 7, "account": {"id": 3}, "conversation": {"id": 84}}
DEAD = {
    "AWS_SQS_QUEUE_URL": f"{NOBODY}/000000000000/q.fifo",
    "AWS_SQS_DLQ_URL": f"{NOBODY}/000000000000/d.fifo",
    "AWS_ENDPOINT_URL": NOBODY,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "y",
    "IDEMPOTENCY_TABLE": "t",
    "DATABASE_URL": "postgresql://u:hush-hush@127.0.0.1:9/m",
    "DATABASE_MIGRATE_URL": "postgresql://o:hush-hush@127.0.0.1:9/m",
    "DATABASE_ERASE_URL": "postgresql://e:hush-hush@127.0.0.1:9/m",
    "AUDIT_KEY": "0123456789abcdef0123456789abcdef",
    "CHATWOOT_ACCOUNT_ID": "3",
    "ODOO_URL": NOBODY,
    "ODOO_DB": "d",
    "ODOO_USERNAME": "u",
    "ODOO_API_KEY": "hush-hush",
}
"""Every variable, each pointing at nobody."""
NOVEMBER = ("--from", "2026-11-01", "--to", "2026-11-30")
MISTAKES: list[tuple[str, dict[str, str], list[str]]] = [
    # files
    ("send none.json", {}, ["none.json", "No such file"]),
    ("send folder", {}, ["folder", "Is a directory"]),
    ("send binary.json", {}, ["binary.json", "UTF-8"]),
    ("send empty.json", {}, ["empty.json", "empty", "Chatwoot webhook"]),
    ("send broken.json", {}, ["broken.json", "not JSON", "line 1"]),
    ("send list.json", {}, ["list.json", "object"]),
    ("send endless.json", {}, ["endless.json", "bytes"]),
    ("send -", {}, ["standard input", "empty"]),
    ("policy --check none.yaml", {}, ["none.yaml", "No such file"]),
    ("policy --check folder", {}, ["folder", "Is a directory"]),
    ("policy --check binary.json", {}, ["binary.json", "UTF-8"]),
    ("policy --check broken.json", {}, ["broken.json", "YAML", "line 2"]),
    ("policy --check list.json", {}, ["list.json", "mapping"]),
    ("policy --check wrong.yaml", {}, ["wrong.yaml", "line 2", "limits.model_turns"]),
    ("policy --check endless.json", {}, ["endless.json", "bytes"]),
    ("policy --reference --json", {}, ["--reference", "Markdown"]),
    ("policy", {}, ["--check FILE", "--schema", "--reference"]),
    ("--env-file none.env guard", {}, ["none.env", "No such file", "metta up --env-file"]),
    ("--env-file folder guard", {}, ["folder", "Is a directory"]),
    ("--env-file binary.json guard", {}, ["binary.json", "UTF-8"]),
    ("--env-file broken.env guard", {}, ["broken.env", "line 2", "line 3", "quotes"]),
    ("--env-file endless.json guard", {}, ["endless.json", "bytes"]),
    ("demo --log folder", {}, ["--log folder", "Is a directory"]),
    ("demo --log none/demo.log", {}, ["--log none/demo.log", "No such file"]),
    ("bench odoo --log folder", {}, ["--log folder", "Is a directory"]),
    ("bench guardrails --data none", {}, ["none", "folder"]),
    ("up --directory list.json --port 0", {}, ["--directory", "list.json"]),
    (f"audit export {' '.join(NOVEMBER)} --out list.json", DEAD, ["--out list.json", "directory"]),
    # words and numbers
    ("", {}, ["COMMAND"]),
    ("adit", {}, ["adit", "did you mean audit?"]),
    ("audit shwo 84", {}, ["shwo", "did you mean show?"]),
    ("help adit", {}, ["did you mean audit?"]),
    ("send list.json --jsno", {}, ["--jsno", "did you mean --json?"]),
    ("doctor --no-color", {}, ["--no-color", "before the command"]),
    ("doctor --only kitchen", {}, ["kitchen", "chatwoot"]),
    ("send", {}, ["FILE"]),
    ("send list.json more.json", {}, ["more.json"]),
    ("up --odoo-version 14.0", {}, ["--odoo-version", "14.0", "18.0"]),
    ("up --port many", {}, ["--port", "many", "0 to 65535"]),
    ("worker --health-port 70000", {}, ["--health-port", "70000", "0 to 65535"]),
    ("worker --watchdog-seconds -3", {}, ["--watchdog-seconds", "seconds"]),
    ("redrive --limit 0", {}, ["--limit", "from 1 on"]),
    ("redrive --conversation x", {}, ["--conversation", "84 or 3:84"]),
    ("chaos --faults 7", {}, ["--faults", "between 0 and 0.5"]),
    ("chaos --without hope", {}, ["--without", "backoff"]),
    ("fuzz --seconds long", {}, ["--seconds"]),
    ("fuzz --case 2", {}, ["--case", "--seed"]),
    ("redteam --only nonsense", {}, ["nonsense", "names are like"]),
    ("bench nothing", {}, ["nothing", "overhead"]),
    ("completion csh", {}, ["csh", "bash, zsh, fish"]),
    ("tool getWeather {}", DEAD, ["getWeather", "searchProducts"]),
    ("tool getOrder {", DEAD, ["not JSON"]),
    ("tool getOrder []", DEAD, ["object"]),
    ("tool getOrder {}", DEAD, ["orderNumber"]),
    ("tool getOrder {} --level root", {}, ["--level", "root", "verified"]),
    ("tool getOrder {} --level verified", DEAD, ["--email", "--phone"]),
    ("tool getOrder {} --language german", {}, ["--language", "german", "two letters"]),
    ("audit", {}, ["ACTION"]),
    ("audit show nobody", DEAD, ["nobody", "84 or 3:84"]),
    ("audit show 84 --account no", {}, ["--account", "from 1 on"]),
    ("audit stats --from yesterday --to 2026-11-30", {}, ["--from", "yesterday", "2026-11-28"]),
    ("audit stats --from 2026-11-30 --to 2026-11-01", DEAD, ["2026-11-01", "before"]),
    (f"audit export {' '.join(NOVEMBER)} --format csv", DEAD, ["CSV", "--out DIR"]),
    ("audit erase", {}, ["--contact", "--conversation", "--older-than"]),
    ("audit erase --contact lena", {}, ["--contact", "from 1 on"]),
    # variables
    ("send body.json", {}, ["AWS_SQS_QUEUE_URL", ".env.example"]),
    ("worker", {"AWS_DEFAULT_REGION": "us-east-1"}, ["AWS_SQS_QUEUE_URL"]),
    ("worker", {"SQS_MAX_MESSAGES": "11"}, ["SQS_MAX_MESSAGES", "10"]),
    ("redrive", {"AWS_SQS_QUEUE_URL": f"{NOBODY}/0/q"}, ["AWS_SQS_DLQ_URL"]),
    ("migrate", {}, ["DATABASE_MIGRATE_URL"]),
    ("migrate", {"DATABASE_MIGRATE_URL": "nonsense"}, ["DATABASE_MIGRATE_URL", "connection string"]),
    ("tool getProduct {}", {}, ["ODOO_URL", "ODOO_API_KEY"]),
    ("audit show 3:84", {}, ["DATABASE_URL"]),
    ("audit show 84", {"DATABASE_URL": DEAD["DATABASE_URL"]}, ["CHATWOOT_ACCOUNT_ID", "--account"]),
    ("audit verify", {"DATABASE_URL": DEAD["DATABASE_URL"]}, ["AUDIT_KEY"]),
    ("audit erase --contact 901 --yes", {"CHATWOOT_ACCOUNT_ID": "3"}, ["DATABASE_ERASE_URL"]),
    ("demo", {"CHATWOOT_BASE_URL": NOBODY}, ["CHATWOOT_BASE_URL", "metta up"]),
    (
        "demo",
        {"AWS_SQS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/metta.fifo"},
        ["AWS_SQS_QUEUE_URL", "Unset it"],
    ),
    ("up --port 0", {"AWS_SQS_QUEUE_URL": f"{NOBODY}/0/q"}, ["AWS_SQS_QUEUE_URL: set, but nothing listens"]),
    # services that do not answer
    ("up --port 0", DEAD | {"CHATWOOT_BASE_URL": NOBODY}, ["unset AWS_SQS_QUEUE_URL DATABASE_URL", "ODOO_URL"]),
    ("demo", {"DATABASE_URL": DEAD["DATABASE_URL"]}, ["DATABASE_URL: set, but nothing listens", "unset DATABASE_URL"]),
    ("send body.json", DEAD, ["AWS_SQS_QUEUE_URL", "metta doctor --only queue"]),
    ("redrive --dry-run", DEAD, ["AWS_SQS_DLQ_URL", "metta doctor --only queue"]),
    ("migrate", DEAD, ["refused", "metta doctor --only database"]),
    ("migrate --status", DEAD, ["refused", "metta doctor --only database"]),
    ('tool getProduct {"productId":1}', DEAD, ["Odoo", "metta doctor --only odoo"]),
    ("audit show 84", DEAD, ["refused", "metta doctor --only database"]),
    ("audit verify", DEAD, ["IDEMPOTENCY_TABLE", "--without-heads"]),
    ("audit verify --without-heads", DEAD, ["refused", "metta doctor --only database"]),
    (f"audit stats {' '.join(NOVEMBER)}", DEAD, ["refused"]),
    (f"audit export {' '.join(NOVEMBER)} --out november", DEAD, ["refused"]),
    ("audit erase --contact 901 --yes", DEAD, ["refused"]),
    ("audit erase --older-than 30 --yes", DEAD, ["refused"]),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with files that are no use."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "body.json").write_text(json.dumps(BODY))
    (tmp_path / "empty.json").touch()
    (tmp_path / "broken.json").write_text("{broken")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "endless.json").symlink_to("/dev/zero")
    (tmp_path / "wrong.yaml").write_text("limits:\n  model_turns: many\n")
    (tmp_path / "broken.env").write_text("ODOO_DB=shop\nODOO_USERNAME=a hush-hush b\nODOO_API_KEY='hush-hush\n")
    return tmp_path


@pytest.fixture
def run(place: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, str]], Done]:
    """Runs a line in that directory."""
    monkeypatch.chdir(place)
    return lambda line, given: shell(*line.split(), **given)


@pytest.mark.parametrize(("line", "given", "words"), MISTAKES, ids=[line or "nothing" for line, _, _ in MISTAKES])
def test_a_mistake_is_named_with_what_to_do(
    line: str, given: dict[str, str], words: list[str], place: Path, run: Callable[[str, dict[str, str]], Done]
) -> None:
    before = sorted(path.name for path in place.rglob("*"))

    done = run(line, given)

    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    if "--json" not in line:
        assert any(text.startswith("metta: ") for text in done.stderr.splitlines())
    for word in words:
        assert word in done.stderr
    assert "hush-hush" not in done.stderr
    assert sorted(path.name for path in place.rglob("*") if path.name != "november") == before, "nothing half-written"


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("send none.json --json", {}),
        ("adit --json", {}),
        ("redrive --json", {}),
        ("migrate --json", DEAD),
        ("audit show 84 --json", DEAD),
        ("tool getOrder {} --json", DEAD),
        ("chaos --faults 7 --json", {}),
        ("--env-file none.env doctor --json", {}),
    ],
)
def test_with_json_the_error_is_an_object(
    line: str, given: dict[str, str], run: Callable[[str, dict[str, str]], Done]
) -> None:
    done = run(line, given)

    assert (done.returncode, done.stdout) == (1, "")
    told = json.loads(done.stderr)
    assert list(told) == ["error"]
    assert told["error"]
    assert "hush-hush" not in done.stderr


def test_a_check_that_finds_something_gives_its_document(run: Callable[[str, dict[str, str]], Done]) -> None:
    done = run("policy --check wrong.yaml --json", {})

    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert document["ok"] is False
    (problem,) = document["problems"]
    assert problem["line"] == 2
    assert problem["problem"].startswith("limits.model_turns: ")


class TestStreams:
    """Standard streams that are full, closed or gone."""

    def test_a_full_disk_is_named(self) -> None:
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "metta_local.cli", "policy", "--schema"],
                env=variables(),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
        assert done.returncode == 1
        assert done.stderr == "metta: a result could not be written: No space left on device\n"

    def test_a_reader_that_leaves_is_no_trouble(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "metta_local.cli", "policy", "--reference"],
            env=variables(),
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (1, "")

    @pytest.mark.parametrize(("stream", "code"), [("<&-", 0), (">&-", 0), ("2>&-", 0)])
    def test_a_closed_stream_is_as_good_as_an_empty_one(self, stream: str, code: int) -> None:
        command = f'"{sys.executable}" -m metta_local.cli guard {stream}'
        done = subprocess.run(
            ["bash", "-c", command],
            env=variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
