"""What the tools can tell, as far as this Odoo has the fields and the bot's user the rights; asked by trying it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from metta.integrations.odoo import OdooClient
from metta.integrations.odoo.port import Domain, FieldMissing, NoAccess, Refused
from metta_local.doctor.check import Check, Status, ok, skip, warn


@dataclass(frozen=True)
class Ability:
    """Something the tools tell, and what they read for it.

    Attributes:
        name: of the check, behind ``odoo.``.
        model: what is read.
        fields: without any of these it cannot be told.
        without: what follows when it cannot be told.
        module: the folder in docs/odoo whose data grants the rights.
        comes_with: the module of Odoo's that the fields come with; empty when they are always there.
        also_reads: models that the fields are computed from, whose rights a read of no record would not show.
        absent: what follows where this Odoo has no such module; the same unless given.
        needed: whether Metta is of no use without it.
        counted: what is counted, and is suspicious when there is none of it.
    """

    name: str
    model: str
    fields: tuple[str, ...]
    without: str
    module: str = "metta_bot"
    comes_with: str = ""
    also_reads: tuple[str, ...] = ()
    absent: str = ""
    needed: bool = False
    counted: tuple[str, Domain] | None = None

    @property
    def check(self) -> str:
        """The name of the check."""
        return f"odoo.{self.name}"


ABILITIES = (
    Ability(
        "products",
        "product.product",
        ("display_name", "lst_price", "currency_id"),
        "no product can be looked up",
        needed=True,
        counted=("products for sale", [("sale_ok", "=", True), ("active", "=", True)]),
    ),
    Ability(
        "taxes",
        "product.product",
        ("tax_string",),
        "prices are told without whether tax is included",
        comes_with="account",
    ),
    Ability(
        "availability",
        "product.product",
        ("free_qty", "incoming_qty"),
        "availability will be 'not known'",
        module="metta_bot_stock",
        comes_with="stock",
        also_reads=("stock.move", "stock.quant"),
    ),
    Ability(
        "kits",
        "product.product",
        ("is_kits",),
        "availability will be 'not known'",
        module="metta_bot_mrp",
        comes_with="mrp",
        absent="no product is a kit",
    ),
    Ability(
        "shop_pages",
        "product.product",
        ("website_url", "is_published"),
        "products are told without a link",
        comes_with="website_sale",
    ),
    Ability(
        "orders",
        "sale.order",
        ("name", "state", "date_order", "amount_total", "partner_id"),
        "no order can be looked up",
        needed=True,
        counted=("orders", []),
    ),
    Ability(
        "order_lines",
        "sale.order.line",
        ("product_id", "product_uom_qty", "price_total"),
        "orders are told without what was ordered",
    ),
    Ability(
        "deliveries",
        "stock.picking",
        ("state", "sale_id", "date_done", "picking_type_code"),
        "how far an order's delivery is will be told roughly or as 'not known', without parcels",
        module="metta_bot_stock",
        comes_with="sale_stock",
    ),
    Ability(
        "tracking",
        "stock.picking",
        ("carrier_id", "carrier_tracking_ref", "carrier_tracking_url"),
        "parcels are told without carrier and tracking",
        module="metta_bot_delivery",
        comes_with="delivery (stock_delivery since Odoo 17)",
        also_reads=("delivery.carrier",),
    ),
    Ability(
        "invoices",
        "sale.order",
        ("invoice_ids",),
        "orders are told without whether they are paid",
        comes_with="sale",
        also_reads=("account.move", "account.move.line"),
    ),
    Ability(
        "phones",
        "res.partner",
        ("phone", "country_id"),
        "customers who are known by phone do not find their orders",
    ),
    Ability(
        "languages",
        "res.lang",
        ("code",),
        "product texts come in their source language",
        counted=("languages", [("active", "=", True)]),
    ),
)


async def try_out(client: OdooClient, ability: Ability) -> Check:
    """Read one record's fields as the tools would.

    Raises:
        OdooDown: the server cannot be asked.
    """
    try:
        known = await client.fields_get(ability.model, list(ability.fields))
    except (NoAccess, Refused):
        known = frozenset()
    if missing := [name for name in ability.fields if name not in known]:
        return _not_here(ability, missing)
    try:
        await client.search_read(ability.model, [], list(ability.fields), limit=1, order="id")
        denied = [model for model in ability.also_reads if not await client.may(model, "read")]
        count = await client.search_count(ability.model, ability.counted[1]) if ability.counted else None
    except (NoAccess, FieldMissing, Refused):
        denied, count = [ability.model], None
    if denied:
        return _not_allowed(ability, denied)
    return _readable(ability, count)


def _not_here(ability: Ability, missing: Iterable[str]) -> Check:
    what = f"{ability.model} has no {', '.join(missing)} here"
    if ability.comes_with and not ability.needed:
        return skip(ability.check, f"{what} (module {ability.comes_with}): {ability.absent or ability.without}")
    return _bad(ability, f"{what}: {ability.without}", "is the Sales app installed in ODOO_DB?")


def _not_allowed(ability: Ability, denied: Iterable[str]) -> Check:
    found = f"ODOO_USERNAME may not read {', '.join(denied)} or what it is computed from: {ability.without}"
    return _bad(ability, found, f"import docs/odoo/{ability.module} and put the user into its group (docs/odoo.md)")


def _bad(ability: Ability, found: str, fix: str) -> Check:
    return Check(ability.check, Status.FAIL if ability.needed else Status.WARN, found, fix)


def _readable(ability: Ability, count: int | None) -> Check:
    if ability.counted is None or count is None:
        return ok(ability.check, "can be read")
    if count:
        return ok(ability.check, f"{count} {ability.counted[0]} to be seen")
    fix = "if there are some, a record rule hides them, such as that of 'User: Own Documents Only' (docs/odoo.md)"
    return warn(ability.check, f"no {ability.counted[0]} to be seen", fix)
