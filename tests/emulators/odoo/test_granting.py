"""The rights that an Odoo module's files give to the bot, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from metta_local.odoo import OdooEmulator, load_rights

RECIPE = Path(__file__).parents[3] / "docs" / "odoo"
MANIFEST = "{'name': 'Bot', 'depends': ['sale'], 'data': ['groups.xml', 'ir.model.access.csv', 'rules.xml']}"
GROUPS = '<odoo><record id="group_bot" model="res.groups"><field name="name">Bot</field></record></odoo>'
ACCESS = """id,name,model_id:id,group_id:id,perm_read,perm_write,perm_create,perm_unlink
a,a,sale.model_sale_order,group_bot,1,0,0,0
b,b,sale.model_sale_order_line,bot.group_bot,1,1,0,0
c,c,stock.model_stock_picking,stock.group_stock_user,1,1,1,1
"""


def rule(model: str, domain: str, groups: str = "", permissions: str = "") -> str:
    given = f'<field name="groups" eval="[Command.link(ref(\'{groups}\'))]"/>' if groups else ""
    return (
        f'<record id="r" model="ir.rule"><field name="model_id" ref="sale.{model}"/>'
        f'<field name="domain_force">{domain}</field>{given}{permissions}</record>'
    )


@pytest.fixture
def module(tmp_path: Path) -> Any:
    """Writes a data module named ``bot`` with these rules."""

    def write(*rules: str, depends: str = "sale", access: str = ACCESS) -> Path:
        folder = tmp_path / "bot"
        folder.mkdir()
        (folder / "__manifest__.py").write_text(MANIFEST.replace("'sale'", f"'{depends}'"))
        (folder / "groups.xml").write_text(GROUPS)
        (folder / "ir.model.access.csv").write_text(access)
        (folder / "rules.xml").write_text(f"<odoo><data>{''.join(rules)}</data></odoo>")
        return folder

    return write


def test_only_what_the_module_grants_and_what_everyone_has(ask: Any, module: Any) -> None:
    bot = ask(denied={"sale.order"}, writable={"sale.order"})
    load_rights(bot.emulator.data, module())

    assert bot.may("sale.order") == {"read"}
    assert bot.may("sale.order.line") == {"read", "write"}
    assert bot.may("stock.picking") == set(), "the line is for a group that the bot is not in"
    assert bot.may("stock.quant") == set()
    assert bot.may("res.partner") == bot.may("res.users") == bot.may("product.product") == {"read"}


def test_rules_of_a_group_widen_and_rules_for_all_narrow(ask: Any, module: Any) -> None:
    bot = ask()
    folder = module(
        rule("model_sale_order", "['!', ('state', '!=', 'cancel'), ('id', '>', 0)]", "group_bot"),
        rule("model_sale_order", "[('name', '=', 'S00055')]", "bot.group_bot"),
        rule("model_sale_order", "['!', ('partner_id', '=', 4712)]"),
        rule("model_sale_order", "[(1, '=', 1)]", "sales_team.group_sale_manager"),
        rule("model_sale_order", "[(0, '=', 1)]", permissions='<field name="perm_read" eval="False"/>'),
    )
    load_rights(bot.emulator.data, folder)

    assert bot("sale.order", "search", domain=[]) == [9045, 9055]


def test_a_module_that_needs_another_is_not_installed_without_it(ask: Any, module: Any) -> None:
    emulator = OdooEmulator(modules={"sale"})

    with pytest.raises(ValueError, match="bot needs sale_stock"):
        load_rights(emulator.data, module(depends="sale_stock"))


def test_files_without_rights_are_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "rules.xml"
    file.write_text("<odoo/>")

    with pytest.raises(ValueError, match="no access rights"):
        load_rights(OdooEmulator().data, file)


def test_the_recipe_in_the_documents_reads_orders_and_changes_nothing(every_way: Any) -> None:
    ask = every_way()
    load_rights(ask.emulator.data, *sorted(RECIPE.glob("metta_bot*")))

    assert ask.may("sale.order") == ask.may("stock.picking") == {"read"}
    assert 9042 in ask("sale.order", "search", domain=[])
    assert all("write" not in ask.may(model) for model in ask.emulator.data.models)
