"""Odoo as the tools see it: a narrow port, a client on JSON-RPC or JSON-2, and the shop that answers from it."""

from metta.integrations.odoo.client import OdooClient
from metta.integrations.odoo.port import OdooPort
from metta.integrations.odoo.shop import OdooShop

__all__ = ["OdooClient", "OdooPort", "OdooShop"]
