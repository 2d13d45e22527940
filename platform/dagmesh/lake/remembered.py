"""What is known of a stage because the very same bytes were published before: the product's own signed publications say it.

A verdict is taken from nowhere else: not from a note beside the lake, and not for rows that are only said to be the same. What
holds is the SHA-256 of each file of a day, in a snapshot that verifies, added by a publication that the domain signed, which says
what the same contract was found to be by the same audit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from dagmesh.lake.data_file import DataFile
from dagmesh.lake.history import history
from dagmesh.lake.place import Place
from dagmesh.lake.publication import Publication
from dagmesh.lake.stage import Stage
from dagmesh.lake.verify import load

# So that looking costs the same at any length of history; what runs again runs soon after.
LOOKED_BACK = 20  # publications


@dataclass(frozen=True)
class Remembered:
    """What a publication says of a day (None: of a whole product) whose files are staged again.

    `audited` is what its audit counted, as `Record.audited` says it, `row_hash` the sum of the rows' hashes.
    """

    rows: int
    row_hash: int
    audited: Mapping[str, Any]
    publication: Publication


def remembered(place: Place, stage: Stage, judged_by: str) -> dict[date | None, Remembered]:
    """What is known of the stage's days, of those whose files were published before under this contract, judged by this audit.

    Raises:
        NotPublished, UntrustedSnapshot: there is no snapshot, or the newest is not to be trusted.
    """
    staged = _contents(stage)
    published = _by_day(file for file in load(place).files if file.day in staged)
    again = {day: files for day, files in published.items() if staged[day] == sorted(map(_content, files))}
    found: dict[date | None, Remembered] = {}
    if not again:
        return found
    fingerprint = stage.product.contract.fingerprint()
    for past in islice(history(place), LOOKED_BACK):
        said, added = past.publication, {file["path"] for file in past.publication.files}
        if past.trusted and (said.contract_fingerprint, said.judged_by) == (fingerprint, judged_by):
            for day, files in again.items():
                audited = said.audited.get(str(day or ""))
                if audited is not None and added.issuperset(file.path for file in files):
                    rows, hashes = sum(file.rows for file in files), sum(file.row_hash for file in files)
                    found.setdefault(day, Remembered(rows, hashes % 2**64, audited, said))
        if len(found) == len(again):
            break
    return found


def _by_day(files: Iterable[DataFile]) -> dict[date | None, list[DataFile]]:
    days: dict[date | None, list[DataFile]] = {}
    for file in files:
        days.setdefault(file.day, []).append(file)
    return days


def _content(file: DataFile) -> tuple[str, str]:
    """The day's folder, which names its column, and the hash of the bytes."""
    return file.path.rpartition("/")[0], file.sha256


def _contents(stage: Stage) -> dict[date | None, list[tuple[str, str]]]:
    days: dict[date | None, list[tuple[str, str]]] = {}
    for file in stage.files:
        days.setdefault(file.day, []).append((file.folder, file.sha256))
    return {day: sorted(contents) for day, contents in days.items()}
