"""Errors as Odoo's server reports them: the exception's full name, its message, and a traceback that must not leak."""

from __future__ import annotations

from typing import Any


class OdooError(Exception):
    """A server-side exception.

    Args:
        name: the Python class as Odoo names it, for example ``odoo.exceptions.AccessError``.
        message: what the exception says, SQL and group names included where the real one has them.
        status: the HTTP status that JSON-2 answers with; for JSON-RPC it is 200 whatever happens.
    """

    def __init__(self, name: str, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.status = status or _STATUSES.get(name, 500)

    def data(self) -> dict[str, Any]:
        """The exception in words, as both protocols carry it."""
        short = self.name.rpartition(".")[2]
        http = self.name.startswith("werkzeug.")
        return {
            "name": self.name,
            "debug": (
                "Traceback (most recent call last):\n"
                '  File "/opt/odoo/odoo/http.py", line 1788, in _serve_db\n'
                "    return service_model.retrying(self._serve_ir_http, self.env)\n"
                f"{short}: {self.message}\n"
            ),
            "message": self.message,
            "arguments": [self.message, self.status] if http else [self.message],
            "context": {},
        }

    def body(self) -> dict[str, Any]:
        """The ``error`` object of the JSON-RPC answer."""
        return {"code": 200, "message": "Odoo Server Error", "data": self.data()}


_STATUSES = {
    "odoo.exceptions.AccessDenied": 403,
    "odoo.exceptions.AccessError": 403,
    "odoo.exceptions.MissingError": 404,
    "odoo.exceptions.UserError": 422,
    "odoo.exceptions.ValidationError": 422,
    "werkzeug.exceptions.BadRequest": 400,
    "werkzeug.exceptions.Unauthorized": 401,
    "werkzeug.exceptions.NotFound": 404,
    "werkzeug.exceptions.UnprocessableEntity": 422,
}


def http_error(name: str, message: str) -> OdooError:
    """An HTTP error of JSON-2's own, by its name in werkzeug, for example ``NotFound``."""
    return OdooError(f"werkzeug.exceptions.{name}", message)


def access_denied() -> OdooError:
    """The user id with this key is not accepted."""
    return OdooError("odoo.exceptions.AccessDenied", "Access Denied")


def access_error(title: str, model: str, group: str, operation: str = "access") -> OdooError:
    """The user's groups do not allow it; the text names them."""
    return OdooError(
        "odoo.exceptions.AccessError",
        f"You are not allowed to {operation} '{title}' ({model}) records.\n\n"
        f"This operation is allowed for the following groups:\n\t- {group}\n\n"
        "Contact your administrator to request access if necessary.",
    )


def private_method(model: str, method: str, version: int) -> OdooError:
    """A name with an underscore in front cannot be called from outside, whether it exists or not."""
    named = f"'{model}.{method}'" if version >= 18 else method
    return OdooError("odoo.exceptions.AccessError", f"Private methods (such as {named}) cannot be called remotely.")


def no_such_method(model: str, method: str, version: int) -> OdooError:
    """The model has no such method, or this version has it no more."""
    if version >= 18:
        return OdooError("builtins.AttributeError", f"The method '{model}.{method}' does not exist")
    return OdooError("builtins.AttributeError", f"type object '{model}' has no attribute '{method}'")


def rule_error(model: str, identifier: int) -> OdooError:
    """A record rule hides a record that was read by its id."""
    return OdooError(
        "odoo.exceptions.AccessError",
        f"Uh-oh! Looks like you have stumbled upon some top-secret records.\n\nSorry, Metta Bot (id=7) doesn't have "
        f"'read' access to:\n- {model}({identifier},)\n\nIf you really, really need access, perhaps you can win over "
        "your friendly administrator with a batch of freshly baked cookies.",
    )


def foreign_company() -> OdooError:
    """The context names a company that the user does not belong to."""
    return OdooError("odoo.exceptions.AccessError", "Access to unauthorized or invalid companies.")


def invalid_field(name: str, model: str) -> OdooError:
    """There is no such field; the whole read or search fails."""
    return OdooError("builtins.ValueError", f"Invalid field {name!r} on model {model!r}")


def invalid_condition(model: str, name: str, condition: tuple[Any, ...]) -> OdooError:
    """The same of a search's domain since Odoo 19; the message repeats the value that was searched for."""
    shown = ", ".join(map(repr, condition))
    return OdooError("builtins.ValueError", f"Invalid field {model}.{name} in condition ({shown})")


def no_such_model(model: str) -> OdooError:
    """There is no such model."""
    return OdooError("odoo.exceptions.UserError", f"Object {model} doesn't exist")


def invalid_language(code: str) -> OdooError:
    """The context's language is not installed."""
    return OdooError("odoo.exceptions.UserError", f"Invalid language code: {code}")


def bad_integer(column: str, value: object) -> OdooError:
    """PostgreSQL cannot read the value as a number; the message shows the statement."""
    return OdooError(
        "psycopg2.errors.InvalidTextRepresentation",
        f"invalid input syntax for type integer: \"{value}\"\nLINE 1: ...WHERE ({column} = '{value}') ORDER BY ...",
    )


def out_of_range(column: str) -> OdooError:
    """The number does not fit the column; the message shows the statement."""
    return OdooError(
        "psycopg2.errors.NumericValueOutOfRange",
        f"integer out of range\nLINE 1: ...WHERE ({column} = ...) ORDER BY ...",
    )


def negative(clause: str) -> OdooError:
    """PostgreSQL refuses a negative LIMIT or OFFSET."""
    inside = {"LIMIT": "LimitClause", "OFFSET": "ResultOffsetClause"}[clause]
    return OdooError(f"psycopg2.errors.InvalidRowCountIn{inside}", f"{clause} must not be negative")


def bad_order(order: str) -> OdooError:
    """The order is more than names of fields with their directions."""
    return OdooError(
        "odoo.exceptions.UserError",
        f'Invalid "order" specified ({order}). A valid "order" specification is a comma-separated list of valid field '
        "names (optionally followed by asc/desc for the direction)",
    )


def not_a_number(column: str) -> OdooError:
    """PostgreSQL compares no number with a boolean; the message shows the statement."""
    return OdooError(
        "psycopg2.errors.UndefinedFunction",
        f"operator does not exist: integer = boolean\nLINE 1: ...WHERE ({column} = true) ORDER BY ...",
    )


def nul_in_text() -> OdooError:
    """psycopg2 refuses NUL in a string."""
    return OdooError("builtins.ValueError", "A string literal cannot contain NUL (0x00) characters.")


def no_database(name: str) -> OdooError:
    """The database does not exist; the message shows where it was looked for."""
    return OdooError(
        "psycopg2.OperationalError",
        f'connection to server at "db.internal" (10.0.3.17), port 5432 failed: '
        f'FATAL:  database "{name}" does not exist',
    )


def missing_record(model: str, identifier: int) -> OdooError:
    """A record was deleted meanwhile; searching and reading leave it out instead."""
    return OdooError(
        "odoo.exceptions.MissingError", f"Record does not exist or has been deleted.\n(Record: {model}({identifier},))"
    )
