"""The ``metta`` command as a person or a script meets it: what it prints where, and its exit code."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import pytest

from metta.ai import tools
from metta_local import cli
from metta_local.aws import MiniStack
from metta_local.commands import COMMANDS
from metta_local.odoo import OdooEmulator
from metta_local.serving import LoopbackServer

from .processes import Done, Shell, metta

NAMES = tuple(command.name for command in COMMANDS)


def refused(done: Done, *words: str) -> None:
    """It failed as commands fail: code 1, nothing on stdout, one clear line on stderr."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_help_shows_every_command_and_examples() -> None:
    done = metta("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for command in NAMES:
        assert f"  {command} " in done.stdout
    assert "examples:" in done.stdout


@pytest.mark.parametrize("command", NAMES)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert "usage: metta" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["send"], ["worker", "--health-port", "x"], ["tool", "getOrder"]]
)
def test_wrong_usage_says_so_and_exits_with_1(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[-1].startswith("metta: ")


def test_the_version_is_that_of_the_package() -> None:
    assert metta("--version").stdout == f"metta {version('metta')}\n"


def test_variables_come_from_a_file_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "shop.env"
    file.write_text("export ODOO_URL='http://127.0.0.1:9'\nODOO_DB=d\nODOO_USERNAME=u\nODOO_API_KEY=k\n")
    call = ("--env-file", str(file), "tool", "getProduct", '{"productId": 1}')

    refused(metta(*call), "connection to Odoo failed")
    refused(metta(*call, ODOO_URL="nowhere"), "ODOO_URL")


def test_guard_starts_without_the_heavy_libraries() -> None:
    code = (
        "import sys; from metta_local import cli; cli.main(['guard'])\n"
        "print(sorted({'agents', 'openai', 'boto3', 'psycopg', 'starlette', 'rich', 'odoorpc'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input="", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip().splitlines()[-1] == "[]", done.stderr


class TestSend:
    """``metta send FILE``."""

    def test_puts_the_body_on_the_queue_with_its_ids(self, aws: MiniStack, queue_url: str, tmp_path: Path) -> None:
        body: dict[str, Any] = {
            "event": "message_created",
            "id": 7,
            "account": {"id": 3},
            "conversation": {"id": 84},
            "content": "Grüße",
        }
        file = tmp_path / "body.json"
        file.write_text(json.dumps(body, indent=2), encoding="utf-8")
        done = metta("send", str(file), "--json", AWS_SQS_QUEUE_URL=queue_url, **aws.environment)
        assert done.returncode == 0, done.stderr
        sent = json.loads(done.stdout)
        assert sent["messageGroupId"] == "3:84"
        assert sent["deduplicationId"] == "3:message_created:7"

        (found,) = aws.client("sqs").receive_message(QueueUrl=queue_url)["Messages"]
        assert found["MessageId"] == sent["messageId"]
        assert found["Body"] == file.read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"{broken", ["body.json", "not JSON", "line 1"]),
            (b"[]", ["body.json", "object"]),
            (b'{"id": 1}', ["body.json", "event"]),
            (b"\xff\xfe", ["body.json", "UTF-8"]),
            (b'"' + b"x" * 1_100_000 + b'"', ["body.json", "bytes"]),
        ],
        ids=["broken", "list", "no event", "not UTF-8", "too large"],
    )
    def test_says_what_is_wrong_with_the_file_before_it_contacts_anything(
        self, shell: Shell, tmp_path: Path, content: bytes, words: list[str]
    ) -> None:
        file = tmp_path / "body.json"
        file.write_bytes(content)
        refused(shell("send", str(file)), *words)

    def test_says_that_the_file_is_not_there(self, shell: Shell, tmp_path: Path) -> None:
        refused(shell("send", str(tmp_path / "none.json")), "none.json", "No such file")

    def test_names_the_variable_that_is_missing(self, shell: Shell) -> None:
        refused(shell("send", "-", stdin='{"event": "message_created"}'), "AWS_SQS_QUEUE_URL")

    def test_says_that_the_queue_cannot_be_reached(self, shell: Shell, aws: MiniStack, queue_url: str) -> None:
        gone = queue_url.replace(".fifo", "-gone.fifo")
        done = shell("send", "-", stdin='{"event": "x"}', AWS_SQS_QUEUE_URL=gone, **aws.environment)
        refused(done, "AWS_SQS_QUEUE_URL")


