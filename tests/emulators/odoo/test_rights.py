"""What the bot may do, how it learns of it, and what it is told when it may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metta_local.odoo.rights import OPERATIONS


class TestModels:
    def test_by_default_the_bot_reads_and_writes_nothing(self, every_way: Any) -> None:
        ask = every_way()

        assert ask.may("sale.order") == {"read"}
        for method, named, word in (
            ("write", {"ids": [9042], "vals": {"note": "x"}}, "modify"),
            ("create", {"vals_list": [{"name": "x"}]}, "create"),
            ("unlink", {"ids": [9042]}, "delete"),
            ("copy", {"ids": [9042]}, "create"),
        ):
            told = ask.error("sale.order", method, **named)
            assert told["name"] == "odoo.exceptions.AccessError"
            assert told["message"].startswith(f"You are not allowed to {word} 'Sales Order' (sale.order) records.")
        assert ask("sale.order", "read", ids=[9042], fields=["name"])

    def test_a_bot_with_too_many_rights_changes_records(self, every_way: Any) -> None:
        ask = every_way(writable={"res.partner"})

        assert ask.may("res.partner") == set(OPERATIONS)
        assert ask.may("sale.order") == {"read"}
        assert ask("res.partner", "write", ids=[4711], vals={"city": "Kiel"}) is True
        (new,) = ask("res.partner", "create", vals_list=[{"name": "New", "city": "Kiel"}])
        assert ask("res.partner", "search", domain=[["city", "=", "Kiel"]]) == [4711, new]
        assert ask("res.partner", "unlink", ids=[new]) is True
        assert ask("res.partner", "search", domain=[["city", "=", "Kiel"]]) == [4711]
        assert ask.error("res.partner", "write", ids=[new], vals={})["name"] == "odoo.exceptions.MissingError"
        assert ask.error("res.partner", "write", ids=[4711], vals={"x": 1})["name"] == "builtins.ValueError"

    def test_rights_can_change_between_calls(self, ask: Any) -> None:
        bot = ask()
        bot.emulator.data.access["sale.order"] = frozenset()
        assert bot.error("sale.order", "search", domain=[])["name"] == "odoo.exceptions.AccessError"

        del bot.emulator.data.access["sale.order"]
        assert bot("sale.order", "search", domain=[])

    def test_fields_are_described_as_read_only_to_those_who_may_not_write(self, ask: Any) -> None:
        def readonly(bot: Any) -> bool:
            described = bot("sale.order", "fields_get", allfields=["note"], attributes=["readonly"])
            return bool(described["note"]["readonly"])

        assert readonly(ask())
        assert not readonly(ask(writable={"sale.order"}))

    def test_installed_modules_are_for_administrators(self, every_way: Any) -> None:
        ask = every_way()

        assert ask.error("ir.module.module", "search", domain=[])["name"] == "odoo.exceptions.AccessError"
        assert ask.may("ir.module.module") == set()

    def test_an_order_whose_lines_may_not_be_read(self, every_way: Any) -> None:
        bot = every_way(denied={"sale.order.line"})

        assert bot("sale.order", "read", ids=[9042], fields=["name"])
        told = bot.error("sale.order", "read", ids=[9042], fields=["order_line"])
        assert told["name"] == "odoo.exceptions.AccessError"

    @pytest.mark.parametrize(("version", "refused"), [("18.0", False), ("19.0", True)])
    def test_since_19_a_list_of_what_may_not_be_read_fails_the_read(
        self, ask: Any, version: str, refused: bool
    ) -> None:
        bot = ask(version, "jsonrpc", denied={"account.tax"})

        if refused:
            told = bot.error("product.product", "read", ids=[1011], fields=["taxes_id"])
            assert told["name"] == "odoo.exceptions.AccessError"
        else:
            assert bot("product.product", "read", ids=[1011], fields=["taxes_id"])[0]["taxes_id"]


class TestAsking:
    @pytest.mark.parametrize(
        ("version", "gone"),
        [("15.0", "has_access"), ("17.0", "has_access"), ("19.0", "check_access_rights")],
    )
    def test_each_version_has_its_method(self, ask: Any, version: str, gone: str) -> None:
        told = ask(version, "jsonrpc").error("sale.order", gone, operation="read")

        assert told["name"] == "builtins.AttributeError"

    def test_odoo_18_has_both(self, ask: Any) -> None:
        bot = ask("18.0", "jsonrpc", denied={"sale.order"})

        assert bot("sale.order", "has_access", ids=[], operation="read") is False
        assert bot("sale.order", "check_access_rights", operation="read", raise_exception=False) is False
        assert bot.error("sale.order", "check_access_rights", operation="read")["name"].endswith("AccessError")

    def test_access_to_a_record_asks_the_rules_too(self, ask: Any) -> None:
        bot = ask()
        bot.emulator.data.rules["sale.order"] = [["state", "!=", "draft"]]

        assert bot("sale.order", "has_access", ids=[9042], operation="read") is True
        assert bot("sale.order", "has_access", ids=[9042, 9046], operation="read") is False

    def test_an_operation_that_is_none(self, every_way: Any) -> None:
        ask = every_way()
        method = "has_access" if ask.emulator.data.version >= 18 else "check_access_rights"
        ids = {"ids": []} if method == "has_access" else {}

        assert ask.error("sale.order", method, operation="fly", **ids)["name"] == "builtins.AssertionError"


class TestRules:
    def test_they_filter_searches_and_fail_reads_by_id(self, every_way: Any) -> None:
        ask = every_way()
        ask.emulator.data.rules["sale.order"] = [
            "|",
            ["name", "=", "S00042"],
            ["partner_id.name", "=", "Marco Bianchi"],
        ]

        assert ask("sale.order", "search", domain=[["id", "<=", 9043]]) == [9042, 9043]
        assert ask("sale.order", "search_count", domain=[]) == 5
        told = ask.error("sale.order", "read", ids=[9042, 9044], fields=["name"])
        assert told["name"] == "odoo.exceptions.AccessError"
        assert "sale.order(9044,)" in told["message"]

    def test_they_hold_on_the_way_of_a_path_and_in_lists(self, ask: Any) -> None:
        bot = ask()
        bot.emulator.data.rules["sale.order.line"] = [["display_type", "=", False]]

        assert bot("sale.order", "read", ids=[9042], fields=["order_line"])[0]["order_line"] == [90422, 90423]
        assert bot("sale.order", "search", domain=[["order_line.name", "=", "Living room"]]) == []

    def test_their_own_domains_need_no_rights(self, ask: Any) -> None:
        bot = ask(denied={"res.partner"})
        bot.emulator.data.rules["sale.order"] = [["partner_id.name", "=", "Marco Bianchi"]]

        assert bot("sale.order", "search", domain=[["id", "<=", 9043]]) == [9043]


class TestAccount:
    def test_the_bot_sees_its_own_login_and_groups(self, every_way: Any) -> None:
        ask = every_way()
        field = "group_ids" if ask.emulator.data.version >= 19 else "groups_id"
        (user,) = ask("res.users", "read", ids=[7], fields=["login", field])

        assert user["login"] == ask.emulator.username
        names = [row["full_name"] for row in ask("res.groups", "read", ids=user[field], fields=["full_name"])]
        assert "User types / Internal User" in names

    def test_its_key_has_a_row_and_from_18_on_an_end(self, every_way: Any) -> None:
        ask = every_way()
        if ask.emulator.data.version < 18:
            with pytest.raises(ValueError, match="do not expire"):
                ask.emulator.key_expires(datetime.now(UTC))
            assert "expiration_date" not in ask("res.users.apikeys", "fields_get")
            return
        ask.emulator.key_expires(datetime(2126, 1, 2, 3, 4, 5, tzinfo=UTC))

        (key,) = ask("res.users.apikeys", "search_read", domain=[["user_id", "=", 7]], fields=["expiration_date"])
        assert key["expiration_date"] == "2126-01-02 03:04:05"

    @pytest.mark.parametrize(("version", "protocol"), [("18.0", "jsonrpc"), ("19.0", "jsonrpc"), ("19.0", "json2")])
    def test_an_expired_key_is_refused_like_a_wrong_one(self, ask: Any, version: str, protocol: str) -> None:
        ask = ask(version, protocol)
        ask.emulator.key_expires(datetime.now(UTC) - timedelta(seconds=1))

        name = ask.error("res.lang", "search", domain=[])["name"]
        assert name == (
            "odoo.exceptions.AccessDenied" if ask.protocol == "jsonrpc" else "werkzeug.exceptions.Unauthorized"
        )
        ask.emulator.key_expires(None)
        assert ask("res.lang", "search", domain=[])
