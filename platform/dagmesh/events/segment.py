"""Segments: stretches of a store that were sealed, each a signed manifest and one typed Parquet file per event type and version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dagmesh.errors import ChainBroken
from dagmesh.events.event import GENESIS, canonical

FORMAT = "dagmesh segment 1"
RESTORE = "Put it back from a backup."


@dataclass(frozen=True)
class SegmentFile:
    """One file of a segment: the events of one version of one type, sorted by subject."""

    name: str
    type: str
    version: int
    count: int
    sha256: str


@dataclass(frozen=True)
class Segment:
    """The events from position `first` to `last`; `before` and `after` are the hashes of the events before the first and of the last.

    `signature` is the domain's, of `text`.
    """

    folder: Path
    source: str
    first: int
    last: int
    before: str
    after: str
    files: tuple[SegmentFile, ...]
    key_id: str
    signature: str = ""

    @property
    def manifest(self) -> Path:
        """Its manifest; a segment without one is none."""
        return self.folder / f"{self.first}-{self.last}.json"

    @property
    def said(self) -> dict[str, Any]:
        """What is signed, as JSON values."""
        files = [asdict(file) for file in self.files]
        head = {"before": self.before, "after": self.after, "files": files, "key_id": self.key_id}
        return {"format": FORMAT, "source": self.source, "first": self.first, "last": self.last, **head}

    @property
    def text(self) -> str:
        """What is signed."""
        return canonical(self.said)

    def to_json(self) -> str:
        """The manifest's text."""
        return json.dumps({**self.said, "signature": self.signature}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, manifest: Path) -> Segment:
        """The segment of a manifest.

        Raises:
            ChainBroken: the manifest is none.
        """
        try:
            said = json.loads(manifest.read_text(encoding="utf-8"))
            form, files = said.pop("format"), tuple(SegmentFile(**file) for file in said.pop("files"))
            segment = cls(manifest.parent, files=files, **said)
        except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
            raise _no_manifest(manifest, str(error)) from error
        if form != FORMAT or segment.manifest.name != manifest.name:
            raise _no_manifest(manifest, f"it says {form}, {segment.manifest.name}")
        return segment


def _no_manifest(manifest: Path, why: str) -> ChainBroken:
    first = int(manifest.name.partition("-")[0])
    return ChainBroken(f"{manifest} is no manifest of a segment ({why}). {RESTORE}", position=first)


def segments(folder: Path) -> list[Segment]:
    """The segments in a folder, in order, each following the one before; their signatures and files are not looked at.

    Raises:
        ChainBroken: one is missing between them, or its manifest is none.
    """
    manifests = [path for path in folder.glob("*-*.json") if path.stem.replace("-", "").isdecimal()]
    found = [Segment.read(path) for path in sorted(manifests, key=lambda path: int(path.stem.partition("-")[0]))]
    position, head = 0, GENESIS.hex()
    for segment in found:
        if (segment.first, segment.before) != (position + 1, head):
            what = f"starts at event {segment.first}, after {segment.before[:16]}; the one before ends at {position} with {head[:16]}"
            raise ChainBroken(f"{segment.manifest}: the segment {what}. {RESTORE}", position=position + 1)
        position, head = segment.last, segment.after
    return found


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