class TestVariables:
    """A missing or malformed variable stops a command with a message that names it."""

    def test_a_malformed_variable_is_named(self, shell: Shell) -> None:
        refused(shell("worker", SQS_MAX_MESSAGES="11", CHATWOOT_ACCOUNT_ID="three"), "SQS_MAX_MESSAGES", "CHATWOOT_ACC")

    def test_a_worker_without_variables_names_what_it_lacks(self, shell: Shell) -> None:
        done = shell("worker", AWS_DEFAULT_REGION="us-east-1", AWS_SQS_QUEUE_URL="http://127.0.0.1:1/0/q.fifo")
        refused(done, "CHATWOOT_BASE_URL", "ODOO_URL", "OPENAI_API_KEY", "IDEMPOTENCY_TABLE", "DATABASE_URL")

    def test_a_worker_without_a_queue_names_it(self, shell: Shell) -> None:
        refused(shell("worker", AWS_DEFAULT_REGION="us-east-1"), "AWS_SQS_QUEUE_URL")

    def test_a_url_that_is_no_queue_is_refused(self, shell: Shell) -> None:
        refused(shell("worker", AWS_SQS_QUEUE_URL="my-queue", AWS_DEFAULT_REGION="us-east-1"), "AWS_SQS_QUEUE_URL")

    def test_the_worker_says_that_the_region_is_missing(self, shell: Shell) -> None:
        refused(shell("worker", AWS_SQS_QUEUE_URL="http://127.0.0.1:1/000000000000/q.fifo"), "AWS_DEFAULT_REGION")

    def test_the_kill_switch_keeps_the_worker_from_starting(self) -> None:
        refused(metta("worker", WORKER_ENABLED="false", AWS_SQS_QUEUE_URL="http://x/0/q"), "WORKER_ENABLED")

    def test_the_demo_does_not_write_into_a_real_chatwoot(self, shell: Shell) -> None:
        refused(shell("demo", CHATWOOT_BASE_URL="https://chat.example.com"), "CHATWOOT_BASE_URL", "metta up")

    def test_migrate_names_its_variable(self, shell: Shell) -> None:
        refused(shell("migrate"), "DATABASE_MIGRATE_URL")
        refused(shell("migrate", "--status"), "DATABASE_MIGRATE_URL")

    def test_tool_names_all_of_odoo_and_nothing_else(self, shell: Shell) -> None:
        done = shell("tool", "getProduct", '{"productId": 1}')
        refused(done, "ODOO_URL", "ODOO_DB", "ODOO_USERNAME", "ODOO_API_KEY")
        assert "CHATWOOT" not in done.stderr

    def test_no_secret_is_repeated(self, shell: Shell) -> None:
        done = shell("migrate", DATABASE_MIGRATE_URL="postgresql://owner:hush-hush@127.0.0.1:1/metta")
        refused(done)
        assert "hush-hush" not in done.stderr


