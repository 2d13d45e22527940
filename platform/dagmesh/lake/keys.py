"""Keys: each domain's Ed25519 pair, the private half in its home, the public half in the lake."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SigningKey:
    """A domain's private key; `key_id` names the pair."""

    domain: str
    key_id: str

    def sign(self, text: bytes) -> str:
        """The signature, base64."""
        raise NotImplementedError
