"""The benchmark of many domains goes through all its steps."""

from pathlib import Path

import pytest
from benchmarks.many_domains import STEPS, steps


@pytest.mark.slow
def test_every_step_is_gone_through_and_measured(tmp_path: Path) -> None:
    found = steps(tmp_path, 3, 2)

    assert list(found) == list(STEPS)
    assert all(figures["cpu_s"] > 0 for figures in found.values())
    assert len(list((tmp_path / ".dagmesh/lake").glob("d*/p*/v1/_delta_log/*0.json"))) == 6
    assert (tmp_path / "site/index.html").exists()
