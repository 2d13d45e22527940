"""A receipt: what an answer was made of, under which policy, in what state; enough to run the question again later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from dagmesh.consume.catalogue import entry
from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.identity.secret_key import secret_key
from dagmesh.consume.resolver import Look
from dagmesh.errors import ReceiptRefused
from dagmesh.lake.lake import Lake
from dagmesh.model.json_ready import json_ready

_DIGITS = 12  # of floats: the last ones of a sum depend on the order in which threads add


@dataclass(frozen=True)
class Asked:
    """A statement that was run: its text, the most rows it might give, how many it gave, their digest.

    `repeatable` says whether it gives the same rows again: it calls no clock and no chance.
    """

    statement: str
    most_rows: int
    rows: int
    is_cut: bool
    rows_sha256: str
    repeatable: bool


@dataclass(frozen=True)
class Receipt:
    """What one answer to a principal was made of.

    Args:
        id: the query's in the read log.
        at: when it was answered, UTC, ISO 8601.
        principal: who asked.
        reader: the domain in whose name.
        purpose: what for.
        products: of each product its address with version and snapshot, checks, promise and policy decision.
        asked: the statement, where one was run.
        code: the mesh's authentication code of all the above.
    """

    id: str
    at: str
    principal: str
    reader: str
    purpose: str | None
    products: tuple[Mapping[str, Any], ...]
    asked: Asked | None = None
    code: str = field(default="", compare=False)

    def describe(self) -> dict[str, Any]:
        """The receipt as JSON values, the statement's left out where none was run."""
        said = {"receipt": 1, **asdict(self), "products": [dict(product) for product in self.products]}
        if self.asked is None:
            del said["asked"]
        return said

    def text(self) -> str:
        """What the code authenticates."""
        return json.dumps({**self.describe(), "code": ""}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def read(cls, text: str, home: Path) -> Receipt:
        """The receipt in a JSON text, which this mesh gave and nobody changed.

        Raises:
            ReceiptRefused: it is no receipt, or not one of this mesh.
        """
        try:
            said = json.loads(text)
            asked = Asked(**said["asked"]) if "asked" in said else None
            kept = {name: said[name] for name in ("id", "at", "principal", "reader", "purpose", "code")}
            receipt = cls(**kept, products=tuple(said["products"]), asked=asked)
            code = str(receipt.code)
        except (ValueError, TypeError, KeyError) as error:
            wanted = "hand over the value of `receipt` of an answer, as JSON"
            raise ReceiptRefused(f"this is no receipt ({type(error).__name__}: {error}); {wanted}.") from error
        if not secret_key(home).proves("receipt", receipt.text(), code):
            raise ReceiptRefused(f"receipt {receipt.id} was not given by this mesh, or was changed since; nothing in it is to be believed.")
        return receipt


def receipt(
    home: Path,
    principal: Principal,
    query: str,
    products: Iterable[Mapping[str, Any]],
    *,
    purpose: str | None = None,
    asked: Asked | None = None,
) -> Receipt:
    """A receipt with the mesh's code, of now."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    bare = Receipt(query, at, principal.name, principal.reader, purpose, tuple(json_ready(product) for product in products), asked)
    return Receipt(**{**vars(bare), "code": secret_key(home).code("receipt", bare.text())})


def product_in_receipt(lake: Lake, look: Look, reader: str) -> dict[str, Any]:
    """What a receipt says of a product that a reader read or looked at."""
    publication = look.snapshot.publication
    passed = [check["passed"] for check in publication.checks]
    kept = entry(lake, look.address).promise(datetime.now(UTC))
    return {
        "product": f"{look.address.name}@{publication.version}#{look.snapshot.version}",
        "snapshot": str(look.address),
        "checks": {"passed": sum(passed), "of": len(passed)},
        "promise": {"kept": kept.kept, "words": kept.words},
        "policy": {
            "decision": "allowed",
            "by": look.access.grant or ("ownership" if reader == look.address.domain else "serves"),
            "masked": dict(look.access.masks),
            "rows": look.access.rows,
        },
    }


def digest(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """SHA-256 of a result, whatever the order of its rows; floats to twelve digits."""
    lines = sorted(json.dumps([_settled(value) for value in row], ensure_ascii=False, sort_keys=True) for row in rows)
    return sha256("\n".join([json.dumps(list(columns)), *lines]).encode()).hexdigest()


def _settled(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    if isinstance(value, Mapping):
        return {str(key): _settled(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_settled(item) for item in value]
    return json_ready(value)
