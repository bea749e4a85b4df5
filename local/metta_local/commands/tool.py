"""``metta tool``: its arguments and its help."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping

from metta_local.commands import values
from metta_local.commands.command import Command, json_option


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="getProduct, searchProducts, getOrder, getOrdersByCustomer, ...")
    parser.add_argument("arguments", metavar="JSON", help="""its arguments, for example '{"orderNumber": "S00042"}'""")
    parser.add_argument("--email", help="the customer's e-mail address; what is none proves nothing")
    parser.add_argument("--phone", help="the customer's phone number, +4915112345678")
    parser.add_argument("--level", choices=("verified", "claimed", "anonymous"), help="how well the address is proved")
    parser.add_argument(
        "--language", type=values.language, default="en", metavar="CODE", help="of names and texts, two letters (en)"
    )
    json_option(parser, "changes nothing: the result is JSON anyway")


def _run(chosen: argparse.Namespace) -> int:
    from metta_local import tool

    return tool.run(
        chosen.name,
        chosen.arguments,
        email=chosen.email,
        phone=chosen.phone,
        level=chosen.level,
        language=chosen.language,
    )


def _words() -> Mapping[str, Iterable[str]]:
    from metta.ai.tools import SPECS

    return {"name": SPECS}


COMMAND = Command(
    name="tool",
    summary="run one tool as the model would and print its result as JSON",
    description="""
        Runs a tool for a customer of your choice and prints what the model would get, as one JSON object and nothing
        else. An address without --level counts as claimed; without an address the customer is anonymous.
        """,
    needs=("ODOO_URL", "ODOO_DB", "ODOO_USERNAME", "ODOO_API_KEY"),
    uses=("METTA_POLICY",),
    examples=(
        ("""metta tool searchProducts '{"query": "lamp"}'""", "products, which anybody may see"),
        ("""metta tool getOrder '{"orderNumber": "S00042"}' --email lena@example.org""", "an order, as claimed"),
        (
            """metta tool getOrder '{"orderNumber": "S00042"}' --phone +4915112345678 --level verified""",
            "the same for somebody who proved her number",
        ),
    ),
    good="the tool answered, be it that nothing was found",
    more=("docs/tools.md",),
    words=_words,
    arguments=_arguments,
    run=_run,
)
