"""Who builds the mesh: dagmesh, the limit and the peers, each with its environment, its commands, and where its rows are."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
from benchmarks.peers.dbt_models import write_dbt_project
from benchmarks.peers.exports import FIRST, day_number
from benchmarks.peers.limit import relation
from benchmarks.peers.place import ROOT, Place
from benchmarks.peers.sqlmesh_models import write_sqlmesh_project

STEPS = ("full", "one day more", "nothing changed")
ENVIRONMENTS = ROOT / ".dagmesh" / "peers"
Rows = Callable[[duckdb.DuckDBPyConnection, Place], Callable[[str], str]]


@dataclass(frozen=True)
class Command:
    """What to run, where, and the variables it has beside this process's own."""

    words: list[str]
    folder: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Contender:
    """One who builds the mesh.

    `pins` are what its environment is made of, the first of them names it; without any it runs in ours. `prepare` makes a
    place ready before a step, outside of what is measured. `rows` gives, on a connection, the FROM-able text of each product by name.
    """

    name: str
    title: str
    pins: tuple[str, ...]
    prepare: Callable[[Place, str], None]
    command: Callable[[Place, str], Command]
    rows: Rows

    def install(self) -> None:
        """Make its environment, when that is not there as pinned."""
        if not self.pins:
            return
        folder, wanted = ENVIRONMENTS / self.pins[0].partition("==")[0], "\n".join(self.pins)
        ready = folder / "pins.txt"
        if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
            return
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(folder / "bin" / "python"), *self.pins]
        subprocess.run(install, check=True)
        ready.write_text(wanted, encoding="utf-8")


def _nothing(place: Place, step: str) -> None:
    """There is nothing to prepare."""


