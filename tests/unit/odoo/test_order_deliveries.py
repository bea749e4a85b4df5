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


@pytest.mark.parametrize("version", ["17.0", "19.0"])
def test_goods_sent_straight_from_a_supplier_are_a_delivery(serve: Any, ida: Identity, version: str) -> None:
    order = serve(version).order("S00065", ida)

    assert order["delivery"] == "fully shipped"
    assert order["parcels"][0]["trackingNumber"] == "PX0065DROP"


@pytest.mark.parametrize("version", ["15.0", "16.0"])
def test_where_they_look_like_a_receipt_the_lines_say_that_they_were_delivered(
    serve: Any, ida: Identity, version: str
) -> None:
    bench = serve(version)
    order = bench.order("S00065", ida)
    listed = {each["orderNumber"]: each["delivery"] for each in bench.orders("ida@example.se", ida)["orders"]}

    assert order["delivery"] in ("fully shipped", "shipped")
    assert "parcels" not in order, "not known is not none"
    assert listed["S00065"] in ("shipped", "not known")


def test_more_deliveries_than_are_read_are_not_taken_for_all(bench: Any, ida: Identity) -> None:
    pickings = bench.emulator.data.rows["stock.picking"]
    for number in range(8700, 8730):
        pickings[number] = pickings[8064] | {"id": number, "tracking_urls": None, "carrier_tracking_ref": None}
    pickings[8730] = pickings[8064] | {"id": 8730, "state": "assigned", "date_done": None}

    order = bench.order("S00064", ida)

    assert order["delivery"] == "partly shipped"
    assert (len(order["parcels"]), order["moreParcels"]) == (20, 1)
    assert order["parcels"][-1]["status"] == "ready, not shipped yet", "what is open is shown in any case"


def test_more_lines_than_are_read_are_not_called_fully_shipped(bench: Any, ida: Identity) -> None:
    lines = bench.emulator.data.rows["sale.order.line"]
    for number in range(300):
        lines[600_000 + number] = lines[90641] | {"id": 600_000 + number, "sequence": 10 + number}
    lines[600_299] |= {"qty_delivered": 0.0}

    order = bench.order("S00064", ida)

    assert order["delivery"] == "shipped"
    assert order["moreItems"] > 200


@pytest.mark.parametrize("by_phone", [False, True])
def test_a_replacement_on_its_way_does_not_undo_what_was_shipped(bench: Any, lena: Identity, by_phone: bool) -> None:
    # Delivered, all of it returned, and a new delivery begun: Odoo's status stands at "started" again.
    rows = bench.emulator.data.rows
    rows["stock.picking"][8190] = rows["stock.picking"][8042] | {"id": 8190, "state": "assigned", "date_done": None}
    for line in rows["sale.order.line"].values():
        if line["order_id"] == 9042:
            line["qty_delivered"] = 0.0
    who = Identity(level="verified", phone="+4915112345678") if by_phone else lena

    answer = bench.orders("" if by_phone else "lena@example.org", who)

    listed = {each["orderNumber"]: each["delivery"] for each in answer["orders"]}
    assert listed["S00042"] == ("being prepared" if by_phone else "partly shipped")
    assert bench.order("S00042", who)["delivery"] == "partly shipped"


@pytest.mark.parametrize("moment", ["0001-01-01 00:00:00", "9999-12-31 23:59:59"])
def test_a_day_at_the_end_of_time_is_told_as_it_is(bench: Any, lena: Identity, moment: str) -> None:
    bench.emulator.data.rows["sale.order"][9042]["date_order"] = moment

    assert bench.order("S00042", lena)["orderedOn"] == moment[:10]


def test_a_cancelled_quotation_was_never_ordered_on_a_day(bench: Any, lena: Identity) -> None:
    assert "orderedOn" not in bench.order("S00045", lena)


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


@pytest.mark.parametrize("modules", [{"sale"}, {"sale", "stock"}])
def test_of_a_cancelled_order_it_is_not_known_whether_goods_went_out_before(
    serve: Any, lena: Identity, modules: set[str]
) -> None:
    assert serve(modules=modules).order("S00045", lena)["delivery"] == "not known; the order is cancelled"
