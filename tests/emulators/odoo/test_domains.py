"""Searching and reading as Odoo does it (contract, section 2 and 4)."""

from __future__ import annotations

from typing import Any

import pytest

LAMPS = [1011, 1012]


class TestPatterns:
    def test_ilike_ignores_case_and_wraps(self, client: Any) -> None:
        assert client.ids("product.product", ["name", "ilike", "LAMP"]) == LAMPS
        assert client.ids("product.product", ["name", "like", "LAMP"]) == []

    def test_percent_and_underscore_are_wildcards(self, client: Any) -> None:
        assert client.ids("product.product", ["name", "ilike", "desk%lamp"]) == [1011]
        assert client.ids("product.product", ["name", "ilike", "l_mp"]) == LAMPS
        assert client.ids("sale.order", ["name", "=ilike", "s00042%"]) == [9042]
        assert len(client.ids("sale.order", ["name", "=ilike", "%"])) == client("sale.order", "search_count", [])

    def test_backslash_takes_them_literally(self, client: Any) -> None:
        assert client.ids("product.product", ["name", "ilike", "100\\%"]) == [1016]
        assert client.ids("product.product", ["default_code", "ilike", "MUG\\_"]) == [1016]
        assert client.ids("product.product", ["default_code", "ilike", "MUG_"]) == [1015, 1016]

    def test_empty_matches_everything(self, client: Any) -> None:
        everything = client("product.product", "search_count", [])
        assert client("product.product", "search_count", [["default_code", "ilike", ""]]) == everything

    def test_words_are_not_split_and_accents_count(self, client: Any) -> None:
        assert client.ids("product.product", ["name", "ilike", "lamp aurora"]) == []
        assert client.ids("res.partner", ["name", "ilike", "garcia"]) == [4731]
        assert client.ids("res.partner", ["name", "ilike", "GARCÍA"]) == [4730]

    def test_not_ilike_includes_empty(self, client: Any) -> None:
        assert 1023 in client.ids("product.product", ["default_code", "not ilike", "lamp"])

    def test_underscore_in_an_address_matches_another_persons(self, client: Any) -> None:
        assert client.ids("res.partner", ["email", "=ilike", "eve_x@example.net"]) == [4750, 4751]


class TestValues:
    def test_equals_with_a_list_is_in(self, client: Any) -> None:
        assert client.ids("sale.order", ["name", "=", ["S00042", "S00043"]]) == [9042, 9043]

    def test_equals_false_is_empty(self, client: Any) -> None:
        assert client.ids("product.product", ["default_code", "=", False]) == [1023]
        assert len(client.ids("sale.order", ["validity_date", "=", False])) > 10

    def test_unequal_includes_empty(self, client: Any) -> None:
        assert 1023 in client.ids("product.product", ["default_code", "!=", "LAMP-AUR"])

    def test_many2one_with_a_string_searches_by_name(self, client: Any) -> None:
        assert client.ids("sale.order", ["partner_id", "=", "Marco Bianchi"]) == [9043, 9047, 9056, 9061]
        assert client.ids("sale.order", ["partner_id", "ilike", "marco"]) == [9043, 9047, 9056, 9061]
        assert client.ids("sale.order", ["partner_id", "=", 4712], limit=1) == [9043]

    def test_child_of_takes_a_whole_company_and_names(self, client: Any) -> None:
        company = [9048, 9049, 9057, 9058]
        assert client.ids("sale.order", ["partner_id", "child_of", 4720]) == company
        assert client.ids("sale.order", ["partner_id", "child_of", "Nordlicht"]) == company
        assert client.ids("res.partner", ["id", "child_of", [4720]]) == [4720, 4721, 4722]

    def test_comparisons(self, client: Any) -> None:
        recent = client.ids("sale.order", ["date_order", ">=", "2026-11-20 00:00:00"])
        assert recent == [9046, 9047, 9049]
        assert client.ids("product.product", ["list_price", ">", 300]) == [1022]

    def test_operators_in_prefix_notation(self, client: Any) -> None:
        assert client.ids("product.product", "|", ["id", "=", 1011], ["id", "=", 1012]) == LAMPS
        assert client.ids("product.product", ["name", "ilike", "lamp"], "!", ["id", "=", 1011]) == [1012]
        found = client.ids(
            "product.product",
            ["sale_ok", "=", True],
            "|",
            ["name", "ilike", "aurora"],
            "&",
            ["id", ">", 1011],
            ["id", "<", 1013],
        )
        assert found == LAMPS
        assert client.ids("product.product", [1, "=", 1], ["id", "=", 1011]) == [1011]
        assert client.ids("product.product", [0, "=", 1]) == []


