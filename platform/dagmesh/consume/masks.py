"""Masks: how a reader who may not see a column's values sees it, as SQL."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagmesh.errors import MeshError
from dagmesh.lake import quoting
from dagmesh.lake.owner_only import private_home
from dagmesh.lake.whole_files import create_secret
from dagmesh.model.grant import GrantMask

REST = "•••"
_TEXT = "VARCHAR"
_BLOCK, _KEY_BYTES = 64, 32


def shown_as(column: Mapping[str, Any], mask: GrantMask, key: bytes) -> str:
    """The described column as the mask shows it, under its own name and type.

    Args:
        column: as the product describes it.
        mask: "none", or of text "partial" (the first character) or "hash"; everything else is NULL.
        key: what hashes are keyed with; see `mask_key`.
    """
    name = quoting.name(column["name"])
    if mask == "none":
        return name
    if column["type"] != _TEXT or mask == "null":
        return f"CAST(NULL AS {column['type']}) AS {name}"
    return f"{_partial(name) if mask == 'partial' else _hmac(name, key)} AS {name}"


def _partial(name: str) -> str:
    return f"left_grapheme({name}, 1) || '{REST}'"


def _hmac(name: str, key: bytes) -> str:
    """HMAC-SHA256 of the text in hexadecimal, RFC 2104, as SQL."""
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(_BLOCK, b"\0")).hex() for pad in (0x36, 0x5C))
    return f"sha256(from_hex('{outer}') || from_hex(sha256(from_hex('{inner}') || encode({name}))))"


def mask_key(home: Path, producer: str, consumer: str) -> bytes:
    """What the producer's hashes for one consumer are keyed with.

    Equal values stay equal for the consumer in all of the producer's products, so that it can join and count. Two consumers cannot
    bring theirs together, and who has no key cannot try a dictionary.

    Raises:
        MeshError: the producer's secret is damaged.
    """
    path = private_home(home, producer) / "mask_secret"
    if not path.exists():
        create_secret(path, os.urandom(_KEY_BYTES))
    secret = path.read_bytes()
    if len(secret) != _KEY_BYTES:
        raise MeshError(f"{path} has {len(secret)} bytes, and {producer}'s secret for hashes has {_KEY_BYTES}. Put it back, or remove it.")
    return hmac.digest(secret, consumer.encode(), hashlib.sha256)
