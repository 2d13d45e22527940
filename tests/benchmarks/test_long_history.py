"""The benchmark of long histories publishes each of its days, each in a commit of its own."""

from pathlib import Path

from benchmarks.long_history import DOMAIN, middle, published

from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address


def test_every_day_is_published_and_measured(tmp_path: Path) -> None:
    days = list(published(tmp_path, 3))

    table = Lake(str(tmp_path / ".dagmesh/lake"), tmp_path / ".dagmesh").table(Address(DOMAIN, "daily", 1))
    assert (len(days), len(table.snapshot().days), len(table.history())) == (3, 3, 3)
    assert all(day["cpu_ms"] > 0 < day["wall_ms"] for day in days)
    assert middle(days)["slowest"] >= middle(days)["wall_ms"]
