"""What holds of every version over every protocol that it speaks (contract, sections 1 and 2)."""

from __future__ import annotations

from typing import Any

import pytest

Q = "product.product"
ARCHIVED, LAMP, ACCENT, PLAIN = 1019, 1011, 4730, 4731


def test_no_limit_none_and_zero_mean_all(every_way: Any) -> None:
    ask = every_way()
    total = ask("sale.order", "search_count", domain=[])

    for limit in ({}, {"limit": None}, {"limit": 0}):
        assert len(ask("sale.order", "search", domain=[], **limit)) == total
    assert len(ask("sale.order", "search_read", domain=[], fields=["name"], limit=2)) == 2


def test_no_fields_mean_all_even_those_nobody_should_see(every_way: Any) -> None:
    ask = every_way()

    for fields in ([], None):
        (row,) = ask(Q, "search_read", domain=[["id", "=", LAMP]], fields=fields)
        assert {"standard_price", "description", "default_code"} <= set(row)


def test_equals_with_a_list_is_in_and_false_is_empty(every_way: Any) -> None:
    ask = every_way()

    assert ask("sale.order", "search", domain=[["name", "=", ["S00042", "S00043"]]]) == [9042, 9043]
    assert 1023 in ask(Q, "search", domain=[["default_code", "=", False]])


def test_a_name_where_an_id_belongs_is_searched_for(every_way: Any) -> None:
    ask = every_way()

    by_id = ask("sale.order", "search", domain=[["partner_id", "=", 4712]])
    assert ask("sale.order", "search", domain=[["partner_id", "=", "Marco Bianchi"]]) == by_id
    assert ask("res.partner", "search", domain=[["id", "child_of", "Nordlicht"]]) == [4720, 4721, 4722]


def test_archived_records_are_found_by_id_and_through_a_path(every_way: Any) -> None:
    ask = every_way()

    assert ARCHIVED not in ask(Q, "search", domain=[])
    assert ask(Q, "read", ids=[ARCHIVED], fields=["active"]) == [{"id": ARCHIVED, "active": False}]
    assert ask("sale.order", "search", domain=[["partner_id.email_normalized", "=", "otto@example.net"]]) == [9052]


def test_a_record_that_is_gone_is_left_out(every_way: Any) -> None:
    assert every_way()(Q, "read", ids=[LAMP, 987654], fields=["active"]) == [{"id": LAMP, "active": True}]


@pytest.mark.parametrize(
    ("named", "name", "says"),
    [
        ({"domain": [], "fields": ["name", "nonsense"]}, "builtins.ValueError", "Invalid field 'nonsense' on model"),
        ({"domain": [["nonsense", "=", 1]]}, "builtins.ValueError", "Invalid field"),
        ({"domain": [["name", "~", "x"]]}, "builtins.ValueError", "Invalid operator"),
        ({"domain": ["&", ["id", "=", 1]]}, "builtins.ValueError", "malformed"),
        ({"domain": [["id", "=", "x"]]}, "psycopg2.errors.InvalidTextRepresentation", "LINE 1"),
        ({"domain": [["id", "=", 2**31]]}, "psycopg2.errors.NumericValueOutOfRange", "LINE 1"),
        ({"domain": [["id", "=", True]]}, "psycopg2.errors.UndefinedFunction", "LINE 1"),
        ({"domain": [["partner_id", "=", 2**31]]}, "psycopg2.errors.NumericValueOutOfRange", "LINE 1"),
        ({"domain": [["name", "=", "a\0"]]}, "builtins.ValueError", "NUL"),
        ({"domain": [], "limit": -1}, "psycopg2.errors.InvalidRowCountInLimitClause", "LIMIT"),
        ({"domain": [], "offset": -1}, "psycopg2.errors.InvalidRowCountInResultOffsetClause", "OFFSET"),
        ({"domain": [], "order": "nonsense"}, "builtins.ValueError", "Invalid field"),
        ({"domain": [], "order": "id; drop table"}, "odoo.exceptions.UserError", 'Invalid "order" specified'),
        ({"domain": [], "context": {"lang": "it_IT"}}, "odoo.exceptions.UserError", "Invalid language code"),
        ({"domain": [], "context": {"allowed_company_ids": [2]}}, "odoo.exceptions.AccessError", "invalid companies"),
        ({"domain": 7}, "builtins.TypeError", ""),
    ],
)
def test_one_error_by_one_name(every_way: Any, named: dict[str, Any], name: str, says: str) -> None:
    told = every_way().error("sale.order", "search_read", **named)

    assert told["name"] == name
    assert says in told["message"]


