"""Whether two contenders made the same rows: a digest of each product, whatever the order of the rows and the engine's types."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose

import duckdb
from benchmarks.peers.contenders import Contender
from benchmarks.peers.place import Place
from benchmarks.peers.products import PRODUCTS, Product

SAME_SUM = 1e-9  # floats are added up in any order, so means differ in the last digits


@dataclass(frozen=True)
class Digest:
    """One product's rows: how many, the sum of the hashes of what is exact in them, and of each float column its count and sums.

    Of the two sums the second weights each value by its row, so that values in other rows are noticed.
    """

    rows: int
    exact: int
    floats: tuple[float, ...]

    def same(self, other: Digest) -> bool:
        """Whether the rows are the same but for what adding up floats loses."""
        exact = (self.rows, self.exact) == (other.rows, other.exact)
        return exact and all(isclose(one, two, rel_tol=SAME_SUM) for one, two in zip(self.floats, other.floats, strict=True))


Digests = dict[str, Digest]


def digests(contender: Contender, place: Place) -> Digests:
    """The digest of each product, by name; only the columns that everyone has."""
    con = duckdb.connect()
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    from_text = contender.rows(con, place)
    found: Digests = {}
    for name, product in PRODUCTS.items():
        rows, exact, *floats = con.execute(_query(product, from_text(name))).fetchall()[0]
        found[name] = Digest(rows, exact, tuple(floats))
    con.close()
    return found


def _query(product: Product, from_text: str) -> str:
    exact = ", ".join(f"CAST({column} AS {kind})" for column, kind in product.columns.items() if kind != "DOUBLE")
    floats = [column for column, kind in product.columns.items() if kind == "DOUBLE"]
    # pandas has NaN for NULL.
    values = "".join(f", nullif(CAST({column} AS DOUBLE), 'nan'::DOUBLE) AS {column}" for column in floats)
    sums = "".join(f", count({c}), coalesce(sum({c}), 0), coalesce(sum({c} * (row_hash % 1000)), 0)" for c in floats)
    return f"SELECT count(*), coalesce(sum(row_hash::HUGEINT), 0){sums} FROM (SELECT hash({exact}) AS row_hash{values} FROM {from_text})"


def differences(wanted: Digests, found: Digests) -> list[str]:
    """The products whose rows differ, in words."""
    return [f"{name}: {found[name]} instead of {wanted[name]}" for name in wanted if not wanted[name].same(found[name])]
