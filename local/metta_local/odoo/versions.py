"""The names of Odoo's versions, ``15.0`` to ``19.0``, Odoo Online's ``saas~19.1`` and Enterprise's ``19.0+e``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"(?P<saas>saas~)?(?P<major>\d+)\.(?P<minor>\d+)(?P<enterprise>\+e)?")


@dataclass(frozen=True)
class Version:
    """A version by its name.

    Args:
        name: as ``server_version`` has it.

    Raises:
        ValueError: not a name of a version.
    """

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not the name of an Odoo version, such as 18.0 or saas~19.1")

    @property
    def major(self) -> int:
        """The number that decides on models, fields and endpoints; a release of Odoo Online counts as its major's."""
        return int(self._parts["major"] or 0)

    @property
    def info(self) -> list[Any]:
        """``server_version_info``; its first part is a string on Odoo Online."""
        parts = self._parts
        major = f"saas~{parts['major']}" if parts["saas"] else int(parts["major"] or 0)
        return [major, int(parts["minor"] or 0), 0, "final", 0, "e" if parts["enterprise"] else ""]

    def about(self) -> dict[str, Any]:
        """What ``common.version`` and ``/web/webclient/version_info`` say."""
        return {
            "server_version": self.name,
            "server_version_info": self.info,
            "server_serie": self.name.removesuffix("+e"),
            "protocol_version": 1,
        }

    @property
    def _parts(self) -> dict[str, str | None]:
        found = _NAME.fullmatch(self.name)
        assert found is not None
        return found.groupdict()
