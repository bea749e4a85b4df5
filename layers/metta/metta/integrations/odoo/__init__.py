"""Odoo as the tools see it: a narrow port, an adapter on odoorpc, and the shop that answers from it."""

from metta.integrations.odoo.port import OdooPort
from metta.integrations.odoo.rpc import OdooRpc
from metta.integrations.odoo.shop import OdooShop

__all__ = ["OdooPort", "OdooRpc", "OdooShop"]
