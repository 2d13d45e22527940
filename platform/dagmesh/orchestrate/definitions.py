"""A domain as Dagster definitions: its private tables, its products, its sensor and the shared resources."""

from __future__ import annotations

import warnings

import dagster as dg

from dagmesh.consume.projection_check import check_projections
from dagmesh.model.domain import Domain
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.domain import DagsterDomain, check_sources
from dagmesh.orchestrate.event_stores import EventStoreResource
from dagmesh.orchestrate.housekeeping import nightly_housekeeping
from dagmesh.orchestrate.known import known_of
from dagmesh.orchestrate.mesh_records import MeshRecords
from dagmesh.orchestrate.policy_checks import Policing
from dagmesh.orchestrate.private_assets import private_assets, private_tables
from dagmesh.orchestrate.private_io import private_io
from dagmesh.orchestrate.product_asset import product_asset
from dagmesh.orchestrate.resources import LakeResource, ResolverResource
from dagmesh.orchestrate.sensor import daily_sensor


def definitions(domain: DagsterDomain) -> dg.Definitions:
    """Everything Dagster needs to know of a domain.

    Raises:
        DefinitionError: with the mistakes of all its files together.
    """
    with warnings.catch_warnings():
        # Single-run backfills and windows of partitions are beta in Dagster 1.13; upgrades are ours to test.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return _definitions(domain, Mesh.find(domain.folder))


def _definitions(domain: DagsterDomain, mesh: Mesh) -> dg.Definitions:
    private = private_assets(domain)
    tables = private_tables(domain.name, private)
    check_sources(domain, list(tables))
    check_projections(domain)
    lake = LakeResource.of(mesh)
    known = known_of(lake.lake, domain)
    policing = Policing.of(mesh, domain)
    products = [product_asset(domain, product, lake.root, known[product.address], policing) for product in domain.products]
    return dg.Definitions(
        assets=[*private, *products, *_foreign(domain)],
        sensors=[daily_sensor(domain, tables, mesh)],
        schedules=[nightly_housekeeping(domain)],
        resources={
            "lake": lake,
            "resolver": ResolverResource(lake=lake, reader=domain.name, mesh=str(mesh.root)),
            "records": MeshRecords(lake=lake, domain=domain.name),
            "events": EventStoreResource(lake=lake, domain=domain.name),
            "io_manager": private_io(domain.name, tables),
        },
        executor=dg.in_process_executor,
        metadata=_metadata(domain),
    )


def _foreign(domain: Domain) -> list[dg.AssetSpec]:
    """The products of other domains that this one reads, in their domain's group instead of Dagster's `default`."""
    read = {read.address for product in domain.products for read in product.inputs if read.address}
    return [dg.AssetSpec(dg.AssetKey(address.key), group_name=address.domain) for address in sorted(read) if address.domain != domain.name]


def _metadata(domain: Domain) -> dict[str, str]:
    return {"owner": domain.owner, "description": domain.description, "support": domain.support or domain.owner}
