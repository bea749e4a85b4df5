"""Puts an Odoo module's access rights and record rules in force, as installing it on a bare database would.

So the tools can be run under exactly the rights of a recipe. What counts are ``ir.model.access.csv`` and, in XML files,
records of ``res.groups`` and of ``ir.rule`` with domains that are literals.
"""

from __future__ import annotations

import ast
import csv
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metta_local.odoo.rights import OPERATIONS
from metta_local.odoo.schema import MODULES
from metta_local.odoo.world import Database

INTERNAL_USERS_READ = frozenset(
    {
        "product.product",
        "product.template",
        "product.template.attribute.value",
        "res.company",
        "res.country",
        "res.currency",
        "res.groups",
        "res.lang",
        "res.partner",
        "res.partner.bank",
        "res.users",
        "res.users.apikeys",
        "uom.uom",
    }
)
"""What the group of internal users may read anyway; no recipe takes it away."""
_INTERNAL_USER = "base.group_user"


@dataclass
class _Found:
    """What the files say."""

    groups: set[str] = field(default_factory=set)
    lines: list[Mapping[str, str]] = field(default_factory=list)
    rules: list[_Rule] = field(default_factory=list)


@dataclass(frozen=True)
class _Rule:
    model: str
    domain: list[Any]
    groups: frozenset[str]
    """None of them: the rule is for everybody."""


def load_rights(database: Database, *paths: Path, base: Iterable[str] = INTERNAL_USERS_READ) -> None:
    """Let the bot have the rights that modules give to their groups, and no others.

    Args:
        database: whose rights are replaced.
        paths: folders of modules (whose manifests name the files), or single files.
        base: models that may be read besides.

    Raises:
        ValueError: a module that is not installable here, no rights at all, or a domain that is no literal.
    """
    found = _Found()
    for path in paths:
        module = path.name if path.is_dir() else ""
        for file in _files(database, path):
            _read_csv(file, module, found) if file.suffix == ".csv" else _read_xml(file, module, database, found)
    if not found.lines:
        raise ValueError("no access rights in " + ", ".join(map(str, paths)))
    groups = found.groups | {_INTERNAL_USER}
    access = {model: frozenset({"read"}) for model in base}
    for line in found.lines:
        if line["group_id:id"] in groups | {""}:
            model = _model(line["model_id:id"], database)
            granted = {each for each in OPERATIONS if line[f"perm_{each}"].strip() == "1"}
            access[model] = access.get(model, frozenset()) | granted
    database.denied.clear()
    database.default_access = frozenset()
    database.access = access
    database.rules = _combined(rule for rule in found.rules if not rule.groups or rule.groups & groups)


def _files(database: Database, path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    manifest = ast.literal_eval((path / "__manifest__.py").read_text(encoding="utf-8"))
    installed = {row["name"] for row in database.rows["ir.module.module"].values()}
    if missing := set(manifest["depends"]) & MODULES - installed:
        raise ValueError(f"{path.name} needs {', '.join(sorted(missing))}")
    return [path / name for name in manifest["data"]]


def _read_csv(file: Path, module: str, found: _Found) -> None:
    with file.open(encoding="utf-8", newline="") as opened:
        for line in csv.DictReader(opened):
            found.lines.append({**line, "group_id:id": _qualified(line["group_id:id"], module)})


def _read_xml(file: Path, module: str, database: Database, found: _Found) -> None:
    for record in ET.parse(file).getroot().iter("record"):
        if record.get("model") == "res.groups":
            found.groups.add(_qualified(record.get("id", ""), module))
        elif record.get("model") == "ir.rule":
            values = {each.get("name"): each for each in record.iter("field")}
            if _is_true(values.get("perm_read")):
                found.rules.append(_rule(values, module, database))


def _rule(values: Mapping[str | None, ET.Element], module: str, database: Database) -> _Rule:
    groups = values.get("groups")
    named = _references(groups.get("eval", "[]")) if groups is not None else ()
    return _Rule(
        _model(values["model_id"].get("ref", ""), database),
        list(ast.literal_eval((values["domain_force"].text or "").strip())),
        frozenset(_qualified(each, module) for each in named),
    )


def _references(expression: str) -> Iterator[str]:
    """The ids in every ``ref('...')`` of an expression."""
    for node in ast.walk(ast.parse(expression, mode="eval")):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ref":
            yield str(ast.literal_eval(node.args[0]))


def _is_true(value: ET.Element | None) -> bool:
    """A permission of a rule; given by none, it is for everything."""
    return value is None or (value.get("eval") or value.text or "").strip() in ("True", "1")


def _combined(rules: Iterable[_Rule]) -> dict[str, list[Any]]:
    """One domain per model: the rules for everybody narrow each other, those of groups widen each other."""
    for_all: dict[str, list[list[Any]]] = {}
    of_groups: dict[str, list[list[Any]]] = {}
    for rule in rules:
        (of_groups if rule.groups else for_all).setdefault(rule.model, []).append(_written_out(rule.domain))
    combined = {model: [domain for each in domains for domain in each] for model, domains in for_all.items()}
    for model, domains in of_groups.items():
        combined[model] = combined.get(model, []) + ["|"] * (len(domains) - 1) + [t for each in domains for t in each]
    return combined


def _written_out(domain: list[Any]) -> list[Any]:
    """One operand: the domain with the ``&`` between its terms in front; an empty one is true."""
    operands = 0
    for token in reversed(domain):
        operands += 1 if not isinstance(token, str) else -(token != "!")
    return ["&"] * (operands - 1) + domain if domain else [(1, "=", 1)]


def _model(reference: str, database: Database) -> str:
    """The model that ``sale.model_sale_order`` means; its name cannot be told from underscores alone."""
    name = reference.rpartition(".")[2].removeprefix("model_")
    known = {model.replace(".", "_"): model for model in database.models}
    return known.get(name, name.replace("_", "."))


def _qualified(identifier: str, module: str) -> str:
    return identifier if "." in identifier or not identifier else f"{module}.{identifier}"
