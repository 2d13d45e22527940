"""Comparisons of integers and decimals with a number, exact whatever the digits of either.

DuckDB brings both sides of `DECIMAL(18,2) < 0.005` to one type and may round or refuse; here the number is moved to the
column's own digits first, towards the side that keeps the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from dagmesh.audit.literals import NotCompiled, quoted
from dagmesh.model.contract import Column

_LARGEST_INT = 2**63 - 1


def exact_condition(column: Column, operator: str, number: int | Decimal) -> str:
    """`column <operator> number` for `<`, `<=`, `>` or `>=`, with a literal of the column's type."""
    units, name = _units(column, number), quoted(column.name)
    # x < 2.5 means x < 3, x > 2.5 means x > 2, x <= 2.5 means x <= 2, x >= 2.5 means x >= 3.
    whole = ceil(units) if operator in ("<", ">=") else floor(units)
    lowest, highest = _bounds(column)
    if lowest <= whole <= highest:
        return f"{name} {operator} {_literal(column, whole)}"
    always = (whole > highest) == (operator in ("<", "<="))
    return f"{name} IS NOT NULL" if always else "FALSE"


def exact_members(column: Column, numbers: Iterable[int | Decimal]) -> list[str]:
    """Literals of the column's type for those of the numbers that it can hold; no row equals the others."""
    lowest, highest = _bounds(column)
    units = [_units(column, number) for number in numbers]
    return [_literal(column, int(number)) for number in units if number.denominator == 1 and lowest <= number <= highest]


def _units(column: Column, number: int | Decimal) -> Fraction:
    """The number counted in the column's smallest step."""
    if isinstance(number, Decimal) and not number.is_finite():
        raise NotCompiled("no finite number")
    return Fraction(number) * Fraction(10) ** _scale(column)


def _scale(column: Column) -> int:
    return column.type.digits.scale if column.type.digits else 0


def _bounds(column: Column) -> tuple[int, int]:
    if column.type.digits is None:
        return -_LARGEST_INT - 1, _LARGEST_INT
    largest: int = 10**column.type.digits.precision - 1
    return -largest, largest


def _literal(column: Column, units: int) -> str:
    digits = str(abs(units)).rjust(_scale(column) + 1, "0")
    point = len(digits) - _scale(column)
    sign = "-" if units < 0 else ""
    return f"'{sign}{digits[:point]}.{digits[point:]}'::{column.type.duckdb}".replace(".'", "'")
