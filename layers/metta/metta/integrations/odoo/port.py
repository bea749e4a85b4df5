"""The seam to Odoo: what the tools may ask of it, whatever protocol carries the question.

Adapters implement ``OdooPort``; ``client.py`` does so on JSON-RPC and JSON-2. They raise ``OdooDown`` and the
refinements below and nothing else, and never let a server's own words through: those carry SQL, host names and group
names.

::

    OdooDown             cannot be asked now
    ├── NoAccess           the bot's rights do not cover a model or a field: leave it out, say "not known"
    ├── FieldMissing       this Odoo has no such field: a module or a version without it
    ├── Refused            the server rejects the question itself, for example a language that is not installed
    └── KeyRefused         user name or key is wrong, revoked or expired
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from metta.errors import OdooDown

Term = tuple[str, str, Any] | str
Domain = Sequence[Term]
"""Odoo's prefix notation: ``(path, operator, value)`` leaves and the words ``&``, ``|``, ``!``."""
Record = dict[str, Any]
Context = Mapping[str, Any]


class NoAccess(OdooDown):
    """The bot's user may not read the model, or something that one of the fields is computed from."""


class FieldMissing(OdooDown):
    """A field that was asked for does not exist on this server."""


class Refused(OdooDown):
    """The server rejects the question: unknown model, language that is not installed."""


class KeyRefused(OdooDown):
    """Odoo does not accept ``ODOO_USERNAME`` with ``ODOO_API_KEY``."""


class OdooPort(Protocol):
    """Reading from Odoo. Every call is safe to repeat, and bounded in time by the adapter.

    All methods raise ``OdooDown`` or one of its refinements above, and ``ValueError`` where the caller asks for what is
    not on the allow-list, which is a mistake in the code.
    """

    async def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        limit: int,
        order: str,
        context: Context | None = None,
    ) -> list[Record]:
        """Records that match, with the named fields and ``id``.

        Shapes are Odoo's own: ``False`` for empty, ``[id, name]`` for many2one, ids for x2many, naive UTC date-times.
        """
        ...

    async def search_count(self, model: str, domain: Domain, *, context: Context | None = None) -> int:
        """How many records match."""
        ...

    async def timezone(self) -> str:
        """The time zone in which the shop tells its days, for example ``Europe/Berlin``; empty when it names none."""
        ...

    async def fields_get(self, model: str, names: Sequence[str]) -> frozenset[str]:
        """Those of ``names`` that exist on this server."""
        ...
