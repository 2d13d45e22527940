"""The tables of README.md and docs/performance.md are those of the results."""

import json

from benchmarks.tables import PAGES, RESULTS, TABLES, with_tables


def test_each_table_is_made_of_the_results() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]

    assert {name for name in TABLES if any(f"<!-- {name} -->" in text for text in texts)} == set(TABLES)
    assert [with_tables(text) for text in texts] == texts


def test_a_table_that_was_edited_by_hand_is_made_again() -> None:
    text = "before\n<!-- shop -->\n| better than it is |\n<!-- /shop -->\nafter\n"

    made = with_tables(text)

    assert "better than it is" not in made
    orders = json.loads((RESULTS / "shop.json").read_text(encoding="utf-8"))["orders"]
    assert made.startswith(f"before\n<!-- shop -->\n| {orders:,} orders")
    assert made.endswith("|\n<!-- /shop -->\nafter\n")
