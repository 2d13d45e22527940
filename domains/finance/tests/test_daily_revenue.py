"""daily_revenue on two categories."""

from datetime import date
from decimal import Decimal

from dagmesh import testing
from finance.products.daily_revenue import daily_revenue


def category(name, revenue):
    return {"order_date": date(2026, 11, 1), "category": name, "order_count": 1, "item_count": 1, "revenue_eur": Decimal(revenue)}


def test_the_categories_are_summed_and_the_tax_taken_off():
    rows = testing.call(daily_revenue, revenue=[category("books", "21.00"), category("games", "100.00")])

    testing.check(daily_revenue, rows)
    assert rows == [
        {
            "order_date": date(2026, 11, 1),
            "category_count": 2,
            "gross_eur": Decimal("121.00"),
            "net_eur": Decimal("100.00"),
            "best_category": "games",
        }
    ]
