"""Data products: a contract, promises and a function, declared with `@dm.data_product` in one file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Generic, Literal, ParamSpec, TypeVar, cast

from dagmesh.model.address import Address
from dagmesh.model.contract import Contract
from dagmesh.model.file_hash import file_sha256
from dagmesh.model.projection import Projection
from dagmesh.model.promise import Price, Promise

P = ParamSpec("P")
R = TypeVar("R")
Form = Literal["duckdb", "pandas", "polars", "arrow", "day", "events", "projection"]
FORMS: dict[str, Form] = {
    "duckdb.DuckDBPyRelation": "duckdb",
    "pandas.DataFrame": "pandas",
    "polars.DataFrame": "polars",
    "pyarrow.Table": "arrow",
    "datetime.date": "day",
    "dagmesh.Events": "events",
    "dagmesh.Projection": "projection",
}
OutputFormat = Literal["parquet"]


@dataclass(frozen=True)
class Read:
    """One input port: a parameter of the function and where its rows come from.

    `source` is another product's address, or the name of a private table or product of the same domain. `days` is how
    many days of it a run sees, the run's own day the last one; None: a day for a daily product, all for a whole one.
    `late_days` is how many days after the run's own day may still bring rows that belong to it. `expects` and `max_lag` are
    what the consumer relies on; `purpose` is what it reads for.
    """

    parameter: str
    source: str
    form: Form
    days: int | None = None
    late_days: int = 0
    expects: type[Contract] | None = None
    max_lag: str | None = None
    purpose: str | None = None

    def describe(self) -> dict[str, Any]:
        """The port as JSON values; what is not said is left out."""
        said = {"expects": self.expects.describe() if self.expects else None, "max_lag": self.max_lag, "purpose": self.purpose}
        port = {"parameter": self.parameter, "source": self.source, "days": self.days, "late_days": self.late_days}
        return port | {name: value for name, value in said.items() if value is not None}

    @property
    def address(self) -> Address | None:
        """The product read, or None for a table of the same domain."""
        return Address.parse(self.source) if "." in self.source else None


@dataclass(frozen=True)
class Window:
    """What `dm.read` gives: a source and the days of it that a run sees."""

    source: str
    days: int | None = None
    late_days: int = 0
    expects: Any = None
    max_lag: Any = None
    purpose: Any = None


def read(
    source: str,
    *,
    days: int | None = None,
    late_days: int = 0,
    expects: type[Contract] | None = None,
    max_lag: str | None = None,
    purpose: str | None = None,
) -> Window:
    """A source with a look back or ahead: `reads={"events": dm.read("order_events", days=30)}`.

    Args:
        source: an address, or the name of a table of the same domain.
        days: how many days a run sees, the run's own day the last one; for a whole product the newest that many days.
        late_days: how many later days a run also sees, as far as they are there. A later day that arrives restates the
            days it may add to: `dm.read("order_events", late_days=3)`.
        expects: of another product: a contract of just the columns and rules that are relied on. The producer is told before
            it breaks them.
        max_lag: of another product: how old its newest day may get, for example "24h".
        purpose: what it is read for; a grant may ask.
    """
    return Window(source, days, late_days, expects, max_lag, purpose)


@dataclass(frozen=True)
class DataProduct(Generic[P, R]):
    """A declared data product. Calling it calls the function, so that a test passes plain data and gets plain data.

    `domain` and `owner` are filled in by the domain that holds the file, when the file's folder does not say them.
    """

    function: Callable[P, R]
    name: str
    contract: type[Contract]
    version: str
    description: str
    serves: tuple[str, ...]
    reads: tuple[Read, ...]
    promise: Promise
    form: Form
    file: str
    domain: str = ""
    owner: str = ""
    partitioned_by: str | None = None
    documentation: str | None = None
    output_format: OutputFormat = "parquet"
    tags: Mapping[str, str] = field(default_factory=dict)
    support: str | None = None
    price: Price | None = None
    sunset: date | None = None
    accepts: tuple[str, ...] = ()
    encrypt: tuple[str, ...] = ()
    projection: Projection | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's own result."""
        return self.function(*args, **kwargs)

    @property
    def major(self) -> int:
        """The first number of the version."""
        return int(self.version.split(".")[0])

    @property
    def address(self) -> Address:
        """`<domain>.<name>@<major>`."""
        return Address(self.domain, self.name, self.major)

    @property
    def per_day(self) -> bool:
        """Whether the function takes the day and so is called once for each day of a range."""
        return any(read.form == "day" for read in self.reads)

    @property
    def inputs(self) -> tuple[Read, ...]:
        """The reads that are data."""
        return tuple(read for read in self.reads if read.form != "day")

    def in_domain(self, domain: str, owner: str, support: str | None, encrypt: Collection[str] = ()) -> DataProduct[P, R]:
        """The product with what its domain says where the file says nothing."""
        return replace(self, domain=domain, owner=self.owner or owner, support=self.support or support, encrypt=tuple(encrypt))

    def code_version(self) -> str:
        """SHA-256, hexadecimal, of the product's file."""
        return file_sha256(inspect.getfile(self.function))

    def describe(self) -> dict[str, Any]:
        """The product as JSON values: what is signed with each publication."""
        return {
            "name": self.name,
            "domain": self.domain,
            "owner": self.owner,
            "version": self.version,
            "description": self.description,
            "contract": self.contract.describe(),
            "promise": self.promise.describe(),
            "serves": list(self.serves),
            "reads": [port.describe() for port in self.inputs],
            "partitioned_by": self.partitioned_by,
            "output_format": self.output_format,
            "documentation": self.documentation,
            "tags": dict(self.tags),
            "support": self.support,
            "price": self.price.describe() if self.price else None,
            "sunset": self.sunset.isoformat() if self.sunset else None,
            "accepts": list(self.accepts),
        }


