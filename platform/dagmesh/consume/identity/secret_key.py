"""The mesh's own secret on this machine: what keeps hashes of tokens useless to who finds them, and sessions from being made up."""

from __future__ import annotations

import hmac
import secrets
import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from dagmesh.errors import MeshError
from dagmesh.lake.owner_only import OTHERS, owner_only
from dagmesh.lake.whole_files import create_secret

_SIZE = 32


@dataclass(frozen=True)
class SecretKey:
    """A key for message authentication codes."""

    key: bytes

    def code(self, use: str, text: str) -> str:
        """The HMAC-SHA-256 of a text for one use, as hexadecimal digits; the codes of two uses never stand for each other."""
        return hmac.new(self.key, f"{use}\0{text}".encode(), sha256).hexdigest()

    def proves(self, use: str, text: str, code: str) -> bool:
        """Whether the code is the text's, told in a time that says nothing of how far it is right."""
        return hmac.compare_digest(self.code(use, text).encode(), code.encode())


def identity_home(home: Path) -> Path:
    """The folder of what proves who asks, for its owner only."""
    return owner_only(home / "identity")


def secret_key(home: Path) -> SecretKey:
    """The key in the mesh's home, made on first use.

    Raises:
        MeshError: others than its owner can read the file, or it is not whole.
    """
    path = identity_home(home) / "key"
    if not path.exists():
        create_secret(path, secrets.token_bytes(_SIZE))
    mode, key = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    if mode & OTHERS:
        raise MeshError(
            f"{path}: mode {mode:04o} lets others than its owner at the key of all tokens; only 0600 is allowed. Run: chmod 600 {path}"
        )
    if len(key) != _SIZE:
        raise MeshError(f"{path}: has {len(key)} bytes, not {_SIZE}. Put the key back, or remove the file and make every token anew.")
    return SecretKey(key)
