"""Subject keys: personal fields are stored encrypted, one AES-256-GCM key per subject; to delete the key is to erase them."""

from __future__ import annotations

import base64
import json
import secrets
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS keys(subject TEXT PRIMARY KEY, key BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS forgotten(subject TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT;
PRAGMA secure_delete = ON;
"""
_SEALED = "dagmesh:sealed:"


class SubjectKeys:
    """The keys of one store's subjects, in an SQLite file beside it, never in backups that outlive an erasure."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600, exist_ok=True)
        # DuckDB opens values in threads of its own; SQLite lets them in one at a time.
        self._con = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        self._con.execute("PRAGMA journal_mode=DELETE")  # a write-ahead log would keep deleted keys
        self._con.execute("PRAGMA synchronous=FULL")
        self._con.executescript(_TABLES)

    def sealed(self, subject: str, name: str, value: Any) -> str:
        """The value encrypted with the subject's key, which is made on first use; one that was forgotten gets a new one."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(12)
        text = AESGCM(self._key(subject)).encrypt(nonce, json.dumps(value).encode(), f"{subject}\n{name}".encode())
        return _SEALED + base64.b64encode(nonce + text).decode()

    def opened(self, subject: str, data: Mapping[str, Any], personal: Collection[str]) -> dict[str, Any]:
        """The payload with its personal values as they were; None for those whose key was deleted."""
        return {name: self._opened(subject, name, value) if name in personal else value for name, value in data.items()}

    def forget(self, subject: str, at: str) -> bool:
        """Whether there was a key, now deleted: whatever was encrypted with it can be read no more."""
        with self._con:
            self._con.execute("BEGIN IMMEDIATE")
            deleted = self._con.execute("DELETE FROM keys WHERE subject = ?", (subject,)).rowcount > 0
            self._con.execute("INSERT OR REPLACE INTO forgotten VALUES (?, ?)", (subject, at))
        return deleted

    def close(self) -> None:
        """Let go of the file."""
        self._con.close()

    def _opened(self, subject: str, name: str, value: str) -> Any:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._stored(subject)
        if key is None:
            return None
        sealed = base64.b64decode(value.removeprefix(_SEALED))
        try:
            return json.loads(AESGCM(key).decrypt(sealed[:12], sealed[12:], f"{subject}\n{name}".encode()))
        except InvalidTag:  # sealed with a key that was deleted since
            return None

    def _key(self, subject: str) -> bytes:
        # Looked up each time: another process may have deleted it.
        self._con.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (subject, secrets.token_bytes(32)))
        return self._stored(subject) or b""

    def _stored(self, subject: str) -> bytes | None:
        row = self._con.execute("SELECT key FROM keys WHERE subject = ?", (subject,)).fetchone()
        return row[0] if row else None
