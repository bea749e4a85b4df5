"""The same attacks on Metta as it is shipped: detection spoils nothing that the runtime forbids."""

from __future__ import annotations

import pytest

from metta_local.redteam.cases import Case, cases
from metta_local.redteam.running import Played

SAMPLED = [case for case in cases() if case.sampled and case.number == 1]


@pytest.mark.parametrize("case", SAMPLED, ids=lambda case: case.name)
def test_nothing_forbidden_happens(as_shipped: Played, case: Case) -> None:
    assert as_shipped.result(case).effects == ()