def _dagmesh_prepare(place: Place, step: str) -> None:
    """The mesh beside its own files, with the policies of this repository where it has none of its own."""
    if step != "full":
        return
    mesh, policies = place.folder / "mesh", "platform/policies"
    shutil.copytree(ROOT / policies, mesh / policies, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "benchmarks" / "peers" / "mesh", mesh, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def _dagmesh(place: Place, step: str) -> Command:
    days = place.days if step == "full" else place.days + 1
    words = [sys.executable, "-m", "dagmesh", "build", "--days", str(days), "--to", place.last(step)]
    return Command(words, place.folder / "mesh", {"DAGMESH_HOME": str(place.folder), "DAGMESH_LAKE": ""})


def _dagmesh_rows(con: duckdb.DuckDBPyConnection, place: Place) -> Callable[[str], str]:
    """Through the resolver, as every reader: signatures and files are verified. An owner sees its columns unmasked."""
    from dagmesh.consume.resolver import Resolver
    from dagmesh.lake.lake import Lake

    lake = Lake(str(place.folder / "lake"), place.folder)
    return lambda name: Resolver(lake, name.split(".")[0]).resolve(f"{name}@1").sql


def _limit(place: Place, step: str) -> Command:
    asked = "full" if step == "full" else place.last(step)
    return Command([sys.executable, "-m", "benchmarks.peers.limit", place.raw, str(place.out), asked], ROOT, {})


def _files(con: duckdb.DuckDBPyConnection, place: Place) -> Callable[[str], str]:
    return lambda name: relation(name, place.raw, place.out, None)


def _dbt_prepare(place: Place, step: str) -> None:
    """The project; for a run of what changed, the state to compare with."""
    if step == "full":
        write_dbt_project(place.folder / "project", place.raw)
    elif step == "nothing changed":
        shutil.copytree(place.out / "target", place.out / "state")


def _dbt(place: Place, step: str) -> Command:
    """Full, then incremental for the new day; at last what changed since (the code: dbt does not look at the files)."""
    asked = {"full": ["--full-refresh"], "one day more": [], "nothing changed": ["--select", "state:modified+", "--state", "../out/state"]}
    words = [str(ENVIRONMENTS / "dbt-core" / "bin" / "dbt"), "build", "--vars", f"{{day: '{place.last(step)}'}}", *asked[step]]
    out = str(place.out)
    folders = {"OUT": out, "DBT_PROFILES_DIR": ".", "DBT_TARGET_PATH": f"{out}/target", "DBT_LOG_PATH": f"{out}/logs"}
    return Command(words, place.folder / "project", folders)


def _sqlmesh_prepare(place: Place, step: str) -> None:
    if step == "full":
        write_sqlmesh_project(place.folder / "project", place.raw)


def _sqlmesh(place: Place, step: str) -> Command:
    after = str(day_number(place.days if step == "full" else place.days + 1))
    run = [] if step == "full" else ["--run"]
    words = [str(ENVIRONMENTS / "sqlmesh" / "bin" / "sqlmesh"), "plan", "prod", *run, "--auto-apply", "--no-prompts"]
    # One model after the other: DuckDB uses all cores for each.
    own = {"OUT": str(place.out), "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true", "MAX_FORK_WORKERS": "1"}
    return Command([*words, "--execution-time", after], place.folder / "project", own)


def _dagster_prepare(place: Place, step: str) -> None:
    if step == "full":
        (place.out / "home").mkdir()
        (place.out / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")


def _dagster(module: str) -> Callable[[Place, str], Command]:
    def command(place: Place, step: str) -> Command:
        """Plain Dagster does not know that nothing changed: it is asked for the newest day again."""
        last = place.last(step)
        days = ["--partition-range", f"{FIRST}...{last}"] if step == "full" else ["--partition", last]
        words = [str(ENVIRONMENTS / "dagster" / "bin" / "dagster"), "asset", "materialize", "--select", "*"]
        own = {"RAW": place.raw, "OUT": str(place.out), "DAGSTER_HOME": str(place.out / "home")}
        return Command([*words, "-m", f"benchmarks.peers.{module}", *days], ROOT, own)

    return command


def _attached(file: str, names: Callable[[str], str]) -> Rows:
    """The tables of a database file; `names` gives the table of a product."""

    def rows(con: duckdb.DuckDBPyConnection, place: Place) -> Callable[[str], str]:
        # Under the file's own name, which the views of SQLMesh have in their text.
        con.execute(f"ATTACH '{place.out / file}' AS mesh (READ_ONLY)")
        return lambda name: f"mesh.{names(name)}"

    return rows


_DAGSTER = (
    "dagster==1.13.27",
    "dagster-duckdb==0.29.27",
    "dagster-duckdb-pandas==0.29.27",
    "duckdb==2.0.0",
    "pandas==2.3.3",
    "pandera==0.35.0",
    "pyarrow==26.0.1",
    "pytz",
)
# dbt-core 1.12 wants a parser that is downloaded from GitHub when it is installed; 1.11.16 is the newest without.
_DBT = ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", "duckdb==2.0.0", "pytz")
_SQLMESH = ("sqlmesh==0.236.4", "duckdb==1.5.6", "pandas==2.3.3")
_SAME = str
CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("limit", "limit: one DuckDB script", (), _nothing, _limit, _files),
        Contender("dagmesh", "dagmesh", (), _dagmesh_prepare, _dagmesh, _dagmesh_rows),
        Contender("dbt", "dbt-duckdb", _DBT, _dbt_prepare, _dbt, _attached("mesh.duckdb", lambda name: f"main.{name.split('.')[1]}")),
        Contender("sqlmesh", "SQLMesh", _SQLMESH, _sqlmesh_prepare, _sqlmesh, _attached("mesh.db", _SAME)),
        Contender("dagster", "plain Dagster, SQL", _DAGSTER, _dagster_prepare, _dagster("dagster_sql"), _files),
        Contender(
            "dagster_pandas",
            "plain Dagster, pandas + Pandera",
            _DAGSTER,
            _dagster_prepare,
            _dagster("dagster_pandas"),
            _attached("mesh.duckdb", _SAME),
        ),
    )
}
