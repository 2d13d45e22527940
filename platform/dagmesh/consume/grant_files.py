"""Grants against the products they are on: their mistakes, and writing one down."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dagmesh.consume.grants import Grants
from dagmesh.consume.row_filter import filter_problem
from dagmesh.errors import Problem, nearest, one_of
from dagmesh.model.grant import Grant


def grant_text(grant: Grant) -> str:
    """The grant as YAML."""
    return yaml.safe_dump(grant.describe(), sort_keys=False, allow_unicode=True, width=120)


def write_grant(root: Path, grant: Grant) -> Path:
    """The grant's file below the mesh's root, written whole at once."""
    path = root / grant.file
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    beside.write_text(grant_text(grant), encoding="utf-8")
    beside.replace(path)
    return path


def grant_problems(root: Path, domain: str, products: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Every mistake in a domain's grants, by file: those of the files themselves and those against its products.

    Args:
        root: the mesh's root.
        domain: the producer.
        products: its products as they are described, every major.
    """
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for product in products:
        by_name.setdefault(product["name"], []).append(product)
    problems: list[Problem] = []
    for found in Grants(root).of_producer(domain):
        problems += found.problems
        if found.grant:
            problems += [Problem(found.file, "", where, message) for where, message in complaints(found.grant, by_name)]
    return problems


def complaints(grant: Grant, products: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[str, str]]:
    """Each field of a grant that does not fit its producer's products, with why; the products by name, described."""
    if grant.consumer == grant.producer:
        yield "consumer", f"{grant.producer} owns {grant.product} and needs no grant; remove the file."
    if grant.product not in products:
        known = f"choose {one_of(products)}" if products else f"{grant.producer} has none"
        yield "product", f"no product '{grant.product}'; {known}.{nearest(grant.product, products)}"
        return
    chosen = [product for product in products[grant.product] if _major(product) in grant.majors]
    if not chosen:
        majors = one_of(sorted(str(_major(product)) for product in products[grant.product]))
        yield "majors", f"{grant.majors} holds no major of {grant.product}; there is {majors}."
    for product in chosen:
        yield from _against(grant, product)


def _against(grant: Grant, product: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with a grant on a product of one of its majors."""
    columns = {column["name"]: column for column in product["contract"]["columns"]}
    for where, names in (("columns", grant.columns), ("mask", grant.mask)):
        for name in names:
            if name not in columns:
                yield where, f"no column '{name}' in {grant.product}@{_major(product)}; choose {one_of(columns)}.{nearest(name, columns)}"
    for name, mask in grant.mask.items():
        if mask in ("hash", "partial") and name in columns and columns[name]["type"] != "VARCHAR":
            yield "mask", f"{mask} works on text, and {name} is {columns[name]['type']}; choose null."
    if grant.status == "approved" and grant.approver != product["owner"]:
        yield "approver", f"{grant.approver} is not {product['owner']}, who owns {grant.product}; only the owner's approval counts."
    problem = filter_problem(grant.rows, product) if grant.rows else ""
    if problem:
        yield "rows", problem


def _major(product: Mapping[str, Any]) -> int:
    return int(product["version"].split(".")[0])
