"""Which models and fields an Odoo of a given version and set of modules has.

Only what Metta reads, plus some of what it must never read (cost, notes, bank accounts), so that a test can tell.
"""

from __future__ import annotations

from dataclasses import dataclass

VERSIONS = (15, 16, 17, 18, 19)
MODULES = frozenset({"sale", "stock", "sale_stock", "delivery", "website_sale", "mrp"})
"""``delivery`` stands for the module that adds carriers to pickings: ``delivery``, or ``stock_delivery`` since 17."""


@dataclass(frozen=True)
class Field:
    """A field; ``module`` and the versions say where it exists."""

    type: str
    relation: str = ""
    module: str = ""
    since: int = 15
    until: int = 19
    translate: bool = False
    searchable: bool = True


def _chars(*names: str) -> dict[str, Field]:
    return {name: Field("char") for name in names}


_COMMON = {"id": Field("integer"), "display_name": Field("char")}

_PRODUCT = {
    **_COMMON,
    "name": Field("char", translate=True),
    "default_code": Field("char"),
    "active": Field("boolean"),
    "sale_ok": Field("boolean"),
    "type": Field("selection"),
    "detailed_type": Field("selection", until=17),
    "is_storable": Field("boolean", module="stock", since=18),
    "list_price": Field("float"),
    "lst_price": Field("float", searchable=False),
    "taxes_id": Field("many2many", "account.tax"),
    "standard_price": Field("float"),
    "barcode": Field("char"),
    "product_variant_count": Field("integer", searchable=False),
    "is_kits": Field("boolean", module="mrp", searchable=False),
    "tax_string": Field("char", searchable=False),
    "currency_id": Field("many2one", "res.currency", searchable=False),
    "uom_id": Field("many2one", "uom.uom"),
    "description": Field("html"),
    "description_sale": Field("text", translate=True),
    "description_ecommerce": Field("html", module="website_sale", since=17, translate=True),
    "website_description": Field("html", module="website_sale", translate=True),
    "website_url": Field("char", module="website_sale", searchable=False),
    "is_published": Field("boolean", module="website_sale"),
    "qty_available": Field("float", module="stock"),
    "virtual_available": Field("float", module="stock"),
    "incoming_qty": Field("float", module="stock"),
}

MODELS: dict[str, dict[str, Field]] = {
    "product.template": _PRODUCT,
    "product.product": {
        **_PRODUCT,
        "product_tmpl_id": Field("many2one", "product.template"),
        "product_template_attribute_value_ids": Field("many2many", "product.template.attribute.value"),
        "free_qty": Field("float", module="stock"),
    },
    "product.template.attribute.value": {
        **_COMMON,
        "name": Field("char", translate=True),
        "product_tmpl_id": Field("many2one", "product.template"),
    },
    "account.tax": {
        **_COMMON,
        **_chars("name"),
        "amount": Field("float"),
        "amount_type": Field("selection"),
        "type_tax_use": Field("selection"),
        "price_include": Field("boolean"),
        "price_include_override": Field("selection", since=18),
    },
    "res.partner": {
        **_COMMON,
        **_chars("name", "email", "email_normalized", "phone", "street", "city"),
        "mobile": Field("char", until=18),
        "active": Field("boolean"),
        "is_company": Field("boolean"),
        "parent_id": Field("many2one", "res.partner"),
        "child_ids": Field("one2many", "res.partner"),
        "commercial_partner_id": Field("many2one", "res.partner"),
        "country_id": Field("many2one", "res.country"),
        "comment": Field("html"),
    },
    "res.partner.bank": {**_COMMON, "acc_number": Field("char"), "partner_id": Field("many2one", "res.partner")},
    "res.users": {
        **_COMMON,
        **_chars("name", "login"),
        "active": Field("boolean"),
        "partner_id": Field("many2one", "res.partner"),
        "groups_id": Field("many2many", "res.groups", until=18),
        "group_ids": Field("many2many", "res.groups", since=19),
        "company_ids": Field("many2many", "res.company"),
    },
    "res.groups": {**_COMMON, **_chars("name", "full_name")},
    "res.users.apikeys": {
        **_COMMON,
        **_chars("name", "scope"),
        "user_id": Field("many2one", "res.users"),
        "create_date": Field("datetime"),
        "expiration_date": Field("datetime", since=18),
    },
    "ir.module.module": {**_COMMON, **_chars("name", "shortdesc"), "state": Field("selection")},
    "res.company": {**_COMMON, "name": Field("char")},
    "res.country": {**_COMMON, **_chars("name", "code"), "phone_code": Field("integer")},
    "res.lang": {**_COMMON, **_chars("name", "code"), "active": Field("boolean")},
    "res.currency": {**_COMMON, "name": Field("char"), "active": Field("boolean")},
    "uom.uom": {**_COMMON, "name": Field("char", translate=True), "active": Field("boolean")},
    "delivery.carrier": {**_COMMON, "name": Field("char", module="delivery"), "active": Field("boolean")},
    "sale.order": {
        **_COMMON,
        **_chars("name", "client_order_ref", "access_token"),
        "state": Field("selection"),
        "locked": Field("boolean", since=17),
        "date_order": Field("datetime"),
        "validity_date": Field("date"),
        "commitment_date": Field("datetime"),
        "invoice_status": Field("selection"),
        "delivery_status": Field("selection", module="sale_stock", since=16),
        "amount_untaxed": Field("monetary"),
        "amount_tax": Field("monetary"),
        "amount_total": Field("monetary"),
        "currency_id": Field("many2one", "res.currency"),
        "partner_id": Field("many2one", "res.partner"),
        "user_id": Field("many2one", "res.users"),
        "note": Field("html"),
        "order_line": Field("one2many", "sale.order.line"),
        "picking_ids": Field("one2many", "stock.picking", module="sale_stock"),
        "invoice_ids": Field("many2many", "account.move", searchable=False),
        "amount_paid": Field("float", since=17, searchable=False),
    },
    "sale.order.line": {
        **_COMMON,
        "order_id": Field("many2one", "sale.order"),
        "sequence": Field("integer"),
        "name": Field("text"),
        "display_type": Field("selection"),
        "product_id": Field("many2one", "product.product"),
        "product_uom_qty": Field("float"),
        "qty_delivered": Field("float"),
        "qty_delivered_method": Field("selection"),
        "product_uom": Field("many2one", "uom.uom", until=18),
        "product_uom_id": Field("many2one", "uom.uom", since=19),
        "price_unit": Field("float"),
        "price_subtotal": Field("monetary"),
        "price_total": Field("monetary"),
        "currency_id": Field("many2one", "res.currency"),
    },
    "stock.picking": {
        **_COMMON,
        **_chars("name", "origin"),
        "state": Field("selection"),
        "picking_type_code": Field("selection"),
        "partner_id": Field("many2one", "res.partner"),
        "sale_id": Field("many2one", "sale.order", module="sale_stock"),
        "scheduled_date": Field("datetime"),
        "date_done": Field("datetime"),
        "backorder_id": Field("many2one", "stock.picking"),
        "note": Field("html"),
        "carrier_id": Field("many2one", "delivery.carrier", module="delivery"),
        "carrier_tracking_ref": Field("char", module="delivery"),
        "carrier_tracking_url": Field("char", module="delivery", searchable=False),
    },
    "account.move": {
        **_COMMON,
        **_chars("name", "ref", "invoice_origin", "access_token"),
        "move_type": Field("selection"),
        "state": Field("selection"),
        "payment_state": Field("selection"),
        "amount_total": Field("monetary"),
        "amount_residual": Field("monetary"),
        "currency_id": Field("many2one", "res.currency"),
        "invoice_date": Field("date"),
        "invoice_date_due": Field("date"),
        "partner_id": Field("many2one", "res.partner"),
        "narration": Field("html"),
    },
    "account.move.line": {
        **_COMMON,
        "move_id": Field("many2one", "account.move"),
        "sale_line_ids": Field("many2many", "sale.order.line"),
    },
    "stock.quant": {**_COMMON, "quantity": Field("float")},
    "stock.move": {**_COMMON, "product_uom_qty": Field("float")},
}

