"""The domain as a whole: every file in it is accepted."""

import dagster as dg

from grocery.definitions import defs


def test_dagster_accepts_the_domain() -> None:
    dg.Definitions.validate_loadable(defs())


def test_the_domain_publishes_its_two_products() -> None:
    assert [str(product.address) for product in defs.products] == ["grocery.coupon_conversion@1", "grocery.household_spend@1"]
