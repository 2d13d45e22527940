"""Signing: what events need of a domain's key pair; lake/keys.py has it."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    """A domain's private key."""

    @property
    def key_id(self) -> str:
        """What names the pair."""
        ...

    def sign(self, text: str) -> str:
        """The signature, base64."""
        ...


class Verifier(Protocol):
    """A domain's public key."""

    @property
    def key_id(self) -> str:
        """What names the pair."""
        ...

    def verifies(self, text: str, signature: str) -> bool:
        """Whether the signature is this key's, of this text."""
        ...