class TestPaths:
    def test_through_many2one(self, client: Any) -> None:
        assert client.ids("sale.order", ["partner_id.email_normalized", "=", "marco@example.com"]) == [
            9043,
            9047,
            9056,
            9061,
        ]
        assert client.ids("sale.order.line", ["order_id.name", "=", "S00043"]) == [90431]

    def test_through_many2one_finds_archived_records(self, client: Any) -> None:
        assert client.ids("sale.order", ["partner_id.email_normalized", "=", "otto@example.net"]) == [9052]

    def test_through_one2many(self, client: Any) -> None:
        assert client.ids("res.partner", ["child_ids.name", "=", "Petra Klein"]) == [4720]
        assert client.ids("sale.order", ["partner_id.commercial_partner_id.child_ids", "in", [4722]]) == [
            9048,
            9049,
            9057,
            9058,
        ]

    def test_a_denied_model_on_the_way_is_an_access_error(self, connect: Any) -> None:
        client = connect(denied={"res.partner"})
        data = client.error("sale.order", "search", [["partner_id.email_normalized", "=", "x@y.z"]])
        assert data["name"] == "odoo.exceptions.AccessError"


class TestArchived:
    def test_hidden_from_search_unless_asked_for(self, client: Any) -> None:
        assert 1019 not in client.ids("product.product")
        assert client.ids("product.product", ["active", "=", False]) == [1019]
        assert 1019 in client.ids("product.product", context={"active_test": False})

    def test_read_by_id_gives_them(self, client: Any) -> None:
        assert client("product.product", "read", [1019], ["active"]) == [{"id": 1019, "active": False}]


class TestRules:
    def test_search_read_omits_and_read_raises(self, client: Any) -> None:
        client.emulator.data.hidden["sale.order"] = {9043}

        assert client("sale.order", "search_read", [["id", "in", [9042, 9043]]], fields=["name"]) == [
            {"id": 9042, "name": "S00042"}
        ]
        assert client.error("sale.order", "read", [9043], ["name"])["name"] == "odoo.exceptions.AccessError"

    def test_missing_records_are_dropped(self, client: Any) -> None:
        assert client("sale.order", "read", [9042, 123456], ["name"]) == [{"id": 9042, "name": "S00042"}]


class TestShapes:
    def test_empty_is_false_and_relations_are_pairs_or_ids(self, client: Any) -> None:
        (row,) = client(
            "sale.order",
            "read",
            [9043],
            ["partner_id", "validity_date", "order_line", "amount_total", "date_order", "locked", "delivery_status"],
        )
        assert row == {
            "id": 9043,
            "partner_id": [4712, "Marco Bianchi"],
            "validity_date": False,
            "order_line": [90431],
            "amount_total": 449.82,
            "date_order": "2026-11-17 18:02:00",
            "locked": False,
            "delivery_status": "pending",
        }

    def test_load_none_gives_bare_ids(self, client: Any) -> None:
        (row,) = client("sale.order", "search_read", [["id", "=", 9043]], fields=["partner_id"], load=None)
        assert row["partner_id"] == 4712

    def test_no_fields_means_all_and_no_limit_means_all(self, client: Any) -> None:
        rows = client("sale.order", "search_read", [], fields=[], limit=0)
        assert len(rows) == client("sale.order", "search_count", [])
        assert {"note", "user_id", "access_token"} <= set(rows[0])

    def test_limit_offset_and_order(self, client: Any) -> None:
        assert client.ids("sale.order", limit=2, order="date_order desc, id desc") == [9046, 9049]
        assert client.ids("sale.order", limit=1, offset=1, order="date_order desc, id desc") == [9049]
        names = [row["name"] for row in client("product.product", "search_read", [], fields=["name"], order="name, id")]
        assert names == sorted(names, key=str.casefold)

    def test_variant_and_reference_are_in_the_display_name(self, client: Any) -> None:
        rows = client("product.product", "read", [1014, 1023], ["display_name"])
        assert [row["display_name"] for row in rows] == ["[CHAIR-BLK] Fjord Chair (Black)", "Wool Blanket"]

    def test_email_normalized_keeps_the_first_of_two(self, client: Any) -> None:
        rows = client("res.partner", "read", [4711, 4760], ["email_normalized"])
        assert [row["email_normalized"] for row in rows] == ["lena@example.org", "first@example.net"]

    def test_fields_get_leaves_unknown_names_out(self, client: Any) -> None:
        assert client("sale.order", "fields_get", ["name", "nonsense"], attributes=["type"]) == {
            "name": {"type": "char"}
        }

    def test_order_numbers_are_not_unique(self, client: Any) -> None:
        assert client.ids("sale.order", ["name", "=", "S00055"]) == [9055, 9056]


