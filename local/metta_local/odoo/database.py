"""The emulated shop's rows in Odoo's models, made from ``shop.yaml``."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import yaml

Row = dict[str, Any]
Tables = dict[str, dict[int, Row]]

SHOP = Path(__file__).with_name("shop.yaml")
TAX_RATE = 0.19
BOT_USER_ID = 7
_PREFIXES = {"outgoing": "OUT", "incoming": "IN", "internal": "PICK", "dropship": "DS"}


@functools.cache
def _content() -> dict[str, Any]:
    content = yaml.safe_load(SHOP.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError("shop.yaml must hold a mapping")
    return content


def tables(version: int) -> Tables:
    """Fresh rows, as an Odoo of this version stores them. Whoever gets them may change them.

    Many2one values are ids or None; texts that are translated are mappings of language codes.
    """
    shop = copy.deepcopy(_content())
    made: Tables = {
        "res.lang": {},
        "res.country": {each["id"]: each for each in shop["countries"]},
        "res.currency": {key: {"id": key, "name": name, "active": True} for key, name in shop["currencies"].items()},
        "uom.uom": {key: {"id": key, "name": name, "active": True} for key, name in shop["units"].items()},
        "delivery.carrier": {key: {"id": key, "name": name, "active": True} for key, name in shop["carriers"].items()},
        "res.partner": {each["id"]: _partner(each, version) for each in shop["partners"]},
        "res.partner.bank": {1: {"id": 1, "acc_number": "DE02120300000000202051", "partner_id": 4712}},
        "res.company": {1: {"id": 1, "name": "Acme Retail"}, 2: {"id": 2, "name": "Acme Wholesale"}},
        "res.users": {},
        "account.tax": {each["id"]: _tax(each, version) for each in shop["taxes"]},
        "product.template": {},
        "product.template.attribute.value": {},
        "product.product": {},
        "sale.order": {},
        "sale.order.line": {},
        "stock.picking": {},
        "stock.quant": {},
        "stock.move": {},
        "account.move": {},
        "account.move.line": {},
    }
    for number, (code, active) in enumerate(shop["languages"].items(), start=1):
        made["res.lang"][number] = {"id": number, "code": code, "name": code, "active": active}
    for user, partner, login in ((BOT_USER_ID, 3, "metta@acme.example"), (8, 9, "nina@acme.example")):
        name = made["res.partner"][partner]["name"]
        row = {"id": user, "name": name, "partner_id": partner, "login": login, "active": True, "company_ids": [1]}
        made["res.users"][user] = row | {"tz": "Europe/Berlin"}
    for each in shop["products"]:
        if version >= each.get("since", 0):
            _add_product(made, each, version)
    for each in shop["orders"]:
        _add_order(made, each, version)
    return made


def _partner(given: Row, version: int) -> Row:
    phone, mobile = given.get("phone"), given.get("mobile")
    return {
        "id": given["id"],
        "name": given["name"],
        "email": given.get("email"),
        # Odoo 19 has no field for mobile numbers any more; the upgrade keeps them as phone where that is free.
        "phone": phone or (mobile if version >= 19 else None),
        "mobile": mobile,
        "active": not given.get("archived", False),
        "is_company": given.get("company", False),
        "parent_id": given.get("parent"),
        "country_id": given.get("country"),
        "street": given.get("street"),
        "comment": "<p>Internal remark.</p>",
    }


def _tax(given: Row, version: int) -> Row:
    included = given.get("included", False)
    # Since 18 a tax may leave it to the company whether prices include it; price_include is what comes of that.
    override = {"price_include_override": "tax_included" if included else False} if version >= 18 else {}
    return {
        "id": given["id"],
        "name": given["name"],
        "amount": float(given["percent"]),
        "amount_type": "percent",
        "type_tax_use": "sale",
        "price_include": included,
        **override,
    }


def _add_product(made: Tables, given: Row, version: int) -> None:
    row = _product(given, version)
    template = row["product_tmpl_id"]
    if row["variant"]:
        values = made["product.template.attribute.value"]
        number = len(values) + 1
        values[number] = {"id": number, "name": row["variant"], "product_tmpl_id": template, "active": True}
        row["product_template_attribute_value_ids"] = [number]
    made["product.product"][row["id"]] = row
    made["product.template"].setdefault(template, row | {"id": template, "variant": None, "extra": 0})


def _product(given: Row, version: int) -> Row:
    kind = given.get("kind", "goods")
    before = {"goods": "product", "uncounted": "consu", "service": "service", "kit": "consu", "combo": "combo"}
    since = before | {"goods": "consu"}
    return {
        "id": given["id"],
        "product_tmpl_id": given["template"],
        "name": given["name"],
        "variant": given.get("variant"),
        "default_code": given.get("code"),
        "barcode": given.get("barcode"),
        "description_sale": given.get("text"),
        "description_ecommerce": given.get("web_text"),
        "description": "<p>Internal: negotiate with the supplier.</p>",
        "active": not given.get("archived", False),
        "sale_ok": not given.get("not_for_sale", False),
        "type": since[kind] if version >= 18 else before[kind],
        "detailed_type": before[kind],
        "is_storable": kind == "goods",
        "is_kits": kind == "kit",
        "taxes_id": given.get("taxes", [1]),
        "list_price": given["price"],
        "extra": given.get("extra", 0.0),
        "standard_price": given["cost"],
        "currency_id": 1,
        "uom_id": given.get("unit", 1),
        "is_published": not given.get("unpublished", False),
        "on_hand": float(given.get("on_hand", 0)),
        "reserved": float(given.get("reserved", 0)),
        "incoming": float(given.get("incoming", 0)),
    }


def _add_order(made: Tables, given: Row, version: int) -> None:
    order_id, untaxed = given["id"], 0.0
    for number, line in enumerate(given["lines"], start=1):
        row = _line(made, given, line, order_id * 10 + number, number)
        untaxed += row["price_subtotal"]
        made["sale.order.line"][row["id"]] = row
    state, tax = given["state"], round(untaxed * TAX_RATE, 2)
    made["sale.order"][order_id] = {
        "id": order_id,
        "name": given["name"],
        # Until 16 a locked order is in a state of its own; since 17 that is a flag beside the state.
        "state": "done" if given.get("locked") and version < 17 else state,
        "locked": given.get("locked", False),
        "date_order": given["date"],
        "validity_date": given.get("valid_until"),
        "commitment_date": given.get("promised"),
        "invoice_status": given["invoice"],
        "amount_untaxed": round(untaxed, 2),
        "amount_tax": tax,
        "amount_total": round(untaxed + tax, 2),
        "currency_id": given.get("currency", 1),
        "partner_id": given["partner"],
        "user_id": 8,
        "note": given.get("note"),
        "amount_paid": given.get("paid_online", 0.0),
        "access_token": f"token-{order_id}",
    }
    for invoice in given.get("invoices", ()):
        _add_invoice(made, given, invoice, version)
    for picking in given.get("pickings", ()):
        code = picking.get("type", "outgoing")
        if code == "dropship" and version <= 16:
            code = "incoming"  # a receipt like others; the code of its own came later
        made["stock.picking"][picking["id"]] = {
            "id": picking["id"],
            "name": f"WH/{_PREFIXES[code]}/{picking['id']:05}",
            "origin": given["name"],
            "state": picking["state"],
            "picking_type_code": code,
            "partner_id": given["partner"],
            "sale_id": order_id,
            "scheduled_date": picking["planned"],
            "date_done": picking.get("done"),
            "backorder_id": picking.get("backorder"),
            "note": "<p>Internal: gate code 4471.</p>",
            "carrier_id": picking.get("carrier"),
            "carrier_tracking_ref": picking.get("ref"),
            "tracking_urls": picking.get("urls"),
        }


def _add_invoice(made: Tables, order: Row, given: Row, version: int) -> None:
    """An invoice or a credit note of the order's first line; of the whole order unless an amount is given."""
    total = given.get("total", made["sale.order"][order["id"]]["amount_total"])
    paid = given["payment"] in ("paid", "in_payment", "reversed")
    posted = given.get("state", "posted") == "posted"
    made["account.move"][given["id"]] = {
        "id": given["id"],
        # Unposted invoices have no number: a slash until 16, nothing since.
        "name": given["name"] if posted else "/" if version < 17 else None,
        "move_type": given.get("type", "out_invoice"),
        "state": given.get("state", "posted"),
        # Since 18 an invoice whose payment is held back has a state of its own.
        "payment_state": "not_paid" if given["payment"] == "blocked" and version < 18 else given["payment"],
        "amount_total": total,
        "amount_residual": given.get("open", 0.0 if paid else total),
        "currency_id": order.get("currency", 1),
        "invoice_date": given.get("date"),
        "invoice_date_due": given.get("due"),
        "partner_id": order["partner"],
        "invoice_origin": order["name"],
        "narration": "<p>Internal: dunning level 2.</p>",
    }
    made["account.move.line"][given["id"] * 10] = {
        "id": given["id"] * 10,
        "move_id": given["id"],
        "sale_line_ids": [order["id"] * 10 + 1],
    }