def data_product(
    *,
    contract: type[Contract],
    version: str,
    serves: list[str],
    promise: Promise,
    reads: Mapping[str, str | Window] | None = None,
    partitioned_by: str | None = None,
    name: str | None = None,
    owner: str | None = None,
    description: str | None = None,
    documentation: str | None = None,
    output_format: OutputFormat = "parquet",
    tags: Mapping[str, str] | None = None,
    support: str | None = None,
    price: Price | None = None,
    sunset: date | None = None,
    accepts: list[str] | None = None,
    **unknown: Any,
) -> Callable[[Callable[P, R]], DataProduct[P, R]]:
    """Declare the function below as a data product.

    The function's parameters are its inputs: a table or product of the same domain by name, or what `reads` says; a
    parameter annotated `datetime.date` receives the run's day. The annotations choose the form of each.

    Args:
        contract: what a row is.
        version: semantic version of the contract, "1.2.0"; its first number is the address's major.
        serves: the domains that may read it.
        promise: the service levels.
        reads: parameter -> "domain.product@major", or `dm.read(source, days=30)`.
        partitioned_by: the contract's date column, for one partition a day; None for a whole replaced by each run.
        name: a plural noun; the function's name by default.
        owner: "team:name" or an e-mail address; the domain's by default.
        description: the first sentence of the file by default.
        documentation: a URL.
        output_format: the files' format.
        tags: words to filter by.
        support: where consumers ask; the domain's by default.
        price: what consumers are billed.
        sunset: the day this major ends; it is kept until then, and after it until nobody reads it any more.
        accepts: the consumers' products, "marketing.campaign_conversion", whose expectations may stop a publication; those of
            others only warn.

    Raises:
        DefinitionError: with every mistake of the product and its contract.
    """
    declared = {
        "contract": contract,
        "version": version,
        "serves": serves,
        "promise": promise,
        "reads": {} if reads is None else reads,
        "partitioned_by": partitioned_by,
        "name": name,
        "owner": owner,
        "description": description,
        "documentation": documentation,
        "output_format": output_format,
        "tags": {} if tags is None else tags,
        "support": support,
        "price": price,
        "sunset": sunset,
        "accepts": [] if accepts is None else accepts,
    }

    def declare(function: Callable[P, R]) -> DataProduct[P, R]:
        from dagmesh.model.product_reading import read_product

        return cast("DataProduct[P, R]", read_product(function, declared, unknown))

    return declare
