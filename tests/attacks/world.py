"""A mesh to attack: what its readers may see is the same in every such world, and what they may not see is the world's own.

Finance is granted the profiles of one city, without the credit and with the e-mail address masked; marketing is served them, masked;
the ledger serves nobody. A token of the world's own stands in everything that finance may not see: columns, rows, products, the names
of the lake's folders, files of the home and beside it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml
from tests.consume.conftest import MONDAY, TUESDAY, Shop

import dagmesh as dm
from dagmesh.lake.lake import Lake
from dagmesh.model.mesh import Mesh

DOMAINS = ("customers", "finance", "ledger", "marketing", "orders")
PRINCIPALS = [
    {"token": "fin", "reader": "finance"},
    {"token": "mark", "reader": "marketing"},
    {"token": "crm", "reader": "customers", "roles": ["owner"]},
    {"token": "ord", "reader": "orders"},
    {"token": "bot", "reader": "finance", "kind": "agent"},
]
MASK_SECRET = bytes(range(32))  # the same in every world: a keyed hash says no more than which values are equal


class Entries(dm.Contract):
    """One row per entry."""

    entry_id: int = dm.field(key=True, description="The entry.")
    secret: str = dm.field(classification="confidential", description="What nobody is shown.")


@dm.data_product(contract=Entries, version="1.0.0", serves=[], promise=dm.Promise())
def entries(books: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return books


@dataclass(frozen=True)
class World:
    """A mesh on disk with its secrets, and a folder beside it."""

    root: Path
    mesh: Mesh
    token: str

    @property
    def canaries(self) -> set[str]:
        """What must be in no answer, in lower case: the token, backwards too, in other alphabets, and its digests."""
        secret = f"z{self.token}@example.com"
        spelt = {self.token, self.token[::-1], self.token.encode().hex(), self.number}
        digests = {getattr(hashlib, name)(text.encode()).hexdigest() for name in ("md5", "sha1", "sha256") for text in (self.token, secret)}
        return {text.lower() for text in spelt | digests}

    @property
    def number(self) -> str:
        """The token as eight digits."""
        return f"{int(hashlib.sha256(self.token.encode()).hexdigest(), 16) % 90_000_000 + 10_000_000}"

    def files(self) -> dict[str, str]:
        """Digest by path of every file that a statement must not touch: all but the logs."""
        logs = {"reads", "identity", "agents", "feedback"}
        found = [path for path in sorted(self.root.rglob("*")) if path.is_file() and not logs & {*path.parts}]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def made(root: Path, token: str) -> World:
    """The world of a token, in a new folder: rows and columns that finance may see are the same whatever the token."""
    mesh = _mesh(root / "mesh", token)
    lake = Lake.of(mesh)
    lake.signing_key("customers")
    secret = mesh.home / "private/customers/mask_secret"
    world = World(root, mesh, token)
    con = lake.connect()
    shop = Shop(lake, con)
    shop.publish_orders({MONDAY: [1, 2, 3], TUESDAY: [4]})
    shop.publish(shop.profiles, _people(world))
    shop.publish(entries.in_domain("ledger", "team:ledger", None), f"(VALUES (1, '{token}'), (2, 'x{token}')) AS e(entry_id, secret)")
    shop.grant(columns=["customer_id", "city", "born_on", "email"], mask={"email": "partial"}, rows="city = 'Graz'")
    shop.grant(consumer="orders", columns=["city"], rows="CASE WHEN city = 'Graz' THEN true ELSE city::INT > 0 END")
    con.close()
    _plant(world, secret)
    return world


def _mesh(root: Path, token: str) -> Mesh:
    (root / "platform").mkdir(parents=True)
    stanza = "  - python_module: {{module_name: {0}.definitions, working_directory: domains/{0}}}\n"
    (root / "workspace.yaml").write_text("load_from:\n" + "".join(stanza.format(name) for name in DOMAINS))
    (root / "platform/principals.yaml").write_text(yaml.safe_dump({"principals": PRINCIPALS}))
    return Mesh.find(root)


def _people(world: World) -> str:
    """Two people of Graz, the second with a secret credit and address; two of Linz, all of whose values are the world's."""
    rows: list[tuple[Any, ...]] = [
        ("c1", "ada@example.com", "1990-12-10", "12.5", "Graz"),
        ("c2", f"z{world.token}@example.com", "1991-01-01", f"{world.number[:7]}.5", "Graz"),
        (
            f"c{world.token}",
            f"{world.token}@example.com",
            f"19{int(world.number[:2]) % 60 + 30}-02-03",
            world.number,
            f"Linz {world.token}",
        ),
        ("0", world.token, "1888-08-08", world.number[::-1].lstrip("0"), f"0{world.token}"),
    ]
    values = ", ".join(
        f"('{key}', '{email}', DATE '{born}', {credit}::DECIMAL(12, 4), TIMESTAMPTZ '2026-11-16 08:00:00+00', ['{world.token}'], '{city}')"
        for key, email, born, credit, city in rows
    )
    return f"(VALUES {values}) AS p(customer_id, email, born_on, credit_eur, seen_at, tags, city)"


def _plant(world: World, secret: Path) -> None:
    """Files with the token: in the home, and in the folder beside the mesh."""
    outside = world.root / "outside"
    outside.mkdir()
    for folder in (world.mesh.home, outside):
        for name in ("secret.csv", "secret.json", "secret.txt"):
            (folder / name).write_text(f'{{"secret": "{world.token}"}}\n' if name.endswith("json") else f"secret\n{world.token}\n")
        with duckdb.connect() as con:
            con.execute(f"COPY (SELECT '{world.token}' AS secret) TO '{folder}/secret.parquet'")
