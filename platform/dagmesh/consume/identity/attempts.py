"""Attempts at an identity: how often an address failed lately, so that nobody tries proofs without end."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from hashlib import sha256

FAILURES = 20  # in a window
WINDOW = 60.0  # seconds
_REMEMBERED = 10_000


class Attempts:
    """Failures by address, an IPv6 one by its network of 64 bits; a proof that was good before is always looked at again.

    So a noisy neighbour behind the same address does not lock out those who are already in.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._good: OrderedDict[bytes, None] = OrderedDict()

    def wait(self, address: str, proof: str) -> float:
        """Seconds until a proof from an address is looked at; 0 for at once."""
        if _digest(proof) in self._good:
            return 0.0
        failures = self._failures.get(_network(address), deque())
        while failures and self._clock() - failures[0] >= WINDOW:
            failures.popleft()
        return WINDOW - (self._clock() - failures[0]) if len(failures) >= FAILURES else 0.0

    def failed(self, address: str, proof: str) -> None:
        """Count a failure."""
        self._good.pop(_digest(proof), None)
        kept = self._failures.setdefault(_network(address), deque(maxlen=FAILURES))
        kept.append(self._clock())
        _keep(self._failures, _network(address))

    def succeeded(self, proof: str) -> None:
        """Remember a proof that was good."""
        self._good[_digest(proof)] = None
        _keep(self._good, _digest(proof))


def _keep(remembered: OrderedDict[str, deque[float]] | OrderedDict[bytes, None], newest: str | bytes) -> None:
    """Let the newest be the last to be forgotten."""
    remembered.move_to_end(newest)  # type: ignore[arg-type]  # each is given its own kind of key
    if len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)


def _digest(proof: str) -> bytes:
    return sha256(proof.encode()).digest()


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
