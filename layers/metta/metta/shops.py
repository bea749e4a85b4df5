"""A shop around another: whatever stands between the tools and Odoo changes what it must and passes on the rest.

A new lookup is added here once, and the circuit, the bound on vain questions and the dry run at a start have it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from metta.messages import Identity
from metta.ports import Shop

Lookup = Callable[[Shop], Awaitable[BaseModel]]
"""One question, put to whichever shop is given."""


class ShopAround(ABC):
    """Implements ``metta.ports.Shop`` by one method that every lookup goes through."""

    @abstractmethod
    async def _ask(self, lookup: Lookup) -> BaseModel:
        """Put the question to a shop, or answer it otherwise."""

    async def get_product(self, product_id: object, *, language: str = "en") -> BaseModel:
        """As the shop's."""
        return await self._ask(lambda shop: shop.get_product(product_id, language=language))

    async def search_products(self, query: object, *, language: str = "en") -> BaseModel:
        """As the shop's."""
        return await self._ask(lambda shop: shop.search_products(query, language=language))

    async def get_order(self, order_number: object, *, identity: Identity, language: str = "en") -> BaseModel:
        """As the shop's."""
        return await self._ask(lambda shop: shop.get_order(order_number, identity=identity, language=language))

    async def get_orders_by_customer(self, email: object, *, identity: Identity, language: str = "en") -> BaseModel:
        """As the shop's."""
        return await self._ask(lambda shop: shop.get_orders_by_customer(email, identity=identity, language=language))
