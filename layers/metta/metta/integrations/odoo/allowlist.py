"""Which models and fields Metta may read, and by what it may search. Whatever is not here cannot be asked for.

The bot's user can often read more than it should (cost prices, bank accounts, every partner), because Odoo has no
read-only sales role. So the limit stands in code as well, below the tools and above the network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from metta.integrations.odoo.port import Domain


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


READABLE: dict[str, frozenset[str]] = {
    "product.product": _names(
        "id active currency_id default_code description_ecommerce description_sale detailed_type display_name free_qty "
        "incoming_qty is_kits is_published is_storable lst_price product_tmpl_id product_variant_count sale_ok "
        "tax_string type uom_id website_url"
    ),
    "product.template.attribute.value": _names("id"),
    "sale.order": _names(
        "id amount_paid amount_tax amount_total commitment_date currency_id date_order delivery_status invoice_ids "
        "invoice_status name partner_id state validity_date"
    ),
    "sale.order.line": _names(
        "id display_type name order_id price_total product_id product_uom product_uom_id product_uom_qty qty_delivered "
        "qty_delivered_method"
    ),
    "account.move": _names(
        "id amount_residual amount_total currency_id invoice_date invoice_date_due invoice_origin move_type name "
        "payment_state"
    ),
    "stock.picking": _names(
        "id backorder_id carrier_id carrier_tracking_ref carrier_tracking_url date_done picking_type_code sale_id "
        "scheduled_date state"
    ),
    "res.partner": _names("id commercial_partner_id country_id mobile phone"),
    "res.country": _names("id phone_code"),
    "res.lang": _names("id code"),
}
"""Fields that may be read, per model."""

SEARCHABLE: dict[str, frozenset[str]] = {
    "product.product": _names(
        "id active barcode default_code description_sale name product_template_attribute_value_ids.name "
        "product_tmpl_id sale_ok"
    ),
    "product.template.attribute.value": _names("name"),
    "sale.order": _names(
        "name partner_id partner_id.commercial_partner_id partner_id.commercial_partner_id.email_normalized "
        "partner_id.commercial_partner_id.child_ids partner_id.commercial_partner_id.child_ids.email_normalized "
        "partner_id.commercial_partner_id.child_ids.child_ids "
        "partner_id.commercial_partner_id.child_ids.child_ids.email_normalized "
        "partner_id.email_normalized partner_id.mobile partner_id.phone"
    ),
    "sale.order.line": _names("id display_type order_id"),
    "stock.picking": _names("id picking_type_code sale_id state"),
    "account.move": _names("id move_type state"),
    "res.partner": _names("email_normalized id mobile phone"),
    "res.country": frozenset(),
    "res.lang": _names("active"),
}
"""Paths that a search may name, per model."""

INSPECTABLE: dict[str, frozenset[str]] = {
    "res.users": _names("id company_ids"),
    "res.users.apikeys": _names("id expiration_date scope"),
    "product.product": READABLE["product.product"] | {"standard_price"},
}
"""Fields that ``metta doctor`` reads besides, of the bot's own user and its keys. Of the cost price it only asks
whether the field is shown to the user."""

OPERATORS = frozenset(["=", "!=", "in", "ilike"])
RIGHTS = frozenset(["read", "write", "create", "unlink"])
MAX_LIMIT = 300
_ORDER = re.compile(r"[a-z_]+( desc)?(, [a-z_]+( desc)?)*")


@dataclass(frozen=True)
class AllowList:
    """What one client may ask for. Every check raises ``ValueError``: what fails is a mistake in the calling code.

    Args:
        readable: fields per model.
        searchable: paths that a search may name, per model.
        rights_of: models whose rights may be asked for.
    """

    readable: Mapping[str, frozenset[str]]
    searchable: Mapping[str, frozenset[str]]
    rights_of: frozenset[str] = frozenset()

    def check_fields(self, model: str, names: Sequence[str]) -> None:
        """Refuse fields that are not on the list, and an empty list, which would mean all of them."""
        allowed = self.readable.get(model)
        if allowed is None:
            raise ValueError(f"model {model} is not on the allow-list")
        if not names:
            raise ValueError(f"{model}: no fields named")
        if unknown := set(names) - allowed:
            raise ValueError(f"{model}: not on the allow-list: {', '.join(sorted(unknown))}")

    def check_domain(self, model: str, domain: Domain) -> None:
        """Refuse searches by paths or operators that are not on the list."""
        allowed = self.searchable.get(model)
        if allowed is None:
            raise ValueError(f"model {model} is not on the allow-list")
        for term in domain:
            if isinstance(term, str):
                if term not in ("&", "|", "!"):
                    raise ValueError(f"{model}: unknown operator in domain")
                continue
            path, operator, _value = term
            if path not in allowed or operator not in OPERATORS:
                raise ValueError(f"{model}: search by {path} {operator} is not on the allow-list")

    def check_range(self, limit: int, order: str) -> None:
        """Refuse an unbounded read and an order that two equal records could swap in."""
        if not 1 <= limit <= MAX_LIMIT:
            raise ValueError(f"limit must be 1 to {MAX_LIMIT}")
        if not _ORDER.fullmatch(order) or order.removesuffix(" desc").rpartition(", ")[2] != "id":
            raise ValueError("order must end in id")

    def check_right(self, model: str, operation: str) -> None:
        """Refuse questions about rights on other models, or about other rights than Odoo has."""
        if model not in self.rights_of or operation not in RIGHTS:
            raise ValueError(f"the right to {operation} {model} is not on the allow-list")


TOOLS = AllowList(READABLE, SEARCHABLE)
"""What the tools may ask for: all that the worker's client can do."""

INSPECTION = AllowList(
    {**READABLE, **INSPECTABLE},
    {**SEARCHABLE, "res.users": _names("id login"), "res.users.apikeys": _names("id user_id user_id.login")},
    rights_of=frozenset([*READABLE, *INSPECTABLE])
    | _names(
        "account.move account.move.line delivery.carrier ir.model.access product.template res.partner.bank stock.move "
        "stock.quant"
    ),
)
"""What ``metta doctor`` may ask for: the same, and what tells how much the bot's user can do."""
