"""Publishing: a stage's files are hashed, named by their content, moved among the table's, and signed into a snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from deltalake import CommitProperties, DeltaTable
from deltalake.transaction import AddAction, create_table_with_add_actions

from dagmesh.errors import AuditRefused, DagmeshError
from dagmesh.lake.commit import Change, committed
from dagmesh.lake.copied_files import CopiedFile
from dagmesh.lake.data_file import DataFile
from dagmesh.lake.delta_log import CONFIGURATION, active_files, partitions, schema_of
from dagmesh.lake.encrypting import encrypted, secret_columns
from dagmesh.lake.keys import SigningKey
from dagmesh.lake.place import Place
from dagmesh.lake.publication import Publication, Record
from dagmesh.lake.snapshot import Snapshot
from dagmesh.lake.stage import Stage, columns
from dagmesh.lake.verify import Unverified, refusal, verified


@dataclass(frozen=True)
class _Publishing:
    """One publication under way: staged files that now have their final names, and what is said of them."""

    place: Place
    stage: Stage
    days: frozenset[date]
    record: Record
    files: tuple[DataFile, ...]
    adds: tuple[AddAction, ...]
    about: Publication


def publish(place: Place, stage: Stage, days: Collection[date], record: Record, key: SigningKey) -> Snapshot:
    """The new snapshot; for the arguments see `Table.publish`."""
    if not set(days) <= set(stage.days) or bool(days) != bool(stage.days):
        raise ValueError(f"{place.address}: staged are {_iso(stage.days)}, to publish {_iso(days)}; publish days that are staged.")
    stage = stage if all(file.sha256 for file in stage.files) else stage.with_contents()
    chosen = [file for file in stage.files if not days or file.day in days]
    if any(file.row_hash is None for file in chosen):
        raise ValueError(f"{place.address}: the staged rows have no hashes; publish stage.with_row_hashes(...).")
    _refuse_changed(place, chosen)
    chosen = encrypted(place, stage.product, chosen)
    named = [_named(file, record) for file in chosen]
    moves = [(file.path, data.path) for file, data in zip(chosen, named, strict=True)]
    adds = tuple(_add(file, data, stage, record) for file, data in zip(chosen, named, strict=True))
    for source, target in moves:
        place.storage.move(source, target)
    publishing = _Publishing(place, stage, frozenset(days), record, tuple(named), adds, _about(place, stage, days, record, named))
    try:
        snapshot = committed(place, key, lambda table: _change(publishing, table))
    except DagmeshError:  # nothing was committed; after any other error that is not sure, and what is left is housekeeping's
        for _, target in moves:
            place.storage.remove(target)
        raise
    place.checked.note(place.storage.root, place.storage.states([file.path for file in named]))
    return snapshot


def _iso(days: Collection[date]) -> str:
    return ", ".join(sorted(day.isoformat() for day in days)) or "no days"


def _refuse_changed(place: Place, files: Collection[CopiedFile]) -> None:
    """What was audited is what is signed: a file must be as it was when its bytes were hashed, before the audit."""
    states = place.storage.states([file.path for file in files])
    changed = [file.path for file in files if states.get(file.path) != file.state]
    if changed:
        raise AuditRefused(
            f"{place.address}: {changed[0]} was changed after it was hashed to be audited; nothing was published. "
            f"Find out who else writes to {place.storage.root}, then run it again."
        )


def _named(file: CopiedFile, record: Record) -> DataFile:
    assert file.row_hash is not None
    return DataFile(DataFile.name(file.folder, file.sha256, file.row_hash, record.made_of[file.day]), file.size, file.rows)


def _add(file: CopiedFile, data: DataFile, stage: Stage, record: Record) -> AddAction:
    split = {column: str(file.day) for column in partitions(stage.product)}
    return AddAction(data.path, data.size, split, int(record.published_at.timestamp() * 1000), True, file.stats)


def _about(place: Place, stage: Stage, days: Collection[date], record: Record, files: Iterable[DataFile]) -> Publication:
    product = stage.product
    parts: list[date | None] = [*sorted(days)] or [None]
    shares = {day: record.completeness.get(day, 1.0) for day in parts}
    return Publication(
        kind="publish",
        address=str(place.address),
        version=product.version,
        snapshot=-1,
        published_at=record.published_at,
        run_id=record.run_id,
        reason=record.reason,
        product=product.describe(),
        contract_fingerprint=product.contract.fingerprint(),
        code_version=product.code_version(),
        days={str(day): {"rows": stage.rows[day], "completeness": share} for day, share in shares.items() if day},
        rows=-1,
        through=record.through,
        files=[{"path": file.path, "size": file.size, "sha256": file.sha256, "rows": file.rows} for file in files],
        manifest="",
        checks=record.checks,
        profile=record.profile,
        completeness=min(shares.values()),
        inputs=record.inputs,
        key_id="",
        seconds=record.seconds,
        lineage=record.lineage,
        judged_by=record.judged_by,
        audited={str(day or ""): said for day, said in record.audited.items() if day in parts},
        incomplete={str(day): share for day, share in shares.items() if day and share < 1},
        encrypted=secret_columns(product),
    )


def _change(publishing: _Publishing, table: DeltaTable | None) -> Change:
    """The change that lets the new files replace those of the same days (of a whole product: all) in the table as it is."""
    product = publishing.stage.product
    before = active_files(table) if table and publishing.days else ()
    kept = tuple(file for file in before if file.day not in publishing.days)
    base = trusted(publishing.place, table, before) if table and kept else None
    files = (*kept, *publishing.files)
    about = replace(publishing.about, through=newest_day(files)) if publishing.days else publishing.about
    if base:
        incomplete = {**without(base.incomplete, publishing.days), **publishing.about.incomplete}
        hidden = {**base.encrypted, **about.encrypted}
        about = replace(about, encrypted=hidden, incomplete=incomplete, mixed=base.mixed or base.columns != columns(product))
    return Change(about, files, lambda properties: _write(publishing, table, properties))


def trusted(place: Place, table: DeltaTable, files: tuple[DataFile, ...]) -> Publication:
    """The publication of the table's version with these files: what it holds is signed again with the new ones, so it must be good."""
    try:
        return verified(place, table, files).publication
    except Unverified as error:
        raise refusal(place, error.version, str(error)) from error


def newest_day(files: Iterable[DataFile]) -> date | None:
    """The newest day that the files have; None when they have none."""
    return max((file.day for file in files if file.day), default=None)


def without(shares: Mapping[str, float], days: Collection[date]) -> dict[str, float]:
    """The shares of all days but these."""
    return {day: share for day, share in shares.items() if date.fromisoformat(day) not in days}


def _write(publishing: _Publishing, table: DeltaTable | None, properties: CommitProperties) -> None:
    product, split = publishing.stage.product, partitions(publishing.stage.product)
    schema = schema_of(product, table)
    if table is None:
        create_table_with_add_actions(
            publishing.place.storage.root,
            schema,
            list(publishing.adds),
            mode="error",
            partition_by=split,
            name=str(product.address),
            description=product.description,
            configuration=CONFIGURATION,
            commit_properties=properties,
        )
        return
    days = sorted(str(day) for day in publishing.days)
    table.create_write_transaction(
        list(publishing.adds),
        mode="overwrite",
        schema=schema,
        partition_by=split,
        partition_filters=[(split[0], "in", days)] if split else None,
        commit_properties=properties,
    )
