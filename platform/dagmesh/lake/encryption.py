"""Encrypted columns: Parquet's own modular encryption, a key per classification, the footer and every other column left readable.

Values are AES-GCM encrypted page by page with a data key, which the file holds wrapped by the classification's key. DuckDB and every
other reader read the columns that are not encrypted as they read any file.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MARK = b"dagmesh.encrypted"
"""In a file's footer: its encrypted columns and their classifications, as JSON."""

_NONCE = 12  # bytes
_BITS = 256
_FOOTER = "footer"
_NOBODYS = bytes(_BITS // 8)  # the footer is in plain text; whether it is the published one says the publication's signature


class _Keys(pe.KmsClient):  # type: ignore[misc]  # pyarrow has no types
    """Wraps the data keys of files by the keys of classifications."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        super().__init__()
        self._keys = {**keys, _FOOTER: _NOBODYS}

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        """The data key, encrypted; its name is bound to it."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(self._keys[master_key_identifier]).encrypt(nonce, key_bytes, master_key_identifier.encode())
        return base64.b64encode(nonce + sealed)

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        """The data key as it was; cryptography's InvalidTag when another key wrapped it."""
        raw = base64.b64decode(wrapped_key)
        return AESGCM(self._keys[master_key_identifier]).decrypt(raw[:_NONCE], raw[_NONCE:], master_key_identifier.encode())


def encrypt(source: str, target: str, columns: Mapping[str, str], keys: Mapping[str, bytes]) -> int:
    """How many bytes the file has that was written: the source's rows, with these columns encrypted.

    Args:
        source, target: paths.
        columns: each column to encrypt and its classification.
        keys: the key of each of these classifications, 32 bytes.
    """
    by_class = {name: [column for column, classification in columns.items() if classification == name] for name in keys}
    how = pe.EncryptionConfiguration(
        footer_key=_FOOTER,
        column_keys=by_class,
        plaintext_footer=True,
        data_key_length_bits=_BITS,
        internal_key_material=True,
        double_wrapping=False,
    )
    properties = _factory(keys).file_encryption_properties(pe.KmsConnectionConfig(), how)
    rows = pq.ParquetFile(source)
    with pq.ParquetWriter(target, rows.schema_arrow, compression="zstd", encryption_properties=properties, store_schema=False) as writer:
        for group in range(rows.num_row_groups):
            writer.write_table(rows.read_row_group(group))
        writer.add_key_value_metadata({MARK: json.dumps(dict(columns))})
    return Path(target).stat().st_size


def decrypt(source: str, target: str, classes: Mapping[str, bytes]) -> None:
    """Write the source's rows with the columns of these classifications in plain text, those of others left out.

    Args:
        source, target: paths.
        classes: the key of each classification to open.
    """
    plain = pq.ParquetFile(source)
    closed = [name for name, classification in encrypted_in(plain.schema_arrow).items() if classification not in classes]
    names = [name for name in plain.schema_arrow.names if name not in closed]
    properties = _factory(classes).file_decryption_properties(pe.KmsConnectionConfig())
    rows = pq.ParquetFile(source, decryption_properties=properties)
    schema = pa.schema([rows.schema_arrow.field(name) for name in names])
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for group in range(rows.num_row_groups):
            writer.write_table(rows.read_row_group(group, columns=names))


def encrypted_in(schema: pa.Schema) -> dict[str, str]:
    """The encrypted columns of a file with a schema, and their classifications."""
    found: dict[str, str] = json.loads((schema.metadata or {}).get(MARK, b"{}"))
    return found


@lru_cache(maxsize=16_384)
def encrypted_columns(path: str) -> Mapping[str, str]:
    """The same of a published file, which never changes under its name."""
    return encrypted_in(pq.read_schema(path))


def _factory(keys: Mapping[str, bytes]) -> Any:
    """A factory that knows these keys and, new each time, remembers none of another's."""
    return pe.CryptoFactory(lambda _: _Keys(keys))
