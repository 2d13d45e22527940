"""The catalogue as files: the served pages' templates, with links that work from a file share and a search of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dagmesh.consume.identity.principal import ANALYST, Principal
from dagmesh.consume.pages.facts import Facts
from dagmesh.consume.pages.how_to_read import how_to_read
from dagmesh.consume.pages.links import FileLinks
from dagmesh.consume.pages.product_page import product_page
from dagmesh.consume.pages.rendering import rendered
from dagmesh.consume.pages.routes import ASSETS, asset
from dagmesh.consume.pages.start_page import domain_page, start_page
from dagmesh.consume.search import Found, script
from dagmesh.errors import MeshError, NotPublished
from dagmesh.lake.whole_files import replace_whole
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh

INDEX = "assets/products.js"


@dataclass(frozen=True)
class Site:
    """What was built: the folder, how many products it shows, and why it leaves others out."""

    folder: Path
    products: int
    left_out: tuple[str, ...]


def build_site(mesh: Mesh, folder: Path, now: datetime) -> Site:
    """The catalogue in a folder, as an analyst sees it; without rows, as nobody records who opens a file.

    Args:
        mesh: whose products.
        folder: an empty or new one, or that of an earlier build, whose pages are replaced.
        now: the moment its pages are of.

    Raises:
        MeshError: the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / INDEX).exists():
        raise MeshError(f"{folder} is not empty and no catalogue; choose another: dagmesh catalog build --out <folder>")
    facts, left_out = Facts.of(mesh), list[str]()
    written = set()
    for name, text in _files(facts, now, left_out):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(path, text)
        written.add(path)
    for stale in {*folder.glob("products/*.html"), *folder.glob("domains/*.html")} - written:
        stale.unlink()
    return Site(folder, len([path for path in written if path.parent.name == "products"]), tuple(left_out))


def _files(facts: Facts, now: datetime, left_out: list[str]) -> Iterator[tuple[str, str]]:
    """Each file's name and text; why a product has none is added to `left_out`."""
    top, below, nobody = FileLinks(), FileLinks(up="../"), Principal("nobody", ANALYST)
    with facts.index.fresh() as con:
        for name in ASSETS:
            yield f"assets/{name}", asset(name).decode()
        yield INDEX, script(con)
        start = start_page(con, now)
        yield "index.html", rendered("start.html", top, now, **start)
        yield "search.html", rendered("search.html", top, now, asked="", found=Found())
        for domain in start["domains"]:
            values = domain_page(con, facts, domain["name"])
            yield f"domains/{domain['name']}.html", rendered("domain.html", below, now, **values)
        for (text,) in con.execute("SELECT address FROM product ORDER BY name, major").fetchall():
            try:
                shown = product_page(facts, con, Address.parse(text), nobody, now)
            except NotPublished as error:
                left_out.append(str(error))
                continue
            more: dict[str, Any] = {"snippets": how_to_read(shown["address"], ANALYST, None), "sample": None, "asked": None}
            yield f"products/{text}.html", rendered("product.html", below, now, **shown, **more)