def _line(made: Tables, order: Row, given: Row, line_id: int, sequence: int) -> Row:
    shown = given.get("section") or given.get("note")
    product = made["product.product"].get(given.get("product", 0))
    price = given.get("price", 0.0) if product is None else product["list_price"] + product["extra"]
    quantity = float(given.get("quantity", 0))
    subtotal = round(price * quantity, 2)
    name = given.get("text") or shown
    if name is None and product is not None:
        name = f"[{product['default_code']}] {product['name']['en_US']}\nSee the catalogue for details."
    return {
        "id": line_id,
        "order_id": order["id"],
        "sequence": sequence,
        "name": name,
        "display_type": "line_section" if given.get("section") else "line_note" if given.get("note") else None,
        "product_id": product["id"] if product else None,
        "product_uom_qty": quantity,
        "qty_delivered": float(given.get("delivered", 0)),
        "qty_delivered_method": "manual" if shown or not product or product["type"] == "service" else "stock_move",
        "product_uom": None if shown else (product or {}).get("uom_id", 1),
        "product_uom_id": None if shown else (product or {}).get("uom_id", 1),
        "price_unit": price,
        "price_subtotal": subtotal,
        "price_total": round(subtotal * (1 + TAX_RATE), 2),
        "currency_id": order.get("currency", 1),
    }
