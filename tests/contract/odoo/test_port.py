"""What the client makes of a server: questions that any Odoo answers, and refusals that look alike everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from metta.errors import OdooDown
from metta.integrations.odoo.allowlist import READABLE
from metta.integrations.odoo.port import FieldMissing, Refused


def test_the_version_decides_the_protocol(server: Any) -> None:
    version, protocol = server.run(server.client.connection())

    assert 15 <= version.major < 30
    assert protocol in (("jsonrpc", "json2") if version.major >= 19 else ("jsonrpc",))


@pytest.mark.parametrize("model", sorted(READABLE))
def test_fields_that_are_there_are_told_and_none_else(server: Any, model: str) -> None:
    try:
        found = server.run(server.client.fields_get(model, sorted(READABLE[model])))
    except Refused:
        assert model not in ("product.product", "sale.order", "res.partner"), "Odoo without sales"
        return

    assert "id" in found
    assert found <= READABLE[model]


def test_a_field_that_is_not_there_fails_the_whole_read(server: Any) -> None:
    names = sorted(READABLE["sale.order.line"])
    missing = set(names) - server.run(server.client.fields_get("sale.order.line", names))

    assert missing, "every release lacks one of the two names of the unit"
    with pytest.raises(FieldMissing):
        server.run(server.client.search_read("sale.order.line", [], ["id", *sorted(missing)], limit=1, order="id"))


def test_empty_is_false_and_a_relation_has_an_id_and_a_name(server: Any) -> None:
    rows = server.run(
        server.client.search_read(
            "product.product", [("sale_ok", "=", True)], ["currency_id", "default_code"], limit=5, order="id"
        )
    )

    assert rows
    for row in rows:
        assert isinstance(row["currency_id"], list)
        assert [type(part) for part in row["currency_id"]] == [int, str]
        assert row["default_code"] is False or isinstance(row["default_code"], str)


def test_a_limit_holds_and_the_order_is_by_id(server: Any) -> None:
    rows = server.run(server.client.search_read("product.product", [], ["id"], limit=3, order="id desc"))

    ids = [row["id"] for row in rows]
    assert len(ids) <= 3
    assert ids == sorted(ids, reverse=True)


def test_a_count_is_what_a_search_finds(server: Any) -> None:
    domain = [("sale_ok", "=", True), ("active", "=", True)]
    count = server.run(server.client.search_count("product.product", domain))
    rows = server.run(server.client.search_read("product.product", domain, ["id"], limit=300, order="id"))

    assert min(count, 300) == len(rows)


def test_wildcards_can_be_escaped(server: Any) -> None:
    everything = server.run(server.client.search_count("product.product", []))
    for sign in ("%", "_"):
        literal = server.run(server.client.search_count("product.product", [("name", "ilike", f"\\{sign}")]))
        wild = server.run(server.client.search_count("product.product", [("name", "ilike", sign)]))
        assert wild >= literal
        assert wild == everything


def test_a_language_that_is_not_installed_is_refused(server: Any) -> None:
    with pytest.raises(Refused):
        server.run(server.client.search_read("res.lang", [], ["id"], limit=1, order="id", context={"lang": "xx_XX"}))


@pytest.mark.parametrize(
    "domain", [[("id", "=", "abc")], [("id", "=", 2**40)], [("name", "ilike", "a\0")]], ids=["text", "huge", "nul"]
)
def test_a_value_that_the_database_refuses_says_nothing_of_it(server: Any, domain: Any) -> None:
    with pytest.raises(OdooDown) as caught:
        server.run(server.client.search_read("product.product", domain, ["id"], limit=1, order="id"))

    for word in ("psycopg", "SELECT", "LINE 1", "Traceback"):
        assert word not in str(caught.value)


def test_archived_records_show_only_when_asked_for(server: Any) -> None:
    ask = server.client.search_read
    shown = server.run(ask("res.partner", [("id", "!=", 0)], ["id"], limit=300, order="id"))
    context = {"active_test": False}
    every = server.run(ask("res.partner", [("id", "!=", 0)], ["id"], limit=300, order="id", context=context))

    assert len(every) >= len(shown)
