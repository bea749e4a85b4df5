"""How one bad dependency shows, and that nothing of its own words does."""

from __future__ import annotations

import asyncio

import pytest

from metta.console.health import Degraded, Down, Health, Probe, Status, check_all
from metta.errors import OdooDown
from metta.observability.masking import Mask

NO_MASK = Mask()


async def well() -> str:
    return "fine"


async def gone() -> str:
    raise Down("not there")


async def worse() -> str:
    raise Degraded("slow today")


def check(*probes: Probe, mask: Mask = NO_MASK, seconds: float = 5) -> Health:
    return asyncio.run(check_all(probes, mask, seconds=seconds))


@pytest.mark.parametrize(
    ("probes", "status"),
    [
        ([Probe("a", well)], Status.OK),
        ([Probe("a", well), Probe("b", worse)], Status.DEGRADED),
        ([Probe("a", well), Probe("b", gone, needed=False)], Status.DEGRADED),
        ([Probe("a", well), Probe("b", gone)], Status.DOWN),
        ([Probe("a", worse), Probe("b", gone)], Status.DOWN),
    ],
)
def test_the_whole_is_as_bad_as_what_customers_notice(probes: list[Probe], status: Status) -> None:
    assert check(*probes).status is status


def test_all_are_looked_at_at_the_same_time() -> None:
    together = asyncio.Barrier(5)

    async def meets() -> str:
        await together.wait()
        return "all are here"

    found = check(*(Probe(str(number), meets) for number in range(5)))

    assert {one.detail for one in found.checks} == {"all are here"}


def test_one_that_hangs_is_given_up_and_the_others_are_told() -> None:
    async def hangs() -> str:
        await asyncio.Event().wait()
        return ""

    found = check(Probe("a", hangs), Probe("b", well), seconds=0.01)

    assert [(one.status, one.detail) for one in found.checks] == [
        (Status.DOWN, "no answer within 0.01 s"),
        (Status.OK, "fine"),
    ]


def test_an_error_that_nobody_expected_shows_its_class_alone() -> None:
    async def breaks() -> str:
        raise ValueError("postgresql://worker:hunter22@db.example/metta of lena@example.org")

    (found,) = check(Probe("a", breaks)).checks

    assert found.detail == "unexpected ValueError"


def test_a_detail_that_holds_a_secret_or_an_address_after_all_is_masked() -> None:
    async def tells() -> str:
        raise OdooDown("hunter22-the-key of lena@example.org")

    (found,) = check(Probe("a", tells), mask=Mask(["hunter22-the-key"])).checks

    assert found.detail == "[SECRET] of [EMAIL]"


def test_a_detail_without_end_is_cut() -> None:
    async def tells() -> str:
        raise Down("x " * 5000)

    (found,) = check(Probe("a", tells)).checks

    assert len(found.detail) == 300
