"""What the bot's user may do: too little is told with what follows from it, too much with where it comes from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metta_local.odoo import OdooEmulator
from metta_local.odoo.accounts import BOT_KEY_ID
from metta_local.odoo.database import BOT_USER_ID

from .conftest import Doctor

SOME = pytest.mark.parametrize("version", ["15.0", "18.0", "19.0"])


@SOME
class TestTooLittle:
    @pytest.mark.parametrize("denied", ["stock.move", "stock.quant"])
    def test_stock_rights_are_missing(self, doctor: Doctor, version: str, denied: str) -> None:
        report = doctor(OdooEmulator(version, denied=[denied]))

        assert report.code == 0
        assert report.bad() == {"odoo.availability"}
        assert "not known" in report.found["odoo.availability"]
        assert "metta_bot_stock" in report.fixes["odoo.availability"]

    def test_stock_rights_are_missing_while_there_is_no_product_yet(self, doctor: Doctor, version: str) -> None:
        emulator = OdooEmulator(version, denied=["stock.move"])
        emulator.data.rows["product.product"].clear()

        report = doctor(emulator)

        assert report.statuses["odoo.availability"] == "warn"
        assert "stock.move" in report.found["odoo.availability"]

    @pytest.mark.parametrize("denied", ["sale.order", "product.product"])
    def test_orders_or_products_cannot_be_read(self, doctor: Doctor, version: str, denied: str) -> None:
        report = doctor(OdooEmulator(version, denied=[denied]))

        name = {"sale.order": "odoo.orders", "product.product": "odoo.products"}[denied]
        assert report.code == 1
        assert report.statuses[name] == "fail"
        assert denied in report.found[name]
        assert report.statuses["odoo.administrator"] == "ok", "the rest is looked at all the same"

    @pytest.mark.parametrize(
        ("denied", "check"),
        [
            ("sale.order.line", "odoo.order_lines"),
            ("stock.picking", "odoo.deliveries"),
            ("delivery.carrier", "odoo.tracking"),
            ("account.tax", "odoo.taxes"),
            ("account.move", "odoo.invoices"),
            ("account.move.line", "odoo.invoices"),
            ("res.lang", "odoo.languages"),
        ],
    )
    def test_something_less_can_be_told(self, doctor: Doctor, version: str, denied: str, check: str) -> None:
        report = doctor(OdooEmulator(version, denied=[denied]))

        assert report.code == 0
        assert report.statuses[check] == "warn"
        assert "docs/odoo" in report.fixes[check]

    def test_a_shop_without_kits_still_knows_its_stock(self, doctor: Doctor, version: str) -> None:
        report = doctor(OdooEmulator(version, modules={"sale", "stock", "sale_stock"}))

        assert report.statuses["odoo.kits"] == "skip"
        assert "no product is a kit" in report.found["odoo.kits"]
        assert "availability" not in report.found["odoo.kits"]

    def test_modules_that_are_not_there_are_no_mistake(self, doctor: Doctor, version: str) -> None:
        report = doctor(OdooEmulator(version, modules=["sale"]))

        assert report.code == 0
        assert report.bad() == set()
        for check in ("availability", "deliveries", "tracking", "shop_pages", "kits"):
            assert report.statuses[f"odoo.{check}"] == "skip"
        assert "module stock" in report.found["odoo.availability"]

    def test_an_odoo_without_sales(self, doctor: Doctor, version: str) -> None:
        report = doctor(OdooEmulator(version, modules=[]))

        assert report.code == 1
        assert report.statuses["odoo.orders"] == "fail"

    def test_a_rule_hides_every_order(self, doctor: Doctor, version: str) -> None:
        emulator = OdooEmulator(version)
        emulator.data.rules["sale.order"] = [("user_id", "=", BOT_USER_ID)]

        report = doctor(emulator)

        assert report.code == 0
        assert report.statuses["odoo.orders"] == "warn"
        assert "Own Documents" in report.fixes["odoo.orders"]


@SOME
class TestTooMuch:
    def test_orders_can_be_changed(self, doctor: Doctor, version: str) -> None:
        report = doctor(OdooEmulator(version, writable=["sale.order"]))

        assert report.code == 0
        assert report.bad() == {"odoo.changes"}
        assert "sale.order (write, create, unlink)" in report.found["odoo.changes"]
        assert "docs/odoo.md" in report.fixes["odoo.changes"]

    def test_only_the_rights_that_are_there_are_named(self, doctor: Doctor, version: str) -> None:
        emulator = OdooEmulator(version)
        emulator.data.access["res.partner"] = frozenset({"read", "create"})

        assert "may change res.partner (create):" in doctor(emulator).found["odoo.changes"]

    @pytest.mark.parametrize("model", ["res.users", "ir.model.access"])
    def test_an_administrator_fails(self, doctor: Doctor, version: str, model: str) -> None:
        emulator = OdooEmulator(version, writable=[model])
        emulator.data.models.setdefault(model, emulator.data.models["res.country"])
        emulator.data.rows.setdefault(model, {})

        report = doctor(emulator)

        assert report.code == 1
        assert report.statuses["odoo.administrator"] == "fail"

    def test_two_companies(self, doctor: Doctor, version: str) -> None:
        emulator = OdooEmulator(version)
        emulator.data.rows["res.users"][BOT_USER_ID]["company_ids"] = [1, 2]

        report = doctor(emulator)

        assert report.code == 0
        assert report.bad() == {"odoo.company"}
        assert "2 companies" in report.found["odoo.company"]

    @pytest.mark.parametrize(("zone", "word"), [(None, "no time zone"), ("Mars/Olympus", "not known here")])
    def test_days_in_a_zone_that_is_not_the_shops(
        self, doctor: Doctor, version: str, zone: str | None, word: str
    ) -> None:
        emulator = OdooEmulator(version)
        emulator.data.rows["res.users"][BOT_USER_ID]["tz"] = zone

        report = doctor(emulator)

        assert report.bad() == {"odoo.time_zone"}
        assert word in report.found["odoo.time_zone"]

    def test_cost_and_bank_accounts(self, doctor: Doctor, version: str) -> None:
        report = doctor(OdooEmulator(version))

        assert report.statuses["odoo.sees_more"] == "warn"
        assert "standard_price" in report.found["odoo.sees_more"]
        assert "res.partner.bank" in report.found["odoo.sees_more"]

    def test_neither_is_seen_by_a_user_of_the_portal(self, doctor: Doctor, version: str) -> None:
        emulator = OdooEmulator(version, denied=["res.partner.bank"])
        del emulator.data.models["product.product"]["standard_price"]

        assert doctor(emulator).statuses["odoo.sees_more"] == "ok"


class TestKey:
    @pytest.mark.parametrize("version", ["18.0", "19.0"])
    @pytest.mark.parametrize(("days", "status"), [(89, "ok"), (15, "ok"), (13, "warn"), (0.5, "warn")])
    def test_one_that_expires(self, doctor: Doctor, version: str, days: float, status: str) -> None:
        emulator = OdooEmulator(version)
        ends = datetime.now(UTC) + timedelta(days=days)
        emulator.key_expires(ends)

        report = doctor(emulator)

        assert report.code == 0
        assert report.statuses["odoo.key"] == status
        assert f"{ends:%Y-%m-%d}" in report.found["odoo.key"]

    @pytest.mark.parametrize("version", ["18.0", "19.0"])
    def test_the_first_of_two_to_expire_counts(self, doctor: Doctor, version: str) -> None:
        emulator = OdooEmulator(version)
        emulator.key_expires(datetime.now(UTC) + timedelta(days=80))
        self.add(emulator, 32, expiration_date=f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d %H:%M:%S}")

        report = doctor(emulator)

        assert report.statuses["odoo.key"] == "warn"
        assert "first of 2 keys" in report.found["odoo.key"]

    def test_keys_of_others_and_remembered_devices_do_not_count(self, doctor: Doctor) -> None:
        emulator = OdooEmulator("18.0")
        soon = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d %H:%M:%S}"
        self.add(emulator, 32, expiration_date=soon, user_id=8)
        self.add(emulator, 33, expiration_date=soon, scope="browser")

        assert doctor(emulator).statuses["odoo.key"] == "ok"

    def test_one_that_never_expires(self, doctor: Doctor) -> None:
        assert doctor(OdooEmulator("18.0")).found["odoo.key"] == "the key does not expire"

    @pytest.mark.parametrize("version", ["15.0", "16.0", "17.0"])
    def test_before_odoo_18_none_expires(self, doctor: Doctor, version: str) -> None:
        report = doctor(OdooEmulator(version))

        assert report.statuses["odoo.key"] == "ok"
        assert "do not expire" in report.found["odoo.key"]

    def test_a_password_in_its_place(self, doctor: Doctor) -> None:
        emulator = OdooEmulator("18.0")
        emulator.data.rows["res.users.apikeys"][BOT_KEY_ID]["scope"] = "browser"

        report = doctor(emulator)

        assert report.statuses["odoo.key"] == "warn"
        assert "password" in report.found["odoo.key"]

    def test_it_is_not_known_where_keys_cannot_be_read(self, doctor: Doctor) -> None:
        report = doctor(OdooEmulator("18.0", denied=["res.users.apikeys"]))

        assert (report.code, report.statuses["odoo.key"]) == (0, "skip")

    def add(self, emulator: OdooEmulator, number: int, **values: Any) -> None:
        rows = emulator.data.rows["res.users.apikeys"]
        rows[number] = rows[BOT_KEY_ID] | {"id": number} | values
