"""Variables beside each other: names that nothing reads, and values that cannot both be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from .aws_world import AwsWorld
from .conftest import Examine


def test_nothing_strange_is_all_right(examine: Examine) -> None:
    report = examine("settings", {"CHATWOOT_BASE_URL": "https://chat.example", "OPENAI_API_KEY": "sk-x"})

    assert set(report.statuses.values()) == {"ok"}


class TestNames:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("CHATWOOT_BASE_ULR", "CHATWOOT_BASE_URL"),
            ("CHATWOT_API_KEY", "CHATWOOT_API_KEY"),
            ("OPENAI_APIKEY", "OPENAI_API_KEY"),
            ("DATABASE_MIGRATION_URL", "DATABASE_MIGRATE_URL"),
            ("AWS_SQS_DQL_URL", "AWS_SQS_DLQ_URL"),
            ("METTA_POLICIES", "METTA_POLICY"),
        ],
    )
    def test_a_slip_is_offered_as_it_was_meant(self, examine: Examine, written: str, meant: str) -> None:
        report = examine("settings", {written: "value-4711"})

        assert report.bad() == {"settings.names"}
        assert report.statuses["settings.names"] == "warn"
        assert f"{written} (did you mean {meant}?)" in report.found["settings.names"]
        assert "4711" not in report.text

    def test_a_slip_beside_the_right_one_is_offered_too(self, examine: Examine) -> None:
        variables = {"CHATWOOT_BASE_ULR": "https://new.example", "CHATWOOT_BASE_URL": "https://old.example"}

        assert "did you mean CHATWOOT_BASE_URL?" in examine("settings", variables).found["settings.names"]

    def test_another_s_name_beside_ours_is_left_alone(self, examine: Examine) -> None:
        assert examine("settings", {"LOGLEVEL": "x", "LOG_LEVEL": "INFO"}).bad() == set()

    def test_a_name_of_ours_that_is_like_none(self, examine: Examine) -> None:
        report = examine("settings", {"CHATWOOT_FAVOURITE_COLOUR": "red"})

        status, found = report.one("settings.names")
        assert (status, "CHATWOOT_FAVOURITE_COLOUR" in found) == ("warn", True)
        assert "did you mean" not in found

    @pytest.mark.parametrize(
        "other",
        [
            "AWS_ENDPOINT_URL_SQS",
            "AWS_REGION",
            "OPENAI_ORG_ID",
            "POWERTOOLS_LOG_LEVEL",
            "POWERTOOLS_TRACE_DISABLED",
            "METTA_BUILD_ARCH",
            "METTA_TEST_ODOO_URL",
            "METTA_CI",
            "DATABASE_POOL",
            "PATH_TO_SOMETHING",
        ],
    )
    def test_what_others_read_is_left_alone(self, examine: Examine, other: str) -> None:
        assert examine("settings", {other: "x"}).bad() == set()

    def test_a_key_of_the_secret_counts_as_a_variable(self, world: AwsWorld, examine: Examine) -> None:
        arn = world.aws.create_secret({"OPENAI_API_KEY": "sk-x", "ODOO_APIKEY": "word-4711"}, world.name)

        report = examine("settings", world.variables(METTA_SECRET_ARN=arn))

        assert report.statuses["settings.secret"] == "ok"
        assert "ODOO_APIKEY (did you mean ODOO_API_KEY?)" in report.found["settings.names"]
        assert "4711" not in report.text


class TestSecret:
    def test_one_that_there_is_not(self, world: AwsWorld, examine: Examine) -> None:
        arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:shop-4711-AbCdEf"

        report = examine("settings", world.variables(METTA_SECRET_ARN=arn))

        status, found = report.one("settings.secret")
        assert (status, "no such secret" in found) == ("fail", True)
        assert "4711" not in report.text

    def test_one_that_may_not_be_read(self, strict: AwsWorld, examine: Examine) -> None:
        arn = strict.aws.create_secret({"OPENAI_API_KEY": "sk-x"}, strict.name)

        report = examine("settings", strict.variables(METTA_SECRET_ARN=arn, **strict.keys_of_user()))

        status, found = report.one("settings.secret")
        assert (status, "access denied" in found) == ("fail", True)
        assert report.fixes["settings.secret"] == "allow secretsmanager:GetSecretValue to them"

    def test_nobody_there_who_has_it(self, world: AwsWorld, examine: Examine) -> None:
        variables = world.variables(METTA_SECRET_ARN="arn:x", AWS_ENDPOINT_URL="http://127.0.0.1:1")

        report = examine("settings", variables)

        status, found = report.one("settings.secret")
        assert (status, "does not answer" in found) == ("fail", True)


class TestContradictions:
    @pytest.mark.parametrize(
        ("variables", "told"),
        [
            ({"CHATWOOT_WEBHOOK_SECRET_PREVIOUS": "old"}, "CHATWOOT_WEBHOOK_SECRET"),
            ({"CHATWOOT_WEBHOOK_SECRET_PREVIOUS": "s", "CHATWOOT_WEBHOOK_SECRET": "s"}, "the same"),
            ({"BURST_QUIET_SECONDS": "30", "BURST_MAX_SECONDS": "20"}, "more than its cap"),
            ({"METTA_MAX_ATTEMPTS": "30"}, "never reached"),
            (
                {
                    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
                    "AWS_SQS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111122223333/metta.fifo",
                },
                "AWS_ENDPOINT_URL",
            ),
        ],
        ids=["previous alone", "previous is current", "burst", "attempts", "endpoint"],
    )
    def test_two_values_that_cannot_both_be_meant(self, examine: Examine, variables: dict[str, str], told: str) -> None:
        report = examine("settings", variables)

        assert report.bad() == {"settings.contradictions"}
        status, found = report.one("settings.contradictions")
        assert (status, told in found) == ("warn", True)

    def test_a_rotation_is_none(self, examine: Examine) -> None:
        variables = {"CHATWOOT_WEBHOOK_SECRET": "new", "CHATWOOT_WEBHOOK_SECRET_PREVIOUS": "old"}

        assert examine("settings", variables).bad() == set()


def test_a_worker_that_is_switched_off(examine: Examine) -> None:
    report = examine("settings", {"WORKER_ENABLED": "false"})

    status, found = report.one("settings.worker")
    assert (status, "nobody answers" in found) == ("warn", True)
    assert report.code == 0


def test_the_first_mistake_of_a_policy_is_named_with_its_line(examine: Examine, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("company: Acme\nlimits: {model_turns: many}\nchekcs: {}\n", encoding="utf-8")

    report = examine("settings", {"METTA_POLICY": str(policy)})

    status, found = report.one("settings.policy")
    assert status == "fail"
    assert "line 2: limits.model_turns" in found
    assert found.endswith("(and 1 more)")
    assert "metta policy --check" in report.fixes["settings.policy"]


def test_a_policy_that_is_not_there(examine: Examine) -> None:
    report = examine("settings", {"METTA_POLICY": "/nowhere/policy.yaml"})

    assert report.statuses["settings.policy"] == "fail"
    assert "METTA_POLICY" in report.fixes["settings.policy"]