def test_since_19_a_field_that_is_missing_is_told_with_the_value_searched_for(every_way: Any) -> None:
    ask = every_way()

    for path in ("nonsense", "partner_id.nonsense", "name.nonsense"):
        message = ask.error("sale.order", "search", domain=[[path, "=", "lena@example.org"]])["message"]
        assert message.startswith("Invalid field")
        assert ("lena@example.org" in message) is (ask.emulator.data.version >= 19)


@pytest.mark.parametrize(
    ("identifier", "name"),
    [("x", "psycopg2.errors.InvalidTextRepresentation"), (2**31, "psycopg2.errors.NumericValueOutOfRange")],
)
def test_ids_that_are_none(every_way: Any, identifier: Any, name: str) -> None:
    assert every_way().error(Q, "read", ids=[identifier], fields=["name"])["name"] == name


def test_an_unknown_model(every_way: Any) -> None:
    ask = every_way()
    told = ask.error("no.model", "search", domain=[])

    assert told["name"] == (
        "odoo.exceptions.UserError" if ask.protocol == "jsonrpc" else "werkzeug.exceptions.NotFound"
    )


@pytest.mark.parametrize("method", ["_search", "_get_product_price", "__class__"])
def test_private_methods_are_refused_whether_they_exist_or_not(every_way: Any, method: str) -> None:
    told = every_way().error(Q, method)

    assert told["name"] == "odoo.exceptions.AccessError"
    assert told["message"].startswith("Private methods")
    assert method in told["message"]


def test_a_method_that_does_not_exist(every_way: Any) -> None:
    ask = every_way()
    told = ask.error("sale.order", "fly")

    expected = "builtins.AttributeError" if ask.protocol == "jsonrpc" else "werkzeug.exceptions.NotFound"
    assert told["name"] == expected
    assert told["message"] == (
        "The method 'sale.order.fly' does not exist"
        if ask.emulator.data.version >= 18
        else "type object 'sale.order' has no attribute 'fly'"
    )


def test_odoo_15_knows_a_searchs_domain_by_another_name(connect: Any) -> None:
    new = connect("16.0")
    assert new("res.lang", "search_count", domain=[], limit=2) == 2
    old = connect("15.0")
    assert old("res.lang", "search", args=[], limit=1) == [1]
    for method, named in (("search", {"domain": []}), ("search_count", {"args": [], "limit": 1})):
        assert old.error("res.lang", method, **named)["name"] == "builtins.TypeError"


def test_accents_count_unless_the_database_ignores_them(every_way: Any) -> None:
    def found(ask: Any, operator: str, text: str) -> list[int]:
        ids: list[int] = ask("res.partner", "search", domain=[["name", operator, text]])
        return ids

    assert found(every_way(), "ilike", "GARCÍA") == [ACCENT]
    assert found(every_way(), "ilike", "garcia") == [PLAIN]
    ask = every_way(unaccent=True)
    assert found(ask, "ilike", "garcia") == found(ask, "ilike", "GARCÍA") == [ACCENT, PLAIN]
    assert found(ask, "=ilike", "sofia garc_a") == [ACCENT, PLAIN]
    assert found(ask, "like", "Garcia") == [PLAIN], "only what ignores case ignores accents"
    assert not {ACCENT, PLAIN} & {*found(ask, "not ilike", "garcia")}
    assert ask("sale.order", "search", domain=[["partner_id", "ilike", "sofía garcía"]]) == [9050, 9051]


def test_calls_say_which_protocol_they_came_by(every_way: Any) -> None:
    ask = every_way()
    ask("res.lang", "search", domain=[])

    assert ask.emulator.calls[-1].protocol == ask.protocol
    assert (ask.emulator.calls[-1].model, ask.emulator.calls[-1].method) == ("res.lang", "search")
