"""`dagmesh forget`: after it, nothing that the domain keeps or publishes anew has the erased values."""

import json
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result
from tests.event_mesh import DAYS, EventMesh, event, event_mesh, events_of
from tests.small_mesh import forget

from dagmesh.cli import main
from dagmesh.events.projections.of_product import definition_of
from dagmesh.events.projections.personal import folds_personal
from dagmesh.model.address import Address

__all__ = ["event_mesh"]
ADA = ("Ada Lovelace", "ada@example.org")


def dagmesh(*arguments: str) -> Result:
    forget()
    return CliRunner().invoke(main, arguments)


def holds(path: Path, texts: tuple[str, ...]) -> bool:
    """Whether a file has any of the texts, in its bytes or, where it is compressed, in its values."""
    if path.suffix == ".parquet":
        found = str(duckdb.connect().execute("FROM read_parquet(?)", [str(path)]).fetchall())
    elif path.name == "things.duckdb":
        found = str(duckdb.connect(str(path), read_only=True).execute("FROM things").fetchall())
    else:
        found = ""
    return any(text in found or text.encode() in path.read_bytes() for text in texts)


def holders(mesh: EventMesh) -> set[str]:
    """What in the domain's home and the newest snapshots holds Ada's name or address: the folder, or the product."""
    files = [path for path in mesh.private.rglob("*") if path.is_file()]
    found = {path.relative_to(mesh.private).parts[0] for path in files if holds(path, ADA)}
    for name in ("readers", "letters", "loans", "towns"):
        snapshot = mesh.lake.table(Address("library", name, 1)).snapshot()
        found |= {name for file in snapshot.files if holds(Path(mesh.lake.root, "library", name, "v1", file.path), ADA)}
    return found


@pytest.fixture
def published(event_mesh: EventMesh) -> EventMesh:
    """The mesh with Ada's values in snapshots, in states, and in a quarantined row."""
    event_mesh.handed_over_and_built(DAYS[0])
    event_mesh.hand_over(DAYS[1], [*events_of(DAYS[1]), event(30, DAYS[1], "ReaderMoved", "r1", town="nowhere")])
    event_mesh.build(*DAYS[:2])
    event_mesh.hand_over(DAYS[2], [*events_of(DAYS[2]), event(30, DAYS[2], "ReaderMoved", "r1", town="Leeds")])
    event_mesh.build(*DAYS)
    return event_mesh


def test_after_forget_no_state_no_new_snapshot_and_no_quarantine_holds_the_values(published: EventMesh) -> None:
    assert holders(published) == {"projections", "quarantine", "readers", "letters"}
    loans = published.lake.table(Address("library", "loans", 1)).newest

    result = dagmesh("forget", "library", "readers/r1", "--reason", "asked for")

    assert result.exit_code == 0, result.output
    assert holders(published) == set()
    assert [row[:4] for row in published.rows("library.readers")] == [
        ("r1", None, None, "Leeds"),
        ("r2", "Grace Hopper", "grace@example.org", "York"),
        ("r3", "Mary Somerville", "mary@example.org", "Bath"),
    ]
    assert published.rows("library.letters") == [("r1", None), ("r2", "Grace Hopper"), ("r3", "Mary Somerville")]
    assert published.lake.table(Address("library", "loans", 1)).newest == loans  # nothing personal is in it


def test_the_certificate_says_what_was_removed_and_made_again(published: EventMesh) -> None:
    result = dagmesh("forget", "library", "readers/r1", "--reason", "asked for")

    (path,) = (published.private / "certificates").iterdir()
    said = json.loads(path.read_text())
    assert said["products"] == [
        {"product": "library.letters@1", "snapshot": "library.letters@1#3", "older_snapshots": [0, 1, 2]},
        {"product": "library.readers@1", "snapshot": "library.readers@1#2", "older_snapshots": [0, 1]},
    ]
    assert sorted({name.split("/")[0] for name in said["removed"]}) == ["projections", "quarantine"]
    assert "library.readers@1 was made again without them: library.readers@1#2." in result.stdout
    assert result.stderr.splitlines()[-3:] == [
        "library.letters@1: snapshots #0, #1, #2 may still hold them. They are kept for 400d, as promised; a shorter retention in its "
        "promise lets them go: dagmesh expire library.letters@1",
        "library.readers@1: snapshots #0, #1 may still hold them. They are kept for 400d, as promised; a shorter retention in its "
        "promise lets them go: dagmesh expire library.readers@1",
        "Products of other domains are made again by their next dagmesh build, of daily ones the days by dagmesh backfill.",
    ]


def test_a_product_that_cannot_do_without_the_values_is_said_and_certified(published: EventMesh) -> None:
    file = "domains/library/library/products/letters.py"
    published.change(file, "max(name) AS name", "max(name) AS name, error('no name') AS reason")

    result = dagmesh("forget", "library", "readers/r1", "--reason", "asked for")

    assert result.exit_code == 6
    assert "library.letters@1 could not be made again, and its newest snapshot may hold them: " in result.stderr
    (path,) = (published.private / "certificates").iterdir()
    products = {said["product"]: said["snapshot"] for said in json.loads(path.read_text())["products"]}
    assert products == {"library.letters@1": None, "library.readers@1": "library.readers@1#2"}


def test_only_projections_that_need_a_personal_field_are_affected(event_mesh: EventMesh) -> None:
    forget()
    products = {product.name: product for product in event_mesh.mesh.location("library").load().products if product.projection}

    assert {name: folds_personal(definition_of(product)) for name, product in products.items()} == {
        "loans": False,
        "readers": True,
        "towns": False,  # folds the type, not its personal fields
    }
    event_mesh.change(
        "domains/library/library/events.py", "]\n", "]\nLIFT = dm.upcast('ReaderRegistered', from_version=1, fields={'town': 'name'})\n"
    )
    event_mesh.change(
        "domains/library/library/events.py",
        '    dm.EventType("ReaderMoved"',
        '    dm.EventType("ReaderRegistered", 2, said(reader_id=TEXT, town=TEXT)),\n    dm.EventType("ReaderMoved"',
    )
    forget()
    products = {product.name: product for product in event_mesh.mesh.location("library").load().products if product.projection}
    assert folds_personal(definition_of(products["towns"]))
