"""One emulated database as seen through a context: its rows and rights, values of fields, and display names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metta_local.odoo import errors
from metta_local.odoo.computed import COMPUTED
from metta_local.odoo.database import Row, Tables
from metta_local.odoo.schema import TITLES, Field

_DEFAULT_LANGUAGE = "en_US"
_WORDS = {"read": "access", "write": "modify", "create": "create", "unlink": "delete"}
"""What an access error calls an operation."""


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
        compute = COMPUTED.get((model, name)) or COMPUTED.get(("", name))
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
