"""What a customer is told about deliveries where Odoo's own words would mislead."""

from __future__ import annotations

from typing import Any

import pytest

from metta.messages import Identity


@pytest.fixture
def ida(prove: Any) -> Identity:
    return prove("ida@example.se")


def test_a_cancelled_rest_does_not_make_an_order_fully_shipped(bench: Any, ida: Identity) -> None:
    # Odoo itself calls S00063 fully delivered: no delivery is left to be done.
    order = bench.order("S00063", ida)

    assert order["delivery"] == "shipped; some items were not delivered in full or were returned"
    assert [(item["quantity"], item["quantityShipped"]) for item in order["items"]] == [(2, 1)]
    assert [parcel["status"] for parcel in order["parcels"]] == ["shipped"]


def test_a_list_does_not_call_it_fully_shipped_either(bench: Any, ida: Identity) -> None:
    listed = {each["orderNumber"]: each["delivery"] for each in bench.orders("ida@example.se", ida)["orders"]}

    assert listed["S00063"] == "shipped"


def test_a_claimed_customer_is_told_the_same_truth(bench: Any, claim: Any) -> None:
    order = bench.order("S00063", claim("ida@example.se"))

    assert order["delivery"] == "shipped; some items were not delivered in full or were returned"


def test_services_are_not_missing_from_a_delivery(bench: Any, ida: Identity) -> None:
    lines = bench.emulator.data.rows["sale.order.line"]
    lines[90642] = lines[90641] | {"id": 90642, "qty_delivered_method": "manual", "qty_delivered": 0.0}

    assert bench.order("S00064", ida)["delivery"] == "fully shipped"


def test_each_parcel_of_a_delivery_has_its_own_number_and_link(bench: Any, ida: Identity) -> None:
    [parcel] = bench.order("S00064", ida)["parcels"]

    assert (parcel["trackingNumber"], parcel["trackingLink"]) == (
        "PX0064A",
        "https://track.example.com/?parcel=PX0064A",
    )
    assert parcel["furtherTracking"] == [
        {"trackingNumber": "PX0064B", "trackingLink": "https://track.example.com/?parcel=PX0064B"}
    ]


@pytest.mark.parametrize(
    ("urls", "links"),
    [
        ([["PX0064A", "javascript:alert(1)"], ["PX0064B", "https://ok.example/b"]], [None, "https://ok.example/b"]),
        ([["PX0064B", "https://ok.example/b"]], [None, "https://ok.example/b"]),
        ([["", "https://ok.example/x"], "rubbish", ["a", "b", "c"], [1, 2]], [None, None]),
        ([], [None, None]),
    ],
)
def test_odd_links_of_a_carrier_are_left_out(bench: Any, ida: Identity, urls: Any, links: Any) -> None:
    bench.emulator.data.rows["stock.picking"][8064]["tracking_urls"] = urls or [[]]

    [parcel] = bench.order("S00064", ida)["parcels"]

    told = [parcel, *parcel["furtherTracking"]]
    assert [each["trackingNumber"] for each in told] == ["PX0064A", "PX0064B"]
    assert [each.get("trackingLink") for each in told] == links


def test_goods_sent_straight_from_a_supplier_are_a_delivery(bench: Any, ida: Identity) -> None:
    order = bench.order("S00065", ida)

    assert order["delivery"] == "fully shipped"
    assert order["parcels"][0]["trackingNumber"] == "PX0065DROP"


def test_days_are_told_in_the_shops_time_zone(bench: Any, lena: Identity) -> None:
    # 23:30 UTC is half past midnight in Berlin, where the bot's user is.
    bench.emulator.data.rows["sale.order"][9042]["date_order"] = "2026-11-16 23:30:00"
    bench.emulator.data.rows["sale.order"][9046]["validity_date"] = "2026-12-21"

    assert bench.order("S00042", lena)["orderedOn"] == "2026-11-17"
    assert bench.orders("lena@example.org", lena)["orders"][2]["orderedOn"] == "2026-11-17"
    assert bench.order("S00046", lena)["quotationValidUntil"] == "2026-12-21"


@pytest.mark.parametrize("zone", ["", "Not/AZone", "../../etc/passwd"])
def test_a_time_zone_that_is_none_means_utc(
    bench: Any, lena: Identity, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def timezone() -> str:
        return zone

    monkeypatch.setattr(bench.rpc, "timezone", timezone)
    bench.emulator.data.rows["sale.order"][9042]["date_order"] = "2026-11-16 23:30:00"

    assert bench.order("S00042", lena)["orderedOn"] == "2026-11-16"
