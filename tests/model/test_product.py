"""Products: what a declaration means, and that every mistake in it is reported, all of them together."""

import importlib
import sys
from pathlib import Path

import pytest

from dagmesh.errors import DefinitionError
from dagmesh.model.domain import Domain

GOOD = '''"""What each customer buys: what orders publishes for marketing."""
from datetime import date
import dagmesh as dm
import duckdb


class Patterns(dm.Contract):
    """One row per customer and day."""

    customer_id: str = dm.field(key=True, description="Pseudonym.")
    day: date = dm.field(key=True, description="UTC day.")
    orders: int = dm.field(ge=1, unit="orders", description="Orders placed.")


@dm.data_product(
    contract=Patterns,
    version="1.2.0",
    serves=["marketing"],
    promise=dm.Promise(),
    reads={"lines": dm.read("order_lines", days=90)},
    partitioned_by="day",
)
def patterns(lines: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Count."""
    return lines
'''


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A function that writes a domain of product files and gives its declaration."""

    def write(**files: str) -> Domain:
        products = tmp_path / "domains" / "shop" / "shop" / "products"
        products.mkdir(parents=True)
        for folder in (products, products.parent):
            (folder / "__init__.py").touch()
        for name, text in files.items():
            (products / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(products.parent.parent))
        return Domain("shop", "team:shop")

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def messages(refusal) -> list[str]:
    return [f"{problem.product}: {problem.field}" for problem in refusal.value.problems]


def test_a_product_takes_what_its_file_and_its_domain_say(shop):
    (product,) = shop(patterns=GOOD).products

    assert str(product.address) == "shop.patterns@1"
    assert product.owner == "team:shop"
    assert product.description == "What each customer buys: what orders publishes for marketing."
    assert product.contract.grain == "One row per customer and day."
    assert [(r.parameter, r.source, r.form, r.days) for r in product.reads] == [("lines", "order_lines", "duckdb", 90)]


def test_a_product_still_calls_like_its_function(shop):
    (product,) = shop(patterns=GOOD).products

    assert product(lines="plain data") == "plain data"


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ('version="1.2.0"', 'version="1.2"', "version: '1.2' is not a semantic version; write MAJOR.MINOR.PATCH, for example 1.0.0."),
        ('serves=["marketing"]', 'serves="marketing"', "serves: 'marketing' is not a list of domain names; write serves=['marketing']."),
        ("dm.Promise()", "None", "promise: None is not a dm.Promise(...)."),
        (
            "dm.Promise()",
            'dm.Promise(max_lag="soon")',
            "promise.max_lag: 'soon' is not a duration; write minutes, hours or days, for example 90m, 24h or 400d.",
        ),
        (
            "dm.Promise()",
            'dm.Promise(timezone="Europe/Berln")',
            "promise.timezone: unknown time zone 'Europe/Berln'. Did you mean 'Europe/Berlin'?",
        ),
        (
            'partitioned_by="day"',
            'partitioned_by="orders"',
            "partitioned_by: 'orders' is not a date column of the contract; choose day.",
        ),
        ("(lines: duckdb.DuckDBPyRelation)", "(lines: list)", None),
        (
            'dm.read("order_lines", days=90)',
            '"orders.lines"',
            "reads['lines']: 'orders.lines' names no major; write orders.lines@1.",
        ),
        (
            'dm.read("order_lines", days=90)',
            'dm.read("order_lines", days=0)',
            "reads['lines']: days=0 is not a number of days (1 or more).",
        ),
        ('"""What each customer buys: what orders publishes for marketing."""\n', "", None),
        (
            'description="Pseudonym."',
            'description="Pseudonym.", classification="secret"',
            "column 'customer_id': unknown classification 'secret'; choose public, internal, pseudonymous, confidential or pii.",
        ),
        (
            "    orders: int = dm.field",
            "    Orders: int = dm.field",
            "column 'Orders': is not snake_case; use lower-case words joined by single underscores.",
        ),
        ("dm.field(ge=1", 'dm.field(ge="1"', "column 'orders': ge='1' cannot be compared with a column of BIGINT; give int."),
        ("dm.field(ge=1", "dm.field(matches='a'", "column 'orders': matches='a' works on text, and the column is BIGINT."),
        (
            "dm.field(ge=1",
            "dm.field(ge=dm.rule(1, max_failing=2)",
            "column 'orders': ge: max_failing=2 is not a share from 0 to 1.",
        ),
        (
            "dm.field(ge=1",
            "dm.field(ge=dm.column('order')",
            "rule 'orders__ge_order': names column 'order', which the contract does not have. Did you mean 'orders'?",
        ),
    ],
)
def test_each_mistake_is_refused_by_name_and_alone(shop, written, instead, message):
    assert written in GOOD

    with pytest.raises(DefinitionError) as refusal:
        _ = shop(patterns=GOOD.replace(written, instead)).products

    assert len(refusal.value.problems) == 1
    problem = refusal.value.problems[0]
    assert problem.file == "domains/shop/shop/products/patterns.py"
    if message:
        assert f"{problem.field}: {problem.message}" == message


def test_all_mistakes_of_a_file_are_reported_together(shop):
    wrong = (
        GOOD.replace('"1.2.0"', '"one"')
        .replace('["marketing"]', '"marketing"')
        .replace('description="Pseudonym."', 'description=""')
        .replace("partitioned_by", "partition_by")
    )

    with pytest.raises(DefinitionError) as refusal:
        _ = shop(patterns=wrong).products

    assert messages(refusal) == [
        "shop.patterns: partition_by",
        "shop.patterns: version",
        "shop.patterns: serves",
        "Patterns: column 'customer_id'",
    ]
    assert str(refusal.value).splitlines()[0] == (
        "domains/shop/shop/products/patterns.py: shop.patterns: partition_by: unknown argument; choose accepts, contract, "
        "description, documentation, name, output_format, owner, partitioned_by, price, promise, reads, serves, sunset, support, tags "
        "or version. "
        "Did you mean 'partitioned_by'?"
    )


def test_the_mistakes_of_several_files_are_reported_together(shop):
    domain = shop(one=GOOD.replace('"1.2.0"', '"one"'), two=GOOD.replace('"1.2.0"', '"two"').replace("def patterns", "def others"))

    with pytest.raises(DefinitionError) as refusal:
        _ = domain.products

    assert messages(refusal) == ["shop.patterns: version", "shop.others: version"]


def test_two_files_may_not_declare_one_address(shop):
    with pytest.raises(DefinitionError, match=r"is declared twice; domains/shop/shop/products/one\.py has it too"):
        _ = shop(one=GOOD, two=GOOD).products


def test_two_majors_of_a_product_live_side_by_side(shop):
    domain = shop(one=GOOD, two=GOOD.replace('"1.2.0"', '"2.0.0"'))

    assert [str(product.address) for product in domain.products] == ["shop.patterns@1", "shop.patterns@2"]


def test_an_undocumented_column_is_refused(shop):
    with pytest.raises(DefinitionError, match=r"column 'orders': has no dm.field; write = dm.field\(description=...\)"):
        _ = shop(patterns=GOOD.replace('orders: int = dm.field(ge=1, unit="orders", description="Orders placed.")', "orders: int")).products


def test_a_domain_may_not_hide_pythons_own_modules():
    with pytest.raises(DefinitionError) as refusal:
        Domain("email", "team:email")

    assert str(refusal.value) == "domains/email: name: Domain name 'email' would hide Python's own module. Try customer_email."


def test_a_domain_without_an_owner_who_can_be_reached_is_refused():
    with pytest.raises(DefinitionError, match="owner: 'ann' is nobody who can be reached; write team:<name> or an e-mail address"):
        Domain("shop", "ann")


def test_reading_products_imports_no_data_frame_library(shop):
    import subprocess

    shop(patterns=GOOD)
    folder = next(Path(path) for path in sys.path if path.endswith("domains/shop"))
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from dagmesh.model.domain import Domain; Domain('shop', 'team:shop').products; "
        "print([m for m in ('pandas', 'pandera', 'dagster', 'polars', 'pyarrow') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