class TestToolUsage:
    """``metta tool``: what is wrong with the call is said before Odoo is asked."""

    ODOO: ClassVar = {"ODOO_URL": "http://127.0.0.1:1", "ODOO_DB": "d", "ODOO_USERNAME": "u", "ODOO_API_KEY": "k"}

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["getWeather", "{}"], ["getWeather", "searchProducts"]),
            (["getOrder", "{"], ["not JSON"]),
            (["getOrder", "[1]"], ["object"]),
            (["getOrder", "{}"], ["orderNumber"]),
            (["getProduct", '{"id": 1}'], ["productId"]),
            (["getOrder", '{"orderNumber": "S00042"}', "--level", "verified"], ["--email", "--phone"]),
        ],
    )
    def test_a_wrong_call_is_refused(self, shell: Shell, arguments: list[str], words: list[str]) -> None:
        refused(shell("tool", *arguments, **self.ODOO), *words)

    @pytest.mark.parametrize("address", ["", "nobody", "%", "a@b, c@d", "Lena <lena@example.org>", "x" * 5000])
    @pytest.mark.parametrize("option", ["--email", "--phone"])
    def test_an_address_that_is_none_proves_nothing(self, shell: Shell, option: str, address: str) -> None:
        for name, arguments in (("getOrder", '{"orderNumber": "S00042"}'), ("getOrdersByCustomer", '{"email": "%"}')):
            done = shell("tool", name, arguments, option, address, "--level", "verified", **self.ODOO)

            assert (done.returncode, done.stderr) == (0, "")
            assert json.loads(done.stdout)["found"] is False

    def test_an_ascii_terminal_gets_the_same_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        emulator = OdooEmulator()
        with LoopbackServer(emulator.app) as server:
            variables = {
                "ODOO_URL": server.url,
                "ODOO_DB": emulator.database,
                "ODOO_USERNAME": emulator.username,
                "ODOO_API_KEY": emulator.api_key,
            }
            call = ("tool", "searchProducts", '{"query": "lampara"}', "--language", "es")
            shown = [metta(*call, **variables, PYTHONIOENCODING=encoding) for encoding in ("utf-8", "ascii")]

        assert [done.returncode for done in shown] == [0, 0], shown[1].stderr
        assert json.loads(shown[0].stdout) == json.loads(shown[1].stdout)
        assert "Lámpara" in shown[0].stdout
        assert shown[1].stdout.isascii()

    def test_an_address_in_clear_is_no_matter_for_the_result(self, shell: Shell) -> None:
        done = shell("tool", "getOrder", '{"orderNumber": "x"}', **{**self.ODOO, "ODOO_URL": "http://odoo.example"})

        assert (done.returncode, done.stderr) == (0, "")

    def test_odoo_that_does_not_answer_is_a_failure(self, shell: Shell) -> None:
        refused(shell("tool", "getProduct", '{"productId": 1}', **self.ODOO))

    def test_a_claimed_customer_is_answered_alike_however_often_she_asks(self, shell: Shell) -> None:
        emulator = OdooEmulator()
        with LoopbackServer(emulator.app) as odoo:
            named = {"ODOO_DB": emulator.database, "ODOO_USERNAME": emulator.username, "ODOO_API_KEY": emulator.api_key}
            given = {"ODOO_URL": odoo.url, **named}

            def ask(number: str) -> str:
                arguments = json.dumps({"orderNumber": number})
                done = shell("tool", "getOrder", arguments, "--email", "lena@example.org", **given)
                assert (done.returncode, done.stderr) == (0, "")
                return done.stdout

            answers = [ask(number) for number in ("S00043", "S00047", "S90001", "S90002", "S00043", "S00048", "S90003")]
            assert len(set(answers)) == 1, "no guess is counted, not there and not hers are one answer"
            assert json.loads(ask("S00042"))["found"] is True

    def test_what_is_logged_meanwhile_is_not_shown(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        async def call(*_: object, **__: object) -> dict[str, bool]:
            logging.getLogger("metta.integrations.odoo").warning("a field is missing")
            return {"found": False}

        monkeypatch.setattr(tools, "call_tool", call)
        root = logging.getLogger("metta")
        monkeypatch.setattr(root, "handlers", [logging.StreamHandler(sys.stderr)])
        done = shell("tool", "getProduct", '{"productId": 1}', **self.ODOO)
        assert (done.returncode, done.stdout, done.stderr) == (0, '{"found": false}\n', "")
        assert not logging.root.manager.disable, "it stays silent for ever"
