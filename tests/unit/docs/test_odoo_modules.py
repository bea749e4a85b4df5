"""docs/odoo: data that Odoo 15 to 19 import, and that grants reading and nothing else."""

from __future__ import annotations

import ast
import csv
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from metta.integrations.odoo.allowlist import READABLE

FOLDER = Path(__file__).parents[3] / "docs" / "odoo"
MODULES = sorted(path.parent.name for path in FOLDER.glob("*/__manifest__.py"))
GROUP = "metta_bot.group_read_only"
COMPUTED_FROM = {
    "account.account.tag": "tax_string",
    "account.move.line": "invoice_ids of orders",
    "account.tax": "tax_string",
    "account.tax.repartition.line": "tax_string",
    "delivery.carrier": "carrier_tracking_url",
    "mrp.bom": "quantities and is_kits where Manufacturing is installed",
    "mrp.bom.line": "the same",
    "product.attribute": "names of variants",
    "product.attribute.value": "names of variants",
    "product.template": "every product is a variant of one",
    "product.template.attribute.line": "names of variants",
    "res.currency": "amounts",
    "stock.location": "quantities",
    "stock.move": "quantities",
    "stock.picking.type": "picking_type_code",
    "stock.quant": "quantities",
    "stock.warehouse": "quantities",
    "uom.uom": "units",
}
"""What the tools do not ask for by name, and what it is computed into."""
CHANGED_BETWEEN_15_AND_19 = {"category_id", "privilege_id", "groups_id", "group_ids", "users", "user_ids", "full_name"}


def manifest(module: str) -> dict[str, Any]:
    told: dict[str, Any] = ast.literal_eval((FOLDER / module / "__manifest__.py").read_text(encoding="utf-8"))
    return told


def lines(module: str) -> list[dict[str, str]]:
    with (FOLDER / module / "security" / "ir.model.access.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def records(module: str) -> list[tuple[str, dict[str, ET.Element]]]:
    """Model of the record and its fields by name."""
    found = []
    for name in manifest(module)["data"]:
        if name.endswith(".xml"):
            for record in ET.parse(FOLDER / module / name).getroot().iter("record"):
                fields = {str(each.get("name")): each for each in record.iter("field")}
                found.append((str(record.get("model")), fields))
    return found


def rules(module: str) -> dict[str, list[Any]]:
    """External id of the model -> domain."""
    return {
        str(fields["model_id"].get("ref")): ast.literal_eval(str(fields["domain_force"].text))
        for model, fields in records(module)
        if model == "ir.rule"
    }


def model_of(external_id: str) -> str:
    name = external_id.partition(".model_")[2].replace("_", ".")
    assert name
    return name


@pytest.mark.parametrize("module", MODULES)
class TestModule:
    def test_it_is_data_alone(self, module: str) -> None:
        assert {path.name for path in (FOLDER / module).rglob("*.py")} == {"__init__.py", "__manifest__.py"}
        assert ast.get_docstring(ast.parse((FOLDER / module / "__init__.py").read_text(encoding="utf-8")))
        assert len(ast.parse((FOLDER / module / "__init__.py").read_text(encoding="utf-8")).body) == 1

    def test_every_file_is_named_in_the_manifest_and_is_there(self, module: str) -> None:
        there = {str(path.relative_to(FOLDER / module)) for path in (FOLDER / module / "security").iterdir()}

        assert set(manifest(module)["data"]) == there

    def test_groups_come_before_what_names_them(self, module: str) -> None:
        names = [name for name in manifest(module)["data"] if "groups" in name]

        assert names == manifest(module)["data"][: len(names)]

    def test_it_grants_reading_and_nothing_else(self, module: str) -> None:
        for line in lines(module):
            rights = {name: value for name, value in line.items() if name.startswith("perm_")}
            assert rights == {"perm_read": "1", "perm_write": "0", "perm_create": "0", "perm_unlink": "0"}, line

    def test_only_its_own_group_gets_it(self, module: str) -> None:
        assert {line["group_id:id"] for line in lines(module)} == {GROUP}
        for model, fields in records(module):
            if model == "ir.rule":
                assert fields["groups"].get("eval") == f"[(4, ref('{GROUP}'))]"

    def test_models_come_from_modules_it_depends_on(self, module: str) -> None:
        brings = {"sale": {"sale", "account", "product", "uom", "base"}, "sale_stock": {"sale_stock", "stock"}}
        reached = {each for name in manifest(module)["depends"] for each in brings.get(name, {name})}

        named = {line["model_id:id"].partition(".")[0] for line in lines(module)}
        named |= {external_id.partition(".")[0] for external_id in rules(module)}

        assert named <= reached

    def test_rules_narrow_reading_and_widen_nothing_else(self, module: str) -> None:
        for model, fields in records(module):
            if model == "ir.rule":
                given = {name: each.get("eval") for name, each in fields.items() if name.startswith("perm_")}
                others = dict.fromkeys(["perm_write", "perm_create", "perm_unlink"], "False")
                assert given == {"perm_read": "True"} | others

    def test_rules_are_the_operators_own_after_the_import(self, module: str) -> None:
        for name in manifest(module)["data"]:
            root = ET.parse(FOLDER / module / name).getroot() if name.endswith("rules.xml") else None
            assert root is None or root.get("noupdate") == "1"

    def test_no_field_that_changed_between_the_releases(self, module: str) -> None:
        assert not {name for _, fields in records(module) for name in fields} & CHANGED_BETWEEN_15_AND_19


def test_the_modules_grant_what_the_tools_read_and_what_that_is_computed_from() -> None:
    granted = [model_of(line["model_id:id"]) for module in MODULES for line in lines(module)]

    assert sorted(granted) == sorted(set(READABLE) | set(COMPUTED_FROM))


def test_no_quotation_in_preparation_no_draft_invoice_no_receipt() -> None:
    found = {model_of(external_id): domain for module in MODULES for external_id, domain in rules(module).items()}

    assert found == {
        "sale.order": [("state", "!=", "draft")],
        "sale.order.line": [("order_id.state", "!=", "draft")],
        "stock.picking": [("picking_type_code", "in", ("outgoing", "dropship"))],
        "account.move": [("move_type", "in", ("out_invoice", "out_refund")), ("state", "=", "posted")],
        "account.move.line": [
            ("move_id.move_type", "in", ("out_invoice", "out_refund")),
            ("move_id.state", "=", "posted"),
        ],
    }


def test_external_ids_are_unique() -> None:
    for module in MODULES:
        ids = [line["id"] for line in lines(module)]
        assert len(ids) == len(set(ids))


def test_the_guide_names_every_module_and_each_file_it_speaks_of_is_there() -> None:
    text = (FOLDER.parent / "odoo.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(metta_bot\w*)`", text, re.MULTILINE)) == set(MODULES)
    for path in re.findall(r"`((?:layers|local)/[\w/.]+)`", text):
        assert (FOLDER.parents[1] / path).exists(), path


def test_every_check_of_the_doctor_is_in_the_guide_and_no_other() -> None:
    from metta_local.doctor.abilities import ABILITIES

    text = (FOLDER.parent / "odoo.md").read_text(encoding="utf-8").partition("## What `metta doctor` says")[2]
    named = set(re.findall(r"`(odoo\.\w+)`", text))
    code = "".join(
        path.read_text(encoding="utf-8") for path in (FOLDER.parents[1] / "local/metta_local/doctor").glob("*.py")
    )
    made = set(re.findall(r'"(odoo\.\w+)"', code)) | {each.check for each in ABILITIES} | {"odoo.variables"}

    assert named == made