TITLES = {
    "ir.module.module": ("Module", "Administration/Settings"),
    "res.users.apikeys": ("Users API Keys", "User types/Internal User"),
    "res.partner": ("Contact", "User types/Internal User"),
    "product.product": ("Product Variant", "Sales/User: Own Documents Only"),
    "product.template.attribute.value": ("Product Template Attribute Value", "User types/Internal User"),
    "account.tax": ("Tax", "User types/Internal User"),
    "sale.order": ("Sales Order", "Sales/User: Own Documents Only"),
    "sale.order.line": ("Sales Order Line", "Sales/User: Own Documents Only"),
    "stock.picking": ("Transfer", "Inventory/User"),
    "stock.quant": ("Quants", "Inventory/User"),
    "stock.move": ("Stock Move", "Inventory/User"),
    "delivery.carrier": ("Shipping Methods", "Sales/User: Own Documents Only"),
    "account.move": ("Journal Entry", "Invoicing/Billing"),
    "account.move.line": ("Journal Item", "Invoicing/Billing"),
}
"""What an access error calls a model, and the group that it names."""

_OF_MODULE = {
    "stock.picking": "stock",
    "stock.quant": "stock",
    "stock.move": "stock",
    "delivery.carrier": "delivery",
    "sale.order": "sale",
    "sale.order.line": "sale",
    "account.move": "sale",
    "account.move.line": "sale",
}
_NEEDS = {"sale_stock": {"sale", "stock"}, "delivery": {"sale", "stock"}, "mrp": {"stock"}}


def models_of(version: int, modules: frozenset[str]) -> dict[str, dict[str, Field]]:
    """Models with the fields that this version has with these modules.

    Raises:
        ValueError: an unknown version or module, or a module without those it depends on.
    """
    if version not in VERSIONS:
        raise ValueError(f"version must be one of {', '.join(f'{v}.0' for v in VERSIONS)}")
    if unknown := modules - MODULES:
        raise ValueError(f"unknown modules: {', '.join(sorted(unknown))}")
    for module, needed in _NEEDS.items():
        if module in modules and not needed <= modules:
            raise ValueError(f"{module} needs {', '.join(sorted(needed))}")
    return {
        model: {
            name: field
            for name, field in fields.items()
            if field.since <= version <= field.until and (not field.module or field.module in modules)
        }
        for model, fields in MODELS.items()
        if _OF_MODULE.get(model, "") in ("", *modules)
    }
