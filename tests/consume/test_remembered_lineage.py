"""Column lineage remembered: told anew when code or inputs changed, and only then."""

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dagmesh.consume.column_lineage import Port
from dagmesh.consume.remembered_lineage import remembered
from dagmesh.model.domain import Product
from dagmesh.model.lineage import Derived

FILE = '''
import duckdb
import dagmesh as dm

class Thing(dm.Contract):
    """One row per thing."""

    thing: str = dm.field(key=True, description="The thing.")

@dm.data_product(contract=Thing, version="1.0.0", serves=[], promise=dm.Promise(), description="Things.")
def things(orders: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return dm.sql("SELECT order_id AS thing FROM orders", orders=orders)
'''
PORTS = {"orders": Port("orders.orders@1", {"order_id": "VARCHAR"})}
FOUND = Derived({"thing": [["orders.orders@1", "order_id", "value"]]})


class Rehearsals:
    """Counts how often the lineage is told."""

    def __init__(self, found: Derived = FOUND) -> None:
        self.count = 0
        self.found = found

    def __call__(self) -> Derived:
        self.count += 1
        return self.found


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    package = tmp_path / "thing_domain"
    (package / "products").mkdir(parents=True)
    (package / "products" / "things.py").write_text(FILE)
    (package / "words.py").write_text("ONE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield loaded()
    forget()


def loaded() -> Product:
    """The product as its file is now, as another process would load it."""
    forget()
    module = importlib.import_module("thing_domain.products.things")
    return module.things.in_domain("thing_domain", "team:things", None)


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "thing_domain"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def written(file: Path, text: str) -> tuple[Product, dict[str, Port]]:
    file.write_text(text)
    return loaded(), PORTS


def test_the_same_code_and_inputs_are_rehearsed_once(tmp_path: Path, declared: Product) -> None:
    rehearsals = Rehearsals()

    found = [remembered(tmp_path / "home", declared, PORTS, rehearsals) for _ in range(3)]

    assert rehearsals.count == 1
    assert found == [FOUND] * 3


CHANGES: dict[str, Callable[[Path, Product], tuple[Product, dict[str, Port]]]] = {
    "a column of an input": lambda _, product: (product, {"orders": Port("orders.orders@1", {"order_id": "BIGINT"})}),
    "what an input is": lambda _, product: (product, {"orders": Port("orders.orders@2", {"order_id": "VARCHAR"})}),
    "the product's file": lambda folder, _: written(folder / "products" / "things.py", FILE + "\n"),
    "another file of the domain": lambda folder, _: written(folder / "words.py", "ONE = 2\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_rehearsed(tmp_path: Path, declared: Product, change: str) -> None:
    rehearsals = Rehearsals()
    remembered(tmp_path / "home", declared, PORTS, rehearsals)

    product, ports = CHANGES[change](tmp_path / "thing_domain", declared)
    remembered(tmp_path / "home", product, ports, rehearsals)

    assert rehearsals.count == 2


def test_a_process_hashes_the_files_of_a_domain_once_whatever_is_written_meanwhile(tmp_path: Path, declared: Product) -> None:
    rehearsals = Rehearsals()
    remembered(tmp_path / "home", declared, PORTS, rehearsals)

    (tmp_path / "thing_domain" / "words.py").write_text("ONE = 2\n")
    remembered(tmp_path / "home", declared, PORTS, rehearsals)

    assert rehearsals.count == 1


def test_another_product_of_the_file_is_rehearsed_for_itself(tmp_path: Path, declared: Product) -> None:
    rehearsals = Rehearsals()

    remembered(tmp_path / "home", declared, PORTS, rehearsals)
    remembered(tmp_path / "home", replace(declared, name="others"), PORTS, rehearsals)

    assert rehearsals.count == 2


def test_that_there_is_no_lineage_is_asked_again(tmp_path: Path, declared: Product) -> None:
    rehearsals = Rehearsals(Derived(why="its function does not run on empty tables"))

    found = [remembered(tmp_path / "home", declared, PORTS, rehearsals) for _ in range(2)]

    assert rehearsals.count == 2
    assert found[1].why == "its function does not run on empty tables"


def test_what_is_remembered_is_for_its_owner_only(tmp_path: Path, declared: Product) -> None:
    remembered(tmp_path / "home", declared, PORTS, Rehearsals())

    (file,) = (tmp_path / "home").rglob("things_v1.json")
    assert [folder.stat().st_mode & 0o077 for folder in (file.parent, file.parents[1])] == [0, 0]