class TestLanguages:
    def test_texts_come_in_the_contexts_language(self, client: Any) -> None:
        def name(product: int, lang: str) -> str:
            (row,) = client("product.product", "read", [product], ["name"], context={"lang": lang})
            return str(row["name"])

        assert name(1015, "de_DE") == "Steinzeugbecher"
        assert name(1015, "en_US") == "Stoneware Mug"
        assert name(1016, "de_DE") == "Travel Mug 100% Leakproof", "installed but not translated: source text"

    def test_search_matches_the_contexts_language_only(self, client: Any) -> None:
        assert client.ids("product.product", ["name", "ilike", "lampe"], context={"lang": "fr_FR"}) == [1011]
        assert client.ids("product.product", ["name", "ilike", "lampe"], context={"lang": "en_US"}) == []


class TestStock:
    def test_what_is_not_counted_reads_zero(self, client: Any) -> None:
        rows = client("product.product", "read", [1017, 1018], ["free_qty", "is_storable"])
        assert [(row["free_qty"], row["is_storable"]) for row in rows] == [(0.0, False), (0.0, False)]

    def test_free_is_on_hand_less_reserved_and_may_be_negative(self, client: Any) -> None:
        rows = client("product.product", "read", [1011, 1022], ["qty_available", "free_qty", "virtual_available"])
        assert [row["free_qty"] for row in rows] == [20.0, -2.0]
        assert rows[0]["qty_available"] == 24.0
        assert "free_qty" not in client("product.template", "fields_get")

    @pytest.mark.parametrize("denied", ["stock.quant", "stock.move"])
    def test_without_rights_the_entire_read_fails(self, connect: Any, denied: str) -> None:
        client = connect(denied={denied})
        data = client.error("product.product", "search_read", [["id", "=", 1011]], ["name", "qty_available"])
        assert data["name"] == "odoo.exceptions.AccessError"
        assert client("product.product", "read", [1011], ["name"])


def fields(client: Any, model: str) -> set[str]:
    return set(client(model, "fields_get", [], attributes=["type"]))


class TestVersions:
    @pytest.mark.parametrize(
        ("version", "state", "locked"),
        [("15.0", "done", False), ("16.0", "done", False), ("17.0", "sale", True), ("19.0", "sale", True)],
    )
    def test_locked_orders(self, connect: Any, version: str, state: str, locked: bool) -> None:
        client = connect(version)
        (row,) = client("sale.order", "read", [9040], ["state"])
        assert row["state"] == state
        assert ("locked" in fields(client, "sale.order")) is locked

    def test_delivery_status_since_16(self, connect: Any) -> None:
        assert "delivery_status" not in fields(connect("15.0"), "sale.order")
        assert "delivery_status" in fields(connect("16.0"), "sale.order")

    def test_unit_of_a_line_has_another_name_since_19(self, connect: Any) -> None:
        assert {"product_uom", "product_uom_id"} & fields(connect("18.0"), "sale.order.line") == {"product_uom"}
        assert {"product_uom", "product_uom_id"} & fields(connect("19.0"), "sale.order.line") == {"product_uom_id"}

    def test_product_kinds(self, connect: Any) -> None:
        old, new = connect("17.0"), connect("18.0")
        assert "is_storable" in fields(new, "product.product")
        assert "detailed_type" not in fields(new, "product.product")
        assert new("product.product", "read", [1011], ["type"])[0]["type"] == "consu"
        old = connect("17.0")
        assert old("product.product", "read", [1011, 1018], ["detailed_type"])[0]["detailed_type"] == "product"

    def test_mobile_ended_with_19(self, connect: Any) -> None:
        assert "mobile" in fields(connect("18.0"), "res.partner")
        assert "mobile" not in fields(connect("19.0"), "res.partner")


class TestModules:
    def test_missing_modules_are_missing_fields_and_fail_the_read(self, connect: Any) -> None:
        client = connect(modules={"sale"})
        assert not {"delivery_status", "picking_ids"} & fields(client, "sale.order")
        assert not {"qty_available", "free_qty", "website_url", "is_published"} & fields(client, "product.product")
        data = client.error("product.product", "search_read", [["id", "=", 1011]], ["name", "website_url"])
        assert data["name"] == "builtins.ValueError"
        assert "website_url" in data["message"]
        assert client.error("stock.picking", "search", [])["name"] == "odoo.exceptions.UserError"

    def test_carriers_come_with_their_own_module(self, connect: Any) -> None:
        client = connect(modules={"sale", "stock", "sale_stock"})
        assert not {"carrier_id", "carrier_tracking_ref", "carrier_tracking_url"} & fields(client, "stock.picking")

    def test_delivery_status_follows_all_pickings_returns_included(self, client: Any) -> None:
        rows = client("sale.order", "read", [9042, 9043, 9044, 9049, 9045, 9040], ["delivery_status"])
        assert [row["delivery_status"] for row in rows] == ["full", "pending", "partial", "started", False, "partial"]
