"""OpenLineage run events: what each run of a product read, made and checked, told to whoever collects lineage.

`DAGMESH_OPENLINEAGE=file` writes them to `<home>/openlineage/`, a file a run; `client` sends them where the official client's own
settings say (`OPENLINEAGE_URL`, `openlineage.yml`). Unset, nothing is told and nothing is imported.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagmesh.errors import MeshError
from dagmesh.model.domain import Product
from dagmesh.model.product import Read
from dagmesh.orchestrate.publishing import Outcome, Run, publish

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent

SETTING = "DAGMESH_OPENLINEAGE"
NAMESPACE = "dagmesh"
logger = logging.getLogger("dagmesh")


def told(run: Run, product: Product, days: Sequence[date]) -> Outcome:
    """The outcome of publishing, its start and its end told as OpenLineage events when the setting asks for them."""
    told_of = _Told.of(run, product, days)
    if told_of is None:
        return publish(run, product, days)
    told_of.emit("START")
    try:
        outcome = publish(run, product, days)
    except Exception as error:
        told_of.emit("FAIL", message=f"{type(error).__name__}: {error}")
        raise
    told_of.emit("COMPLETE" if outcome.complete else "FAIL", outcome, _why(outcome))
    return outcome


@dataclass(frozen=True)
class _Told:
    """One run of one product, and the client that tells of it."""

    client: OpenLineageClient
    run: Run
    product: Product
    days: Sequence[date]

    @classmethod
    def of(cls, run: Run, product: Product, days: Sequence[date]) -> _Told | None:
        """What tells of the run; None when nobody asks."""
        asked = os.environ.get(SETTING)
        if not asked:
            return None
        run_id = _run_id(run, product)
        return cls(_client(asked, run.ports.resolver.lake.home / "openlineage" / f"{product.address}.{run_id}.jsonl"), run, product, days)

    def emit(self, state: str, outcome: Outcome | None = None, message: str = "") -> None:
        """Tell of a state of the run."""
        try:
            self.client.emit(_event(self, state, outcome, message))
        except Exception as error:  # noqa: BLE001 - what collects lineage is elsewhere, and decides nothing about what is published
            logger.warning("%s: its %s was not told to OpenLineage: %s", self.product.address, state, error)


def _client(asked: str, file: Path) -> OpenLineageClient:
    if asked not in ("file", "client"):
        raise MeshError(f"{SETTING}={asked!r} is unknown; choose file or client, or unset it.")
    try:
        from openlineage.client import OpenLineageClient
        from openlineage.client.event_v2 import set_producer
        from openlineage.client.transport.file import FileConfig, FileTransport
    except ImportError as error:
        raise MeshError(f"{SETTING} is set and the client is not there; install dagmesh[openlineage], or unset it.") from error
    set_producer(f"urn:dagmesh:{version('dagmesh')}")
    if asked == "client":
        return OpenLineageClient()
    file.parent.mkdir(parents=True, exist_ok=True)
    return OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=str(file), append=True)))


def _run_id(run: Run, product: Product) -> str:
    """One id for the run of one product: a run of Dagster's may make several."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"dagmesh:{run.run_id}/{product.address}"))


def _why(outcome: Outcome) -> str:
    """Why not all that was asked for is published; nothing when it is."""
    broken = [result.text for result in outcome.report.failed if result.severity == "error"] if outcome.report else []
    return "; ".join([*broken, *(f"{day} waits for {sources}" for day, sources in outcome.waiting.items())])


def _event(told_of: _Told, state: str, outcome: Outcome | None, message: str) -> RunEvent:
    from openlineage.client import event_v2, facet_v2

    product, run = told_of.product, told_of.run
    facets: dict[str, Any] = {"processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet(version("dagster"), "dagster")}
    if told_of.days:
        first, last = (datetime.combine(day, time(), UTC) for day in (told_of.days[0], told_of.days[-1] + timedelta(days=1)))
        facets["nominalTime"] = facet_v2.nominal_time_run.NominalTimeRunFacet(first.isoformat(), last.isoformat())
    if message:
        facets["errorMessage"] = facet_v2.error_message_run.ErrorMessageRunFacet(message, "Python")
    job = {
        "jobType": facet_v2.job_type_job.JobTypeJobFacet("BATCH", "DAGMESH", "DATA_PRODUCT"),
        "documentation": facet_v2.documentation_job.DocumentationJobFacet(product.description),
        "ownership": facet_v2.ownership_job.OwnershipJobFacet([facet_v2.ownership_job.Owner(product.owner, "OWNER")]),
    }
    return event_v2.RunEvent(
        eventType=event_v2.RunState(state),
        eventTime=(run.now if state == "START" else datetime.now(UTC)).isoformat(),
        run=event_v2.Run(_run_id(run, product), facets=facets),
        job=event_v2.Job(NAMESPACE, str(product.address), facets=job),
        inputs=[_input(product, read, outcome) for read in product.inputs],
        outputs=[_output(product, outcome)],
    )


def _name(product: Product, source: str) -> str:
    """A source's name in the namespace: an address, or a private table by its domain."""
    return source if "." in source else f"{product.domain}.{source}"


def _input(product: Product, read: Read, outcome: Outcome | None) -> InputDataset:
    from openlineage.client import event_v2, facet_v2

    record = outcome.snapshot.publication.inputs.get(read.parameter, {}) if outcome and outcome.snapshot else {}
    facets: dict[str, Any] = {}
    if "snapshot" in record:
        facets["version"] = facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet(str(record["snapshot"]))
    return event_v2.InputDataset(NAMESPACE, _name(product, read.source), facets=facets)


def _output(product: Product, outcome: Outcome | None) -> OutputDataset:
    from openlineage.client import event_v2, facet_v2

    fields = [
        facet_v2.schema_dataset.SchemaDatasetFacetFields(column.name, column.type.duckdb, column.description)
        for column in product.contract.columns
    ]
    facets: dict[str, Any] = {"schema": facet_v2.schema_dataset.SchemaDatasetFacet(fields)}
    about: dict[str, Any] = {}
    if outcome and outcome.report:
        facets["dataQualityAssertions"] = facet_v2.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
            list(_assertions(outcome))
        )
    if outcome and outcome.snapshot:
        publication = outcome.snapshot.publication
        facets["version"] = facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet(str(publication.snapshot))
        about["outputStatistics"] = facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(publication.rows)
        if publication.lineage:
            facets["columnLineage"] = _column_lineage(product, publication.lineage)
    return event_v2.OutputDataset(NAMESPACE, str(product.address), facets=facets, outputFacets=about)


def _assertions(outcome: Outcome) -> Iterator[Any]:
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as quality

    for result in outcome.report.results if outcome.report else ():
        yield quality.Assertion(
            assertion=result.name,
            success=result.passed,
            column=result.column,
            severity=result.severity,
            description=result.text,
            expected=f"at most {result.max_failing:.4%} of rows",
            actual=f"{result.failing_rows} of {result.rows} rows",
        )


def _column_lineage(product: Product, lineage: Any) -> Any:
    from openlineage.client.facet_v2 import column_lineage_dataset as columns

    def field(source: str, column: str, way: str) -> Any:
        kind = columns.Transformation("DIRECT" if way == "value" else "INDIRECT")
        return columns.InputField(NAMESPACE, _name(product, source), column, [kind])

    fields = {column: columns.Fields([field(*part) for part in parts]) for column, parts in lineage.items()}
    return columns.ColumnLineageDatasetFacet(fields)
