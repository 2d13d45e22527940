"""Keys: each domain's Ed25519 pair, the private half in its home, the public half in the lake."""

from __future__ import annotations

import base64
import binascii
import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from dagmesh.errors import MeshError
from dagmesh.lake.owner_only import OTHERS, private_home
from dagmesh.lake.storage import Storage
from dagmesh.lake.whole_files import create_secret


@dataclass(frozen=True)
class PublicKey:
    """A domain's public key."""

    key: Ed25519PublicKey

    @property
    def key_id(self) -> str:
        """Sixteen hexadecimal digits that name the pair."""
        return hashlib.sha256(self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]

    @property
    def pem(self) -> bytes:
        """The key as text."""
        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, text: str, signature: str) -> bool:
        """Whether the signature (base64) is this key's, of this text."""
        try:
            self.key.verify(base64.b64decode(signature, validate=True), text.encode())
        except (InvalidSignature, binascii.Error):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A domain's private key."""

    domain: str
    key: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        """The pair's public half."""
        return PublicKey(self.key.public_key())

    @property
    def key_id(self) -> str:
        """Sixteen hexadecimal digits that name the pair."""
        return self.public.key_id

    def sign(self, text: str) -> str:
        """The signature, base64."""
        return base64.b64encode(self.key.sign(text.encode())).decode()


def signing_key(home: Path, domain: str) -> SigningKey:
    """The domain's private key, created on first use.

    Raises:
        MeshError: others than its owner can read the file, or it holds no Ed25519 key.
    """
    path = private_home(home, domain) / "signing_key"
    if not path.exists():
        _create(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        raise MeshError(
            f"{path}: mode {mode:04o} lets others than its owner at the signing key of {domain}; only 0600 is allowed. "
            f"Run: chmod 600 {path}"
        )
    return SigningKey(domain, _loaded(path))


def _create(path: Path) -> None:
    """Write a new key; of several who try, the first one's stays."""
    create_secret(path, Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _loaded(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise MeshError(
            f"{path} is no private key in PEM: {error}. Put the domain's key back, or remove the file for a new one."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise MeshError(f"{path} holds a {type(key).__name__}; only Ed25519 signs publications. Put the domain's key back.")
    return key


def key_name(domain: str) -> str:
    """Where the domain's public key is in the lake."""
    return f"_keys/{domain}.pub"


def public_key(lake: Storage, domain: str) -> PublicKey | None:
    """The domain's public key in the lake; None when there is none, or what is there is no such key."""
    pem = lake.read(key_name(domain))
    if pem is None:
        return None
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        return None
    return PublicKey(key) if isinstance(key, Ed25519PublicKey) else None


def announce(lake: Storage, key: SigningKey) -> None:
    """Put the key's public half in the lake, once.

    Raises:
        MeshError: the lake holds another public key for the domain.
    """
    found = public_key(lake, key.domain)
    if found is None and lake.create(key_name(key.domain), key.public.pem):
        return
    found = found or public_key(lake, key.domain)
    if found is None or found.key_id != key.key_id:
        place = lake.path(key_name(key.domain))
        raise MeshError(
            f"{place} holds {f'the public key {found.key_id}' if found else 'no Ed25519 key'}; the signing key of {key.domain} on "
            f"this machine is {key.key_id}. Bring the domain's signing_key here from where it publishes; if it is lost, its owner "
            f"removes {place} and publishes every product of {key.domain} anew."
        )
