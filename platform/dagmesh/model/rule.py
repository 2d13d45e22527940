"""Rules: what a contract demands of its rows, with a severity and an allowed failing share each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar

Severity = Literal["error", "warn"]
SEVERITIES = ("error", "warn")
Scalar = bool | int | float | Decimal | str | date | datetime

Function = TypeVar("Function", bound=Callable[..., Any])

# The words of dm.field, in the order the checks are listed. Comparisons also take dm.column("other").
COMPARISONS = ("ge", "gt", "le", "lt", "eq", "ne")
MEMBERSHIPS = ("isin", "notin")
TEXTS = ("matches", "contains", "startswith", "endswith", "min_length", "max_length")
WORDS = (*COMPARISONS, *MEMBERSHIPS, *TEXTS)


@dataclass(frozen=True)
class ColumnRef:
    """Another column of the same row, as the right-hand side of a comparison."""

    name: str


def column(name: str) -> Any:
    """Another column of the same row: `shipped_at: datetime = dm.field(ge=dm.column("placed_at"), ...)`."""
    return ColumnRef(name)


@dataclass(frozen=True)
class Tuned:
    """A rule's value together with its severity and allowed failing share."""

    value: Any
    severity: Any
    max_failing: Any


def rule(value: Any, *, severity: Severity = "error", max_failing: float = 0.0) -> Any:
    """A rule's value with a severity and an allowed failing share: `ge=dm.rule(0, severity="warn", max_failing=0.01)`.

    Args:
        value: what the bare rule would take.
        severity: "error" stops the publication, "warn" publishes and shows.
        max_failing: the share of rows, 0 to 1, that may break the rule before it fails.
    """
    return Tuned(value, severity, max_failing)


@dataclass(frozen=True)
class Rule:
    """One demand on the rows of a product.

    `kind` is one of WORDS, or "not_null", "unique" (of `columns` together), "check" (a Python function).
    `columns` are the columns it looks at, the first being the one it belongs to. `value` is a Scalar, a tuple of
    Scalars for isin and notin, a ColumnRef, or None.
    """

    kind: str
    columns: tuple[str, ...]
    value: Any = None
    severity: Severity = "error"
    max_failing: float = 0.0
    label: str = ""
    function: Callable[..., Any] | None = field(default=None, compare=False)
    row_wise: bool = False
    description: str = ""

    @property
    def name(self) -> str:
        """The rule's name as a Dagster asset check: letters, digits and underscores, unique within a contract."""
        if self.kind == "check":
            return self.label
        owner = "key" if self.kind == "unique" and len(self.columns) > 1 else self.columns[0]
        other = f"_{self.value.name}" if isinstance(self.value, ColumnRef) else ""
        return f"{owner}__{self.kind}{other}"

    @property
    def column(self) -> str | None:
        """The one column the rule belongs to, or None for a rule over several."""
        return self.columns[0] if len(self.columns) == 1 or self.kind not in ("unique", "check") else None

    @property
    def text(self) -> str:
        """The rule in words, for people: `spend_90d_eur >= 0`."""
        if self.kind == "check":
            return self.description
        if self.kind == "unique":
            return f"({', '.join(self.columns)}) is unique" if len(self.columns) > 1 else f"{self.columns[0]} is unique"
        if self.kind == "not_null":
            return f"{self.columns[0]} is given"
        signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "eq": "=", "ne": "<>", "isin": "is one of", "notin": "is none of"}
        return f"{self.columns[0]} {signs.get(self.kind, self.kind)} {_shown(self.value)}"

    def describe(self) -> dict[str, Any]:
        """The rule as JSON values: what is signed, fingerprinted and diffed."""
        described: dict[str, Any] = {"name": self.name, "kind": self.kind, "columns": list(self.columns), "severity": self.severity}
        if self.value is not None:
            described["value"] = json_value(self.value)
        if self.max_failing:
            described["max_failing"] = self.max_failing
        if self.kind == "check":
            described |= {"description": self.description, "row_wise": self.row_wise}
        return described


def _shown(value: Any) -> str:
    if isinstance(value, ColumnRef):
        return value.name
    if isinstance(value, tuple):
        return ", ".join(str(v) for v in value)
    return str(value)


def json_value(value: Any) -> Any:
    """A rule's value as JSON, with its Python type kept apart where JSON has none."""
    if isinstance(value, ColumnRef):
        return {"column": value.name}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, (datetime, date)):
        return {"timestamp" if isinstance(value, datetime) else "date": value.isoformat()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [json_value(v) for v in value]
    return value


@dataclass(frozen=True)
class CheckMark:
    """What `@dm.check` leaves on a contract's function."""

    columns: tuple[str, ...]
    description: str
    severity: Any
    max_failing: Any
    row_wise: bool


def check(
    *columns: str, description: str, severity: Severity = "error", max_failing: float = 0.0, row_wise: bool = False
) -> Callable[[Function], Function]:
    """Mark a contract's function as a rule that Pandera runs.

    The function takes the class and a pandas Series (one column named) or DataFrame (several, or none named: all), and
    gives a boolean Series of the same length, True where the row is good; or one boolean.

    Args:
        columns: the columns the function needs; no others are read.
        description: the rule in words.
        severity: "error" stops the publication, "warn" publishes and shows.
        max_failing: the share of rows, 0 to 1, that may break the rule before it fails.
        row_wise: each row is judged alone, so that the platform may run the check on batches in bounded memory.
    """

    def mark(function: Function) -> Function:
        function.__dagmesh_check__ = CheckMark(columns, description, severity, max_failing, row_wise)  # type: ignore[attr-defined]  # functions take attributes
        return function

    return mark
