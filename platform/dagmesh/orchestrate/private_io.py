"""Stores what a domain's plain assets return as its private tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from dagmesh.consume.usage.records import Records
from dagmesh.events.feeds.json_lines import Export
from dagmesh.lake.private import PrivateStore
from dagmesh.lake.private_contents import Part
from dagmesh.lake.quarantine import write_quarantine
from dagmesh.orchestrate.event_stores import Arrivals, arrived_metadata
from dagmesh.orchestrate.mesh_records import Recorded
from dagmesh.orchestrate.nodes import TableNode
from dagmesh.orchestrate.private_assets import PrivateTable
from dagmesh.orchestrate.resources import LakeResource


@dataclass
class PrivateTables(dg.IOManager):
    """The domain's private tables: any relation or data frame a plain asset returns, replaced whole or day by day.

    A daily table has a DATE column `day`. An asset that another asset takes as an argument is given as a DuckDB relation.
    """

    lake: LakeResource
    domain: str
    tables: Mapping[str, PrivateTable]

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Store the rows, remember what they were made of, set rejected lines aside."""
        if obj is None:
            return
        name = context.asset_key.path[-1]
        days = [date.fromisoformat(key) for key in context.asset_partition_keys] if context.has_asset_partitions else []
        if isinstance(obj, Arrivals):
            self._note_arrivals(context, name, obj)
            return
        export = obj if isinstance(obj, Export) else None
        states, obj = (obj.states, obj.rows) if isinstance(obj, Recorded) else ({}, obj)
        node = self._node(name)
        made: list[date | None] = [*days] or [None]
        counted = self._store.table(name).write(
            self.lake.connection(),
            export.rows if export else obj,
            days,
            made_of={day: node.made_of(day, states.get(day) if day else None) for day in made},
            completeness=export.arrived if export else None,
        )
        context.add_output_metadata({"dagster/row_count": sum(counted.values())})
        if export:
            context.add_output_metadata(self._set_aside(name, export, context.run_id))

    def _note_arrivals(self, context: dg.OutputContext, name: str, arrivals: Arrivals) -> None:
        """Remember what a feed brought into the event store; the rows are there."""
        node = self._node(name)
        parts = {
            day: Part((), export.arrived, f"{export.ids:016x}", node.made_of(day), arrivals.completeness(day))
            for day, export in arrivals.exports.items()
        }
        self._store.table(name).note(parts)
        context.add_output_metadata(arrived_metadata(arrivals))

    def load_input(self, context: dg.InputContext) -> Any:
        """The rows of an upstream private table, as a lazy DuckDB relation."""
        days = {date.fromisoformat(key) for key in context.asset_partition_keys} if context.has_asset_partitions else None
        return self.lake.connection().sql(f"FROM {self._store.table(context.asset_key.path[-1]).sql(days)}")

    def _node(self, name: str) -> TableNode:
        return TableNode(self.domain, self.tables[name], self._store, Records(self.lake.lake))

    @property
    def _store(self) -> PrivateStore:
        return self.lake.lake.private(self.domain)

    def _set_aside(self, name: str, export: Export, run_id: str) -> dict[str, Any]:
        """Write the lines that could not be read to a file of their own; what the UI shows of it."""
        arrived = {"arrived": min(export.arrived.values(), default=1.0)}
        path = self._store.folder.parent / "dead_letters" / f"{name}.{run_id}.parquet"
        rejected = write_quarantine(self.lake.connection(), export.rejected, path)
        if rejected == 0:
            path.unlink()
            return arrived
        return {**arrived, "rejected_lines": rejected, "dead_letters": dg.MetadataValue.path(str(path))}


def private_io(domain: str, tables: Mapping[str, PrivateTable]) -> dg.IOManagerDefinition:
    """The IO manager of a domain's plain assets, on the run's own DuckDB."""

    @dg.io_manager(required_resource_keys={"lake"}, description=f"Stores {domain}'s private tables in its home.")
    def private_tables(context: dg.InitResourceContext) -> PrivateTables:
        return PrivateTables(context.resources.lake, domain, tables)

    return private_tables
