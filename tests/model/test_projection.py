"""Projections in product files: every mistake is reported with file, product and place, all of them together."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dagmesh.consume.projection_check import check_projections
from dagmesh.errors import DefinitionError
from dagmesh.model.domain import Domain

EVENTS = '''"""What happens to a bike."""
import dagmesh as dm

TEXT = {"type": "string"}
LENT = dm.EventType("BikeLent", 1, {"type": "object", "properties": {"bike": TEXT, "rider": TEXT}})
'''
GOOD = '''"""How often each bike is lent: what bikes publishes for repairs."""
import dagmesh as dm
import duckdb


class Loans(dm.Contract):
    """One row per bike."""

    bike: str = dm.field(key=True, description="The bike's number.")
    loans: int = dm.field(ge=1, unit="loans", description="How often it was lent.")


@dm.data_product(contract=Loans, version="1.0.0", serves=["repairs"], promise=dm.Promise())
def loans(bike_events: dm.Events) -> dm.Projection:
    """Count."""
    return dm.projection(bike_events, of=dm.entity("bike", loans=dm.count("BikeLent")))
'''
Write = Callable[..., Domain]


@pytest.fixture
def bikes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """A function that writes a domain with one projection, some of its text changed, and gives its declaration."""

    def write(*changes: tuple[str, str]) -> Domain:
        package = tmp_path / "domains" / "bikes" / "bikes"
        (package / "products").mkdir(parents=True)
        for folder in (package, package / "products"):
            (folder / "__init__.py").touch()
        text = GOOD
        for before, after in changes:
            assert text.count(before) == 1
            text = text.replace(before, after)
        (package / "products" / "loans.py").write_text(text)
        (package / "events.py").write_text(EVENTS)
        monkeypatch.syspath_prepend(str(package.parent))
        return Domain("bikes", "team:bikes")

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] == "bikes"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def refused(bikes: Domain) -> list[tuple[str, str, str, str]]:
    with pytest.raises(DefinitionError) as refusal:
        check_projections(bikes)
    return [(Path(found.file).name, found.product, found.field, found.message) for found in refusal.value.problems]


def test_a_projection_is_declared_by_its_function(bikes: Write) -> None:
    (product,) = bikes().products

    check_projections(bikes_of := Domain("bikes", "team:bikes"))

    assert product.projection is not None
    assert product.projection == bikes_of.products[0].projection
    assert (product.projection.feeds, product.projection.entity.types) == (("bike_events",), ["BikeLent"])


def test_a_misspelt_field_names_file_product_column_type_and_the_nearest_field(bikes: Write) -> None:
    domain = bikes(('dm.count("BikeLent")', "dm.count_distinct(BikeLent='ridr')"))

    assert refused(domain) == [
        ("loans.py", "bikes.loans@1", "column 'loans'", "BikeLent has no field 'ridr'; choose bike or rider. Did you mean 'rider'?")
    ]


def test_a_projection_reads_the_events_of_its_own_feeds_and_nothing_else(bikes: Write) -> None:
    domain = bikes(("bike_events: dm.Events", "bike_events: duckdb.DuckDBPyRelation"))

    assert refused(domain) == [
        (
            "loans.py",
            "bikes.loans",
            "parameter 'bike_events'",
            "a projection reads all events of its own domain's feeds: annotate it dm.Events, without a window; to read anything else, "
            "write a function that returns a relation.",
        )
    ]


def test_a_projections_window_is_not_one_of_its_reads(bikes: Write) -> None:
    domain = bikes(("promise=dm.Promise()", 'promise=dm.Promise(), reads={"bike_events": dm.read("bike_events", days=3)}'))

    assert [found[2] for found in refused(domain)] == ["parameter 'bike_events'"]


def test_a_function_that_declares_nothing_says_how_it_ends(bikes: Write) -> None:
    domain = bikes(("    return dm.projection(", "    dm.projection("))

    assert refused(domain) == [("loans.py", "bikes.loans", "return", "gives back no projection; end with return dm.projection(...).")]


def test_what_a_projection_says_wrongly_is_told_with_the_products_other_mistakes(bikes: Write) -> None:
    domain = bikes(('version="1.0.0"', 'version="1"'), ('loans=dm.count("BikeLent")', "loans=7"))

    assert [found[2] for found in refused(domain)] == ["version", "entity column 'loans'"]


def test_a_projections_parameter_has_no_events_to_look_at(bikes: Write) -> None:
    domain = bikes(("    return dm.projection(", '    bike_events.of("BikeLent")\n    return dm.projection('))

    with pytest.raises(DefinitionError) as refusal:
        check_projections(domain)

    assert str(refusal.value) == (
        "domains/bikes/bikes/products/loans.py: line 16: TypeError: bike_events: a projection is declared without its events; "
        "name types, as in dm.first(BikeLent=...)."
    )
