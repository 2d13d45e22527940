"""A copy of the demo's mesh whose campaigns were published each morning for three months, but for some, and its catalogue served."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from tests.browser.conftest import ROOT
from tests.consume.pages.served import app

from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import Publication, Record
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh

CAMPAIGNS = Address("marketing", "campaign_conversion", 1)
MORNINGS = 100
MISSED, LATE, INCOMPLETE = {61, 62, 27}, {80: 10, 45: 3, 12: 8}, {33}  # by how many days ago


def made(root: Path, days: int = 5, orders: int = 300) -> Mesh:
    """The mesh, its newest days built by the real commands in a copy of the repository's domains."""
    root.mkdir()
    shutil.copy(ROOT / "workspace.yaml", root)
    for folder in ("domains", "platform/policies"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGMESH_", "DAGSTER_"))}
    export = ("domains/shop.py", "--out", ".dagmesh/exports", "--orders-per-day", str(orders))
    for command in (export, ("-m", "dagmesh", "build")):
        subprocess.run([sys.executable, *command, "--days", str(days)], cwd=root, env=kept, capture_output=True, text=True, check=True)
    mesh = Mesh.find(root)
    _with_a_past(mesh, datetime.now(UTC))
    return mesh


def _with_a_past(mesh: Mesh, now: datetime) -> None:
    """Publish the campaigns anew, once for each morning since MORNINGS days ago."""
    lake = Lake.of(mesh)
    newest = lake.table(CAMPAIGNS).snapshot()
    (product,) = [product for product in mesh.location("marketing").load().products if product.address == CAMPAIGNS]
    with lake.connect() as con:
        con.execute(f"CREATE TABLE campaigns AS FROM {newest.sql()}")
        lake.storage.remove("marketing/campaign_conversion")
        table, key = lake.table(CAMPAIGNS), lake.signing_key("marketing")
        for ago in range(MORNINGS, -1, -1):
            moment = datetime.combine(now.date() - timedelta(days=ago), time(5), UTC) + timedelta(hours=LATE.get(ago, 0))
            if ago not in MISSED and moment <= now:
                rows = f"(SELECT * REPLACE (recipient_count + {ago % 7} AS recipient_count) FROM campaigns)"
                stage = table.stage(con, rows, product, []).with_row_hashes(con, {})
                table.publish(stage, [], _record(newest.publication, moment, ago), key)


def _record(publication: Publication, moment: datetime, ago: int) -> Record:
    return Record(
        run_id=publication.run_id,
        published_at=moment,
        made_of={None: f"{ago:016x}"},
        completeness={None: 0.9 if ago in INCOMPLETE else 1.0},
        checks=[_check(check, ago) for check in publication.checks],
        profile={name: _measures(measures, ago) for name, measures in publication.profile.items()},
        inputs=publication.inputs,
        through=moment.date() - timedelta(days=1),
        seconds=0.2,
        lineage=publication.lineage,
    )


def _check(check: Any, ago: int) -> dict[str, Any]:
    warned = check["severity"] == "warn" and ago in (3, 9)
    return {**check, "passed": not warned, "failing_rows": 4 if warned else 0}


def _measures(measures: Any, ago: int) -> dict[str, Any]:
    mean = measures.get("mean")
    return {**measures, "mean": mean * (1 + 0.02 * ((ago * 7) % 11) - 0.002 * ago)} if isinstance(mean, float) else dict(measures)


@contextmanager
def served(mesh: Mesh, reader: str) -> Iterator[str]:
    """Where the catalogue answers, read in a domain's name by one who owns its products."""
    server = uvicorn.Server(uvicorn.Config(app(mesh, reader), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.05)
            assert thread.is_alive()
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
