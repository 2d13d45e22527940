"""Waivers: files that let one product break one policy for a while, with a reason and somebody who answers for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from dagmesh.errors import nearest, one_of
from dagmesh.model.product_reading import OWNER
from dagmesh.model.yaml_text import read_strictly

FIELDS = ("policy", "product", "reason", "approver", "expires")


@dataclass(frozen=True)
class Waiver:
    """One waiver, complete; it holds until the end of the UTC day `expires`."""

    policy: str
    product: str
    reason: str
    approver: str
    expires: date
    file: str

    def describe(self) -> dict[str, Any]:
        """The waiver as JSON values."""
        return {**vars(self), "expires": self.expires.isoformat()}

    def __str__(self) -> str:
        return f"{self.policy} is waived until {self.expires} by {self.approver}: {self.reason}"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file of a domain's policies or waivers; `product` is None when it is about the whole domain."""

    file: str
    message: str
    product: str | None = None


@dataclass(frozen=True)
class Waivers:
    """The waivers of a domain that hold, and what is wrong with the others."""

    held: tuple[Waiver, ...] = ()
    faults: tuple[Fault, ...] = ()

    def of(self, policy: str, product: str) -> Waiver | None:
        """The waiver that lets the product break the policy, if any."""
        return next((waiver for waiver in self.held if (waiver.policy, waiver.product) == (policy, product)), None)


def read_waivers(folder: Path, policies: Collection[str], products: Collection[str], today: date) -> Waivers:
    """The waivers of a domain's folder.

    Args:
        folder: `domains/<domain>`.
        policies: the names of the policies that can be waived.
        products: the names of the domain's products.
        today: the UTC day of the verdict.
    """
    held: list[Waiver] = []
    faults: list[Fault] = []
    for path in sorted((folder / "waivers").glob("*")):
        file = f"domains/{folder.name}/waivers/{path.name}"
        read = _read(path)
        complaints = list(_complaints(path, read, policies, products, today))
        if complaints:
            faults.append(Fault(file, " ".join(complaints), _product(path, read, products)))
        else:
            held.append(Waiver(**{word: read[word] for word in FIELDS}, file=file))
    return Waivers(tuple(held), tuple(faults))


def _read(path: Path) -> dict[str, Any]:
    if path.suffix != ".yaml":
        return {}
    try:
        values = read_strictly(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return {}
    return values if isinstance(values, dict) else {}


def _product(path: Path, read: dict[str, Any], products: Collection[str]) -> str | None:
    named = str(read.get("product") or path.stem.rpartition(".")[2])
    return named if named in products else None


def _complaints(path: Path, read: dict[str, Any], policies: Collection[str], products: Collection[str], today: date) -> Iterator[str]:
    missing = [word for word in FIELDS if not str(read.get(word) or "").strip()]
    unknown = [str(word) for word in read if word not in FIELDS]
    if missing or unknown:
        said = f"lacks {one_of(missing)}" if missing else f"has '{unknown[0]}', which means nothing"
        yield f"{said}; a waiver is YAML with {', '.join(FIELDS[:-1])} and {FIELDS[-1]}."
        return
    if path.name != f"{read['policy']}.{read['product']}.yaml":
        yield f"is named otherwise than what it waives; call it {read['policy']}.{read['product']}.yaml."
    if read["policy"] not in policies:
        yield f"waives '{read['policy']}', which is no policy that can be waived.{nearest(str(read['policy']), policies)}"
    if read["product"] not in products:
        yield f"waives for '{read['product']}', which is no product of the domain.{nearest(str(read['product']), products)}"
    if not OWNER.match(str(read["approver"])):
        yield f"approver {read['approver']!r} is nobody who can be reached; write team:<name> or an e-mail address."
    if type(read["expires"]) is not date:
        yield f"expires {str(read['expires'])!r} is not a day; write YYYY-MM-DD."
    elif read["expires"] < today:
        yield f"expired on {read['expires']}; mend what it waives, or have it approved again."
