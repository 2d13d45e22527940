"""The small mesh as the planner sees it: its nodes, made with the platform's own parts but without Dagster's runs."""

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg
from tests.small_mesh import SmallMesh, forget

from dagmesh.events.feeds.json_lines import read_json_lines
from dagmesh.orchestrate.inputs import Key
from dagmesh.orchestrate.nodes import Node, State, TableNode
from dagmesh.orchestrate.plan import Plan, plan
from dagmesh.orchestrate.private_assets import private_assets, private_tables
from dagmesh.orchestrate.publishing import Outcome, Run, publish
from dagmesh.orchestrate.sensor import domain_nodes

DAYS = [date(2026, 11, day) for day in range(1, 8)]
EVENTS, READINGS, TOTALS = ("sensors", "events"), ("sensors", "readings_v1"), ("reports", "totals_v1")
PLACES = ("reports", "places_v1")
FILES = {
    "readings": "domains/sensors/sensors/products/readings.py",
    "totals": "domains/reports/reports/products/totals.py",
    "sources": "domains/sensors/sensors/sources.py",
    "places": "domains/reports/reports/products/places.py",
}

PLACES_FILE = '''"""Where each sensor stands, as known now."""
from datetime import date
import duckdb
import dagmesh as dm


class Places(dm.Contract):
    """One row per sensor."""

    sensor: str = dm.field(key=True, description="The sensor's name.")
    newest: date = dm.field(description="UTC day it was last heard of.")


@dm.data_product(contract=Places, version="1.0.0", serves=[], promise=dm.Promise(), reads={"readings": "sensors.readings@1"})
def places(readings: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Take each sensor's newest day."""
    return dm.sql("SELECT sensor, max(read_on) AS newest FROM readings GROUP BY sensor", readings=readings)
'''
SERVES = 'serves=["reports"],'


@dataclass(frozen=True)
class Graph:
    """The mesh's nodes, and short words for what tests do with them."""

    mesh: SmallMesh

    @property
    def nodes(self) -> dict[Key, Node]:
        """Every node, of the files as they are now."""
        forget()
        found: dict[Key, Node] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            for location in self.mesh.mesh.locations:
                domain = location.load()
                found |= domain_nodes(domain, private_tables(domain.name, private_assets(domain)), self.mesh.mesh, self.mesh.lake)
        return found

    def write_places(self, reads: str = '"sensors.readings@1"', *, domain: str = "reports") -> None:
        """Add the whole product `places`, made of the readings that `reads` says."""
        text = PLACES_FILE.replace('"sensors.readings@1"', reads)
        self.mesh.write(FILES["places"].replace("reports", domain), text)

    def let_totals_read(self, name: str, source: str) -> None:
        """Give the product `totals` one more input."""
        readings = 'reads={"readings": "sensors.readings@1"'
        self.mesh.change(FILES["totals"], readings, f'{readings}, "{name}": "{source}"')
        taken = "readings: duckdb.DuckDBPyRelation"
        self.mesh.change(FILES["totals"], taken, f"{taken}, {name}: duckdb.DuckDBPyRelation")

    def let_readings_see(self, window: str) -> None:
        """Let the product `readings` see more days of the events: `days=3`, `late_days=2`."""
        self.mesh.change(FILES["readings"], SERVES, f'{SERVES}\n    reads={{"events": dm.read("events", {window})}},')

    def export(self, day: date, *degrees: int) -> None:
        self.mesh.export(day.isoformat(), *degrees)

    def state(self, key: Key, *days: date) -> State:
        return self.nodes[key].state(days)

    def plan(self, *days: date, **said: object) -> Plan:
        return plan(self.nodes, days, **said)

    def planned(self, *days: date, **said: object) -> dict[str, list[int]]:
        """What is planned: of each node the days' numbers, none for a whole one."""
        return {todo.node.key[1]: numbers(todo.days) for todo in self.plan(*days, **said).todo}

    def make(self, key: Key, *days: date) -> Outcome | None:
        """Make the node for the days, as a run would."""
        node, con = self.nodes[key], self.mesh.lake.connect()
        if not isinstance(node, TableNode):
            return publish(Run(node.ports, con, "run-1", datetime.now(UTC)), node.product, days)
        listed = ", ".join(f"DATE '{day}'" for day in days) or "NULL::DATE"
        rows = f"(SELECT unnest([{listed}]) AS day, 's1' AS sensor, 1::BIGINT AS degrees)"
        if node.table.files:
            rows = read_json_lines(con, node.table.files, days, {"sensor": "VARCHAR", "degrees": "BIGINT"}).rows
        node.store.table(node.table.name).write(con, rows, days, made_of={day: node.made_of(day) for day in days or [None]})
        return None

    def make_readings(self, *days: date) -> None:
        """Make the nodes of `sensors` for the days, of files that are written now."""
        for day in days:
            self.export(day, 10 + day.day, 20 + day.day)
        for key in (EVENTS, READINGS):
            self.make(key, *days)

    def make_all(self, *days: date) -> None:
        """Make all three nodes for the days, of files that are written now."""
        self.make_readings(*days)
        self.make(TOTALS, *days)


def numbers(days: Collection[date]) -> list[int]:
    """The days' numbers in their month."""
    return sorted(day.day for day in days)
