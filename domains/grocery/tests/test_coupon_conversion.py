"""coupon_conversion against pandas over the package's own data, campaign by campaign."""

from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import pytest

from dagmesh import testing
from dagmesh.errors import AuditRefused
from grocery.products.coupon_conversion import coupon_conversion


@pytest.fixture(scope="module")
def published(tables: dict[str, duckdb.DuckDBPyRelation]) -> list[dict[str, Any]]:
    rows = coupon_conversion(
        campaigns=tables["campaigns"],
        campaign_households=tables["campaign_households"],
        coupon_redemptions=tables["coupon_redemptions"],
        transactions=tables["transactions"],
    ).order("campaign_id")
    found: list[dict[str, Any]] = rows.to_arrow_table().to_pylist()
    return found


def test_every_campaign_equals_what_pandas_computes(published: list[dict[str, Any]], panel: dict[str, pd.DataFrame]) -> None:
    expected = [in_pandas(panel, campaign) for campaign in panel["campaign_descriptions"].sort_values("campaign_id").itertuples()]

    assert published == expected
    assert len(published) == 27


def in_pandas(panel: dict[str, pd.DataFrame], campaign: Any) -> dict[str, Any]:
    first, last = campaign.start_date.date(), campaign.end_date.date()
    targeted = set(panel["campaigns"].query("campaign_id == @campaign.campaign_id")["household_id"])
    redeemed = panel["coupon_redemptions"].query("campaign_id == @campaign.campaign_id")
    redeeming = targeted & set(redeemed["household_id"])
    lines = panel["transactions"]
    bought = lines[lines["household_id"].isin(targeted) & (lines["day"] >= first) & (lines["day"] <= last)]
    return {
        "campaign_id": campaign.campaign_id,
        "campaign_type": campaign.campaign_type[-1],
        "start_date": first,
        "end_date": last,
        "is_fully_observed": first.year == last.year == 2017,
        "targeted_households": len(targeted),
        "redeeming_households": len(redeeming),
        "redemptions": len(redeemed),
        "conversion_share": len(redeeming) / len(targeted),
        "spend_usd": Decimal(int(bought["sales_value_cents"].sum())) / 100,
    }


def test_the_largest_campaign_converted_one_household_in_five(published: list[dict[str, Any]]) -> None:
    largest = max(published, key=lambda row: row["targeted_households"])

    assert (largest["campaign_id"], largest["campaign_type"], largest["start_date"]) == (18, "A", date(2017, 10, 30))
    assert (largest["redeeming_households"], largest["targeted_households"], largest["redemptions"]) == (214, 1_133, 653)


def test_the_rows_keep_the_contract(published: list[dict[str, Any]]) -> None:
    testing.check(coupon_conversion, published)


def test_a_campaign_that_nobody_answered_converts_none_and_one_beyond_the_panel_is_marked() -> None:
    rows = testing.call(
        coupon_conversion,
        campaigns=[{"campaign_id": 1, "campaign_type": "B", "start_date": date(2017, 1, 2), "end_date": date(2017, 1, 9)}],
        campaign_households=[{"campaign_id": 1, "household_id": 5}],
        coupon_redemptions=[{"campaign_id": 2, "household_id": 5, "coupon_upc": 10, "redemption_date": date(2017, 1, 3)}],
        transactions=[
            {"household_id": 5, "purchase_date": date(2017, 1, 1), "sales_usd": Decimal("4.00")},
            {"household_id": 5, "purchase_date": date(2017, 1, 2), "sales_usd": Decimal("2.50")},
            {"household_id": 6, "purchase_date": date(2017, 1, 8), "sales_usd": Decimal("9.00")},
        ],
    )

    assert len(rows) == 1
    assert rows[0]["is_fully_observed"] is False
    assert (rows[0]["targeted_households"], rows[0]["redeeming_households"], rows[0]["conversion_share"]) == (1, 0, 0.0)
    assert rows[0]["spend_usd"] == Decimal("2.50")


def test_a_campaign_sent_to_nobody_is_refused_not_left_out() -> None:
    rows = testing.call(
        coupon_conversion,
        campaigns=[{"campaign_id": 1, "campaign_type": "B", "start_date": date(2017, 1, 2), "end_date": date(2017, 1, 9)}],
        campaign_households=[{"campaign_id": 2, "household_id": 5}],
        coupon_redemptions=[{"campaign_id": 2, "household_id": 5, "coupon_upc": 10, "redemption_date": date(2017, 1, 3)}],
        transactions=[{"household_id": 5, "purchase_date": date(2017, 1, 1), "sales_usd": Decimal("4.00")}],
    )

    with pytest.raises(AuditRefused, match="targeted_households"):
        testing.check(coupon_conversion, rows)
