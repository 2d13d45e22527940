"""Events: what happened in a domain, as CloudEvents 1.0, and the hash that chains each to the one before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

GENESIS = b"\0" * 32
DOMAIN = b"dagmesh event 1\n"  # in front of what is hashed, so that no other hash is taken for an event's
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# One for all, as json.dumps makes one a call. What has itself inside is a RecursionError without a search for it, too.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False)


class NewEvent(NamedTuple):
    """An event to append. `id` is its producer's: the same id is the same event, however often it is handed over.

    `subject` is a path: `orders/4711`. `time` is when it happened, with a time zone. `version` is its type's version, None:
    the newest that is registered.
    """

    id: str
    type: str
    subject: str
    time: datetime
    data: Mapping[str, Any]
    version: int | None = None


@dataclass(frozen=True)
class Event:
    """An event of a store. `time` is UTC; `predecessor` and `hash` are SHA-256 sums."""

    position: int
    id: str
    source: str
    type: str
    version: int
    subject: str
    time: datetime
    data: Mapping[str, Any]
    predecessor: bytes
    hash: bytes

    def to_cloudevent(self) -> dict[str, Any]:
        """The event in CloudEvents' JSON format, position and hashes as extension attributes.

        Source: CloudEvents 1.0.2, JSON event format.
        """
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": self.data,
            "position": self.position,
            "schemaversion": self.version,
            "predecessorhash": self.predecessor.hex(),
            "hash": self.hash.hex(),
        }


@dataclass(frozen=True)
class Head:
    """The newest event of a store: its position (0: there is none) and its hash, which stands for all before it."""

    position: int = 0
    hash: bytes = GENESIS


def canonical(data: Mapping[str, Any]) -> str:
    """The one JSON text of a payload: sorted keys, no spaces; ValueError for NaN and infinities."""
    return _ENCODER.encode(data)


def chain_hash(
    predecessor: bytes, position: int, id: str, source: str, type: str, version: int, subject: str, time: int, data: str
) -> bytes:
    """The event's hash, over its predecessor's and everything stored of it; the lengths keep other texts from giving the same."""
    said = f"{position} {time} {version} {len(id)} {len(source)} {len(type)} {len(subject)} {id}{source}{type}{subject}\n{data}"
    return hashlib.sha256(DOMAIN + predecessor + said.encode()).digest()


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 in UTC of a moment with a time zone."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """The UTC moment so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)
