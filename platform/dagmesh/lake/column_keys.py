"""Keys of encrypted columns: one for each classification of a domain, in its home, for its owner only."""

from __future__ import annotations

import hmac
import secrets
import stat
from hashlib import sha256
from pathlib import Path

from dagmesh.errors import MeshError
from dagmesh.lake.owner_only import OTHERS, owner_only, private_home
from dagmesh.lake.whole_files import create_secret

_SIZE = 32  # bytes: AES-256


def column_key(home: Path, domain: str, classification: str, *, create: bool = False) -> bytes:
    """The key of a domain's columns of a classification, made on first use by who encrypts.

    Raises:
        MeshError: it is not on this machine, others than its owner can read it, or it is not whole.
    """
    path = owner_only(private_home(home, domain) / "column_keys") / classification
    if create and not path.exists():
        create_secret(path, secrets.token_bytes(_SIZE))
    if not path.exists():
        raise MeshError(
            f"{path}: the key of {domain}'s {classification} columns is not on this machine. Read them where {domain} publishes, "
            f"or bring its key here, for its owner only."
        )
    mode, key = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    if mode & OTHERS:
        raise MeshError(f"{path}: mode {mode:04o} lets others than its owner at the key; only 0600 is allowed. Run: chmod 600 {path}")
    if len(key) != _SIZE:
        raise MeshError(f"{path}: has {len(key)} bytes, not {_SIZE}. Put the domain's key back; without it its columns are lost.")
    return key


def salt(key: bytes) -> str:
    """What the hashes of encrypted rows are begun with, so that nobody finds a value by hashing guesses."""
    return hmac.new(key, b"row hashes", sha256).hexdigest()
