"""`dagmesh expire`: what nobody needs any more leaves the disk."""

import os
import time

import pytest
from click.testing import CliRunner
from tests.small_mesh import SmallMesh

from dagmesh.cli import main


def test_replaced_files_of_private_tables_are_removed_once_no_run_can_be_reading_them(
    small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small_mesh.root)
    for degrees in (10, 20):
        small_mesh.export("2026-11-01", degrees)
        small_mesh.build("2026-11-01")
    files = list((small_mesh.mesh.home / "home" / "sensors" / "private" / "events").rglob("*.parquet"))
    long_ago = time.time() - 2 * 86400

    before = CliRunner().invoke(main, ["expire", "sensors.readings"])
    for file in files:
        os.utime(file, (long_ago, long_ago))
    after = CliRunner().invoke(main, ["expire", "sensors.readings"])

    words = "files removed that its private tables no longer have."
    assert (f"sensors: 0 {words}" in before.output, f"sensors: 1 {words}" in after.output) == (True, True)
    assert [file.exists() for file in files].count(True) == 1
    assert small_mesh.rows("sensors.readings")[0][2] == 20
