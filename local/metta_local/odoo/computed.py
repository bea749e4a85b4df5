"""Fields that Odoo computes: from what, and with which rights."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from email.utils import getaddresses
from typing import TYPE_CHECKING, Any

from metta_local.odoo.database import Row

if TYPE_CHECKING:
    from metta_local.odoo.world import World

_STOCK_MODELS = ("stock.quant", "stock.move")
_TAX_WORDS = {
    "en": ("Incl. Taxes", "Excl. Taxes"),
    "de": ("inkl. Steuern", "exkl. Steuern"),
    "fr": ("Taxes incluses", "Hors taxes"),
    "es": ("impuestos incluidos", "impuestos no incluidos"),
}
_NUMBERS = {"en": (".", ","), "de": (",", "."), "fr": (",", "\N{NARROW NO-BREAK SPACE}"), "es": (",", ".")}
"""Decimal point and thousands separator."""


def _of(model: str, name: str) -> Callable[[World, Row], list[int]]:
    def inverse(world: World, row: Row) -> list[int]:
        rows = world.database.rows.get(model, {}).values()
        return [each["id"] for each in rows if each.get(name) == row["id"] and each.get("active", True)]

    return inverse


def _variant_count(world: World, row: Row) -> int:
    rows = world.database.rows["product.product"].values()
    return sum(each["product_tmpl_id"] == row["product_tmpl_id"] and each["active"] for each in rows)


def _normalized_email(_world: World, row: Row) -> str | None:
    """Only the first address of a field, without its display name, in lower case."""
    found = [address for _name, address in getaddresses([row.get("email") or ""]) if address.count("@") == 1]
    return found[0].lower() if found else None


def _commercial(world: World, row: Row) -> int:
    while row.get("parent_id") and not row.get("is_company"):
        row = world.database.rows["res.partner"][row["parent_id"]]
    return int(row["id"])


def _stock(quantity: Callable[[Row], float]) -> Callable[[World, Row], float]:
    def computed(world: World, row: Row) -> float:
        for model in _STOCK_MODELS:
            world.check_access(model)
        # A kit is counted by its components, whatever its own kind is.
        counted = (row["is_storable"] or row["is_kits"]) and row["type"] != "service"
        return quantity(row) if counted else 0.0

    return computed


def _tax_string(world: World, row: Row) -> str:
    """Odoo's own rule: which of the totals with and without tax differ from the price; one blank when neither does."""
    world.check_access("account.tax")
    price = row["list_price"] + row.get("extra", 0.0)
    taxes = [world.database.rows["account.tax"][each] for each in row["taxes_id"]]
    net = price / (1 + sum(tax["amount"] for tax in taxes if tax["price_include"]) / 100)
    gross = net * (1 + sum(tax["amount"] for tax in taxes) / 100)
    with_tax, without = _TAX_WORDS[world.language[:2]]
    said = [
        f"{_formatted(amount, world.language[:2])} {word}"
        for amount, word in ((gross, with_tax), (net, without))
        if round(amount, 2) != round(price, 2)
    ]
    return f"(= {', '.join(said)})" if said else " "


def _formatted(amount: float, language: str) -> str:
    """An amount as the language writes it, its blanks unbreakable."""
    point, thousands = _NUMBERS[language]
    whole, _, cents = f"{amount:,.2f}".partition(".")
    return f"{whole.replace(',', thousands)}{point}{cents}\N{NO-BREAK SPACE}€"


def _website_url(world: World, row: Row) -> str:
    plain = unicodedata.normalize("NFKD", str(world.in_language(row["name"]))).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    return f"/shop/{'-'.join(words)}-{row.get('product_tmpl_id') or row['id']}"


def _tracking_url(world: World, row: Row) -> str | None:
    world.check_access("delivery.carrier")
    reference = row.get("carrier_tracking_ref")
    if row.get("tracking_urls"):
        return json.dumps(row["tracking_urls"])  # what carriers with several parcels per delivery give
    return f"https://track.example.com/?parcel={reference}" if reference and row.get("carrier_id") else None


def _delivery_status(world: World, row: Row) -> str | None:
    """Odoo's own rule, over all pickings of the order."""
    rows = world.database.rows
    states = [each["state"] for each in rows["stock.picking"].values() if each["sale_id"] == row["id"]]
    outgoing = [state for state in states if state != "cancel"]
    if not outgoing:
        return None
    if all(state == "done" for state in outgoing):
        return "full"
    delivered = any(line["qty_delivered"] for line in rows["sale.order.line"].values() if line["order_id"] == row["id"])
    if any(state == "done" for state in outgoing):
        return "partial" if delivered else "started"
    return "pending"


def _invoices(world: World, row: Row) -> list[int]:
    """The moves of the order's invoiced lines; needs the right to read both models, and hides what a rule hides."""
    world.check_access("account.move.line")
    world.check_access("account.move")
    lines = {each["id"] for each in world.database.rows["sale.order.line"].values() if each["order_id"] == row["id"]}
    moves = {
        each["move_id"]
        for each in world.database.rows["account.move.line"].values()
        if lines & {*each["sale_line_ids"]}
    }
    return [each["id"] for each in world.visible("account.move") if each["id"] in moves]


def _delivered_by(world: World, row: Row) -> str:
    """Deliveries count what was delivered only with sale_stock; people do so otherwise."""
    return str(row["qty_delivered_method"]) if "picking_ids" in world.fields("sale.order") else "manual"


COMPUTED: dict[tuple[str, str], Callable[[World, Row], Any]] = {
    ("res.partner", "email_normalized"): _normalized_email,
    ("res.partner", "commercial_partner_id"): _commercial,
    ("res.partner", "child_ids"): _of("res.partner", "parent_id"),
    ("product.product", "product_variant_count"): _variant_count,
    ("sale.order.line", "qty_delivered_method"): _delivered_by,
    ("sale.order", "order_line"): _of("sale.order.line", "order_id"),
    ("sale.order", "picking_ids"): _of("stock.picking", "sale_id"),
    ("sale.order", "delivery_status"): _delivery_status,
    ("sale.order", "invoice_ids"): _invoices,
    ("stock.picking", "carrier_tracking_url"): _tracking_url,
    ("", "lst_price"): lambda _world, row: row["list_price"] + row.get("extra", 0.0),
    ("", "tax_string"): _tax_string,
    ("", "website_url"): _website_url,
    ("", "qty_available"): _stock(lambda row: row["on_hand"]),
    ("", "free_qty"): _stock(lambda row: row["on_hand"] - row["reserved"]),
    ("", "incoming_qty"): _stock(lambda row: row["incoming"]),
    ("", "virtual_available"): _stock(lambda row: row["on_hand"] - row["reserved"] + row["incoming"]),
}
