"""Reads a policy file as YAML, so that whatever is wrong with it can be named by its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from metta.errors import SettingsError
from metta.policy_errors import looped

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # one of two classes
    """A safe loader to which a date or number that cannot be is text, kept for whoever names it with its field."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.impossible: list[yaml.Node] = []

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError:  # 30 February, a number of 5,000 digits
            if not isinstance(node, yaml.ScalarNode):
                raise
            self.impossible.append(node)
            return node.value


# by name, so that a program that teaches YAML's own loaders otherwise (the SAM CLI does) changes nothing here
_Loader.add_constructor("tag:yaml.org,2002:timestamp", yaml.constructor.SafeConstructor.construct_yaml_timestamp)


def read_file(path: Path) -> tuple[dict[str, Any], yaml.Node | None, list[yaml.Node]]:
    """The file's content, its nodes, which know their lines, and those of them that hold a value that cannot be.

    Raises:
        SettingsError: it cannot be read, or is no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        loader = _Loader(text)
        root = loader.get_single_node()
        if (loop := looped(root)) is not None:
            raise SettingsError(
                f"METTA_POLICY: {path}: line {loop}: holds itself; an alias may not stand inside its anchor"
            )
        content = loader.construct_document(root) if root is not None else None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"METTA_POLICY: {path} cannot be read ({type(error).__name__})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        at = getattr(error, "problem_mark", None)
        where = f" (line {at.line + 1}, column {at.column + 1})" if at else ""
        raise SettingsError(f"METTA_POLICY: {path} is not YAML{where}") from error
    if content is None:
        return {}, None, []
    if not isinstance(content, dict):
        raise SettingsError(f"METTA_POLICY: {path} must hold a mapping at its top level")
    return content, root, loader.impossible
