"""Certificates of erasure: signed records that a subject's personal values can be read no more, without saying whose."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dagmesh.events.event import Head, canonical
from dagmesh.events.signing import Signer, Verifier
from dagmesh.events.store import EventStore

FORMAT = "dagmesh certificate of erasure 1"


@dataclass(frozen=True)
class Erasure:
    """What was erased.

    Args:
        domain: whose store.
        subject: whose personal values; the certificate has only its salted hash.
        at: when, in UTC.
        reason: why.
        by: who did it.
        key_deleted: there was a key; else the subject was forgotten before, or has no personal values.
        head: the newest event when the chain was verified after the erasure.
        removed: files and folders in the domain's home that held the values opened, and were removed.
        products: what became of each product that may have been made of the values, as JSON values.
    """

    domain: str
    subject: str
    at: datetime
    reason: str
    by: str
    key_deleted: bool
    head: Head
    removed: Sequence[str]
    products: Sequence[Mapping[str, Any]]


def write_certificate(folder: Path, store: EventStore, erasure: Erasure, key: Signer) -> Path:
    """The certificate's file, written whole and for its owner only: `<day>-<hash of the subject>.json`."""
    salt = secrets.token_hex(16)
    hashed = subject_hash(salt, erasure.subject)
    said: dict[str, Any] = {
        "format": FORMAT,
        **{name: value for name, value in asdict(erasure).items() if name not in ("subject", "head")},
        "at": erasure.at.isoformat(),
        "salt": salt,
        "subject_sha256": hashed,
        "positions": [event.position for event in store.read(erasure.subject, until=erasure.head.position)],
        "head": {"position": erasure.head.position, "hash": erasure.head.hash.hex()},
        "key_id": key.key_id,
    }
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / f"{erasure.at:%Y-%m-%d}-{hashed}.json"
    text = json.dumps({**said, "signature": key.sign(canonical(said))}, indent=1, ensure_ascii=False) + "\n"
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    return path


def subject_hash(salt: str, subject: str) -> str:
    """SHA-256 of salt and subject: who knows the subject can see that a certificate is its own."""
    return hashlib.sha256(f"{salt}\n{subject}".encode()).hexdigest()


def certifies(path: Path, subject: str, key: Verifier) -> bool:
    """Whether the file is a certificate of the subject's erasure that the key signed."""
    said = json.loads(path.read_text(encoding="utf-8"))
    signature = said.pop("signature", "")
    return said.get("subject_sha256") == subject_hash(said.get("salt", ""), subject) and key.verifies(canonical(said), signature)
