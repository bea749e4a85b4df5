"""One emulated database as seen through a context: values of fields, computed ones included, and display names."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import getaddresses
from typing import Any

from metta_local.odoo import errors
from metta_local.odoo.database import Row, Tables
from metta_local.odoo.schema import TITLES, Field

_STOCK_MODELS = ("stock.quant", "stock.move")
_DEFAULT_LANGUAGE = "en_US"
_WORDS = {"read": "access", "write": "modify", "create": "create", "unlink": "delete"}
"""What an access error calls an operation."""
_TAX_WORDS = {
    "en": ("Incl. Taxes", "Excl. Taxes"),
    "de": ("inkl. Steuern", "exkl. Steuern"),
    "fr": ("Taxes incluses", "Hors taxes"),
    "es": ("impuestos incluidos", "impuestos no incluidos"),
}
_NUMBERS = {"en": (".", ","), "de": (",", "."), "fr": (",", "\N{NARROW NO-BREAK SPACE}"), "es": (",", ".")}
"""Decimal point and thousands separator."""


@dataclass
class Database:
    """What an emulator serves; may be changed between requests.

    Attributes:
        models: the fields that exist, per model.
        rows: the records, per model and id.
        version: Odoo's major version, which some methods and messages depend on.
        denied: models that the bot's user may not read, whatever ``access`` says.
        access: what it may do with a model: ``read``, ``write``, ``create``, ``unlink``.
        default_access: what it may do with every other model.
        rules: per model the domain of the records that it may read; none means all of them.
        hidden: records that a rule hides from it besides, per model.
        companies: ids of the companies it belongs to.
        unaccent: whether the database has PostgreSQL's extension of that name: ``ilike`` then ignores accents.
    """

    models: dict[str, dict[str, Field]]
    rows: Tables
    version: int = 18
    denied: set[str] = field(default_factory=set)
    access: dict[str, frozenset[str]] = field(default_factory=dict)
    default_access: frozenset[str] = frozenset({"read"})
    rules: dict[str, list[Any]] = field(default_factory=dict)
    hidden: dict[str, set[int]] = field(default_factory=dict)
    companies: frozenset[int] = frozenset({1})
    unaccent: bool = False

    def may(self, operation: str, model: str) -> bool:
        """Whether the bot's user may do this with the model's records, rules aside."""
        if operation == "read" and model in self.denied:
            return False
        return operation in self.access.get(model, self.default_access)


class World:
    """A database in a context (``lang``, ``active_test``, ``allowed_company_ids``).

    Args:
        database: the rows and the bot's rights.
        context: the call's.
        sudo: whether rights are not asked, as when a rule's own domain is evaluated.

    Raises:
        OdooError: the context names a language that is not installed or a foreign company.
    """

    def __init__(self, database: Database, context: Mapping[str, Any], *, sudo: bool = False) -> None:
        self.database = database
        self.context = context
        self.sudo = sudo
        self.language = self._checked_language(context.get("lang"))
        if not database.companies >= set(context.get("allowed_company_ids") or ()):
            raise errors.foreign_company()

    def fields(self, model: str) -> dict[str, Field]:
        """The fields of a model; raises as Odoo does when there is no such model."""
        if model not in self.database.models:
            raise errors.no_such_model(model)
        return self.database.models[model]

    def check_access(self, model: str, operation: str = "read") -> None:
        """Raise the access error that an operation on a model gives when the rights do not cover it."""
        if not self.sudo and not self.database.may(operation, model):
            title, group = TITLES.get(model, (model, "Administration/Settings"))
            raise errors.access_error(title, model, group, _WORDS[operation])

    def visible(self, model: str) -> list[Row]:
        """The rows of a model that no rule hides."""
        from metta_local.odoo.domains import compile_domain  # itself needs this module

        database = self.database
        rows = list(database.rows.get(model, {}).values())
        if self.sudo:
            return rows
        hidden = database.hidden.get(model, set())
        allowed = compile_domain(World(database, {}, sudo=True), model, database.rules.get(model, ()))
        return [row for row in rows if row["id"] not in hidden and allowed(row)]

    def value(self, model: str, row: Row, name: str) -> Any:
        """The raw value of a field: text, number, bool, id, list of ids, or None for empty.

        Raises:
            OdooError: it is computed from something that may not be read.
        """
        if name == "display_name":
            return self.display_name(model, row["id"])
        compute = _COMPUTED.get((model, name)) or _COMPUTED.get(("", name))
        value = compute(self, row) if compute else row.get(name)
        return self.in_language(value) if isinstance(value, dict) else value

    def in_language(self, texts: dict[str, str]) -> str | None:
        """A translated text in the context's language, or its source text."""
        return texts.get(self.language) or texts.get(_DEFAULT_LANGUAGE)

    def display_name(self, model: str, identifier: int) -> str:
        """What a many2one shows; rights are not asked."""
        row = self.database.rows.get(model, {}).get(identifier)
        if row is None:
            return ""
        shown = row.get("name") or row.get("code") or f"{model},{identifier}"
        text = self.in_language(shown) if isinstance(shown, dict) else str(shown)
        if model == "product.product":
            if variant := row.get("variant"):
                text = f"{text} ({self.in_language(variant) if isinstance(variant, dict) else variant})"
            text = str(text)
            return f"[{row['default_code']}] {text}" if row.get("default_code") else text
        if model == "res.partner" and row.get("parent_id"):
            return f"{self.database.rows[model][row['parent_id']]['name']}, {text}"
        return str(text)

    def _checked_language(self, code: object) -> str:
        if not code:
            return _DEFAULT_LANGUAGE
        if not any(row["code"] == code and row["active"] for row in self.database.rows["res.lang"].values()):
            raise errors.invalid_language(str(code))
        return str(code)


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


_COMPUTED: dict[tuple[str, str], Callable[[World, Row], Any]] = {
    ("res.partner", "email_normalized"): _normalized_email,
    ("res.partner", "commercial_partner_id"): _commercial,
    ("res.partner", "child_ids"): _of("res.partner", "parent_id"),
    ("product.product", "product_variant_count"): _variant_count,
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
