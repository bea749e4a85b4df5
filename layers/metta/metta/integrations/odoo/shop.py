"""``metta.ports.Shop`` on Odoo: the four lookups that the tools offer the model."""

from __future__ import annotations

from metta.integrations.odoo import orders, products, results, search
from metta.integrations.odoo.port import OdooPort
from metta.integrations.odoo.reader import Reader
from metta.messages import Identity
from metta.policy import Policy


class OdooShop:
    """Answers from Odoo, whatever the model passes: arguments only narrow, and nothing raises but ``OdooDown``.

    One per process: what it learned about the server (fields, languages, rights) serves all conversations.

    Args:
        port: the server.
        policy: whose limits bound a result and which says whether a company's orders are shown to its contacts.
        odoo_url: where product links lead unless the policy names another address; without either there are none.
    """

    def __init__(self, port: OdooPort, *, policy: Policy, odoo_url: str = "") -> None:
        self._reader = Reader(port)
        self._shop_url = str(policy.odoo.shop_url or odoo_url).rstrip("/")
        self._chars = policy.limits.tool_result_chars
        self._company_orders = policy.identity.company_orders

    async def get_product(self, product_id: object, *, language: str = "en") -> results.Product | results.NotFound:
        """One product that is for sale, by ``product.product`` id, or ``found: false``.

        Raises:
            OdooDown: Odoo cannot be asked.
        """
        found = await products.get_product(self._reader, product_id, language=language, shop_url=self._shop_url)
        return results.fit(found, self._chars)

    async def search_products(self, query: object, *, language: str = "en") -> results.ProductList | results.NotFound:
        """Up to 10 products for sale that match every word, or ``found: false``.

        Raises:
            OdooDown: Odoo cannot be asked.
        """
        found = await search.search_products(self._reader, query, language=language, shop_url=self._shop_url)
        return results.fit(found, self._chars)

    async def get_order(
        self, order_number: object, *, identity: Identity, language: str = "en"
    ) -> results.Order | results.NotFound:
        """One order of this customer; not there, not theirs and not allowed look alike.

        Verified customers see the whole order, claimed ones its state and dates, anonymous ones nothing.

        Raises:
            OdooDown: Odoo cannot be asked.
        """
        found = await orders.get_order(
            self._reader, order_number, identity=identity, language=language, company_orders=self._company_orders
        )
        return results.fit(found, self._chars)

    async def get_orders_by_customer(
        self, email: object, *, identity: Identity, language: str = "en"
    ) -> results.OrderList | results.NotFound:
        """This customer's latest orders; any address but the proved one gives the empty answer.

        Raises:
            OdooDown: Odoo cannot be asked.
        """
        del language  # nothing in the list is translated
        found = await orders.get_orders_by_customer(
            self._reader, email, identity=identity, company_orders=self._company_orders
        )
        return results.fit(found, self._chars)
