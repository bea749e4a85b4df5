"""Log lines: the right keys on the right lines, and no address, number or secret of anybody on any."""

from __future__ import annotations

import io
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from metta.observability import log_keys, set_up_logging, with_log_keys
from metta.settings import load


def test_keys_of_one_conversation_are_never_on_the_line_of_another() -> None:
    stream = io.StringIO()
    set_up_logging(load({"POWERTOOLS_SERVICE_NAME": "desk"}), stream)
    log = logging.getLogger("metta.queue.test")

    def work(n: int) -> None:
        with log_keys(conversation=n):
            for _ in range(20):
                log.info("line %d", n)
        log.info("after %d", n)

    with log_keys(request="r"), ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: with_log_keys(work, n)(), range(8)))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == 8 * 21
    assert {line["service"] for line in lines} == {"desk"}
    for line in lines:
        kind, n = line["message"].split()
        assert line.get("conversation") == (int(n) if kind == "line" else None)


def test_the_log_level_is_obeyed_and_noisy_libraries_are_quiet() -> None:
    stream = io.StringIO()
    set_up_logging(load({"LOG_LEVEL": "WARNING"}), stream)
    logging.getLogger("metta.turn").info("not shown")
    logging.getLogger("metta.turn").warning("shown")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["shown"]
    assert logging.getLogger("odoorpc").getEffectiveLevel() >= logging.WARNING


SECRETS = {
    "OPENAI_API_KEY": "sk-proj-4711",
    "CHATWOOT_API_KEY": "tokenOfTheBot",
    "DATABASE_URL": "postgresql://metta:p%40ssword99@db.example.net/metta",
}


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_personal_data_is_masked_in_the_message_its_arguments_extra_fields_and_errors_texts() -> None:
    stream = io.StringIO()
    set_up_logging(load({}), stream)
    log = logging.getLogger("metta.test")
    log.warning("mail to lena@example.org")
    log.warning("mail to %s", "lena@example.org", extra={"who": {"lena@example.org": ["+49 170 1234567"]}})
    try:
        raise ValueError("4111 1111 1111 1111 of lena@example.org")
    except ValueError:
        log.exception("failed")
    with log_keys(note="DE89 3704 0044 0532 0130 00"):
        logging.getLogger("httpx2").warning("lent by 078-05-1120")
    shown = stream.getvalue()
    for private in ("lena", "1234567", "4111", "0532", "078-05"):
        assert private not in shown
    assert lines_of(stream)[1]["who"] == {"[EMAIL]": ["[PHONE]"]}
    assert lines_of(stream)[2]["exception_name"] == "ValueError"


def test_a_secret_is_on_no_line_wherever_it_comes_from() -> None:
    stream = io.StringIO()
    set_up_logging(load(SECRETS), stream)
    log = logging.getLogger("metta.test")
    log.warning(
        "refused: %s and p@ssword99", SECRETS["DATABASE_URL"], extra={"header": f"Bearer {SECRETS['CHATWOOT_API_KEY']}"}
    )
    logging.getLogger("openai").error("key %s", SECRETS["OPENAI_API_KEY"])
    shown = stream.getvalue()
    assert not [secret for secret in (*SECRETS.values(), "ssword99") if secret in shown]
    assert shown.count("[SECRET]") == 4


def test_ids_stay_readable() -> None:
    stream = io.StringIO()
    set_up_logging(load({}), stream)
    keys = {
        "function_request_id": "0555-123-4567",
        "conversation": "3:84",
        "message_ids": ["4111111111111111"],
        "chatwoot_message_ids": [4111111111111111],
        "turn": "t-4111111111111111",
    }
    with log_keys(**keys):
        logging.getLogger("metta.test").info("turn ended: %s of %d records in %d ms", "answered", 3, 1287)
    (line,) = lines_of(stream)
    assert {name: line[name] for name in keys} == keys
    assert line["message"] == "turn ended: answered of 3 records in 1287 ms"


def test_half_a_character_pair_loses_no_line_and_shows_nothing_unmasked(capfd: pytest.CaptureFixture[str]) -> None:
    """A name that a model invented may hold one; no stream takes it, and ``logging`` would print the bare arguments."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    set_up_logging(load({}), stream)

    logging.getLogger("metta.test").warning("gr\u00fcn \ud83d %s", "lena@example.org", extra={"tools": ["a\udc00"]})

    (line,) = map(json.loads, raw.getvalue().decode().splitlines())
    assert (line["message"], line["tools"]) == ("gr\u00fcn ? [EMAIL]", ["a?"])
    assert "lena" not in capfd.readouterr().err
