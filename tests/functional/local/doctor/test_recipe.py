"""The rights of docs/odoo and no others: the tools tell what they tell with every right, but for draft quotations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from metta.integrations.odoo import OdooClient, OdooShop
from metta.messages import Identity, IdentityLevel
from metta.policy import Policy
from metta.settings import OdooSettings
from metta_local.odoo import OdooEmulator
from metta_local.odoo.granting import load_rights
from metta_local.odoo.world import World

from .conftest import VERSIONS, Doctor

FOLDER = Path(__file__).parents[4] / "docs" / "odoo"
EVERY = ("metta_bot", "metta_bot_stock", "metta_bot_delivery", "metta_bot_mrp")
Answers = dict[str, Any]


def limited(version: str, *modules: str) -> OdooEmulator:
    """An Odoo whose bot has the rights of these modules of data."""
    emulator = OdooEmulator(version)
    load_rights(emulator.data, *(FOLDER / module for module in modules or EVERY))
    return emulator


@pytest.fixture
def answers(served: Callable[[Any], str]) -> Callable[[OdooEmulator], Answers]:
    """All that the tools can tell of a shop: every product, every order to its owner, searches and lists."""

    def ask(emulator: OdooEmulator) -> Answers:
        settings = OdooSettings(served(emulator.app), emulator.database, emulator.username, SecretStr(emulator.api_key))
        client = OdooClient(settings)
        try:
            return asyncio.run(_everything(OdooShop(client, policy=Policy()), emulator))
        finally:
            client.close()

    return ask


async def _everything(shop: OdooShop, emulator: OdooEmulator) -> Answers:
    told: Answers = {}
    for number in emulator.data.rows["product.product"]:
        told[f"product {number}"] = await shop.get_product(number, language="de")
    for words in ("lamp", "aurora", "desk oak"):
        told[f"search {words}"] = await shop.search_products(words, language="en")
    for order in list(emulator.data.rows["sale.order"].values()):
        for level in (IdentityLevel.VERIFIED, IdentityLevel.CLAIMED):
            partner = emulator.data.rows["res.partner"][order["partner_id"]]
            identity = Identity(level=level, email=partner.get("email"), phone=partner.get("phone"))
            told[f"order {order['id']} {level}"] = await shop.get_order(order["name"], identity=identity)
            listed = await shop.get_orders_by_customer(str(partner.get("email")), identity=identity)
            told[f"orders of {partner['id']} {level}"] = listed
    return {name: answer.model_dump(mode="json") for name, answer in told.items()}


def drafts(emulator: OdooEmulator) -> set[int]:
    return {order["id"] for order in emulator.data.rows["sale.order"].values() if order["state"] == "draft"}


@pytest.mark.parametrize("version", VERSIONS)
class TestTools:
    def test_they_tell_the_same_but_for_quotations_in_preparation(
        self, answers: Callable[[OdooEmulator], Answers], version: str
    ) -> None:
        full, least = OdooEmulator(version), limited(version)
        hidden = drafts(full)
        assert hidden
        owners = {full.data.rows["sale.order"][order]["partner_id"] for order in hidden}

        with_all, with_least = answers(full), answers(least)

        differ = {name for name, answer in with_all.items() if answer != with_least[name]}
        assert differ <= {
            f"{what} {number} {level}"
            for what, numbers in (("order", hidden), ("orders of", owners))
            for number in numbers
            for level in ("verified", "claimed")
        }
        for order in hidden:
            assert with_least[f"order {order} verified"]["found"] is False
        assert sum(answer.get("found") is not False for answer in with_least.values()) > 30

    def test_nothing_but_posted_customer_invoices_is_seen(self, version: str) -> None:
        emulator = limited(version)

        seen = World(emulator.data, {}).visible("account.move")
        assert seen
        assert all(row["state"] == "posted" and row["move_type"] in ("out_invoice", "out_refund") for row in seen)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_doctor_has_nothing_to_object_to(doctor: Doctor, version: str) -> None:
    report = doctor(limited(version))

    assert report.code == 0
    assert report.bad() == set(), report.found


@pytest.mark.parametrize(
    ("modules", "warned"),
    [
        (("metta_bot", "metta_bot_delivery"), {"odoo.availability", "odoo.deliveries", "odoo.tracking"}),
        (("metta_bot", "metta_bot_stock"), {"odoo.tracking"}),
    ],
)
def test_the_doctor_names_the_module_that_was_left_out(
    doctor: Doctor, modules: tuple[str, ...], warned: set[str]
) -> None:
    report = doctor(limited("18.0", *modules))

    assert report.code == 0
    assert report.bad() == warned
