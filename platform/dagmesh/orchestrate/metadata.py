"""What the Dagster UI shows of a product: contract table, promise, tags, sample rows, profile numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from dagmesh.consume.usage.use import Use
from dagmesh.model.contract import Column, Contract
from dagmesh.model.domain import Product
from dagmesh.model.mesh import service_url
from dagmesh.model.rule import Rule

NO_VALUE = "-"
_SIGN = re.compile(r"([<>=]) ")  # the narrow column would break `>= 0` after its sign
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def definition_metadata(product: Product, uri: str) -> dict[str, Any]:
    """The metadata of the asset itself: the same for every run."""
    documentation = product.documentation
    return {
        "address": str(product.address),
        "catalogue": dg.MetadataValue.url(f"{service_url()}/products/{product.address}"),
        "version": product.version,
        "promise": _promise(product),
        "serves": ", ".join(product.serves) or "nobody yet",
        "support": product.support or product.owner,
        "dagster/column_schema": column_schema(product.contract),
        "dagster/table_name": str(product.address),
        "dagster/uri": uri,
        **({"documentation": dg.MetadataValue.url(documentation)} if documentation else {}),
        **({"price": f"{product.price.amount} {product.price.currency} per {product.price.per}"} if product.price else {}),
    }


def description(product: Product) -> str:
    """The asset's description: a plain first line for the lists, then grain, promise, how to read it and the contract."""
    rows = "\n".join(_contract_row(product.contract, column) for column in product.contract.columns)
    return (
        f"{product.description}\n\n{product.contract.grain} {_promise(product)}\n\n"
        f'Read it: `dagmesh query "select * from {product.address.name} limit 10"` or `dm.connect().read("{product.address}")`.\n\n'
        f"| column | type | unit | class | rules | meaning |\n|---|---|---|---|---|---|\n{rows}"
    )


def _promise(product: Product) -> str:
    """The promise in words; plain, since the lists of the UI show the marks of Markdown as they are."""
    promise = product.promise
    return (
        f"For {', '.join(product.serves) or 'nobody yet'}: published by {promise.available_by} {promise.timezone}, "
        f"at most {_long(promise.max_lag)} old, at least {promise.min_completeness * 100:.4g}% complete, kept {_long(promise.retention)}."
    )


def _long(duration: str) -> str:
    return f"{duration[:-1]} {UNITS[duration[-1]]}"


def _contract_row(contract: type[Contract], column: Column) -> str:
    name = f"**{column.name}**" if column.key else column.name
    rules = _SIGN.sub("\\1\N{NO-BREAK SPACE}", "; ".join(_rules_of(contract, column)))
    return (
        f"| {name} | {column.type.duckdb} | {column.unit or ''} | {column.classification} | {_cell(rules)} | {_cell(column.description)} |"
    )


def _rules_of(contract: type[Contract], column: Column) -> list[str]:
    """The column's rules in words, without its own name; of a key only that it is one."""
    own = [_rule(rule, column) for rule in contract.rules if column.name in rule.columns and not _is_said(rule, contract)]
    return (["key"] if column.key else []) + (["may be NULL"] if column.nullable else []) + own


def _is_said(rule: Rule, contract: type[Contract]) -> bool:
    """Whether `key` or the missing `may be NULL` says the same."""
    return not rule.max_failing and (rule.kind == "not_null" or (rule.kind == "unique" and rule.columns == contract.key()))


def _rule(rule: Rule, column: Column) -> str:
    tolerated = f", but for {rule.max_failing:.2%} of the rows" if rule.max_failing else ""
    warns = " (warns)" if rule.severity == "warn" else ""
    return rule.text.removeprefix(f"{column.name} ") + tolerated + warns


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def column_schema(contract: type[Contract]) -> dg.TableSchema:
    """The contract as Dagster's column schema: types, rules as constraints, classification and unit as tags."""
    columns = [
        dg.TableColumn(
            name=column.name,
            type=column.type.duckdb,
            description=column.description,
            constraints=dg.TableColumnConstraints(
                nullable=column.nullable,
                unique=contract.key() == (column.name,) or any(rule.kind == "unique" for rule in column.rules),
                other=_rules_of(contract, column),
            ),
            tags={"classification": column.classification, **({"unit": _tag(column.unit)} if column.unit else {})},
        )
        for column in contract.columns
    ]
    grain = dg.TableConstraints(other=[contract.grain, *([f"key: {', '.join(contract.key())}"] if contract.key() else [])])
    return dg.TableSchema(columns=columns, constraints=grain)


def _tag(text: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in text)


def tags(product: Product) -> dict[str, str]:
    """The tags to filter by: the product's own, its domain's and the classes of its columns."""
    classes = {f"class/{column.classification}": "" for column in product.contract.columns}
    return {**product.tags, "dagmesh/product": product.name, "dagmesh/major": str(product.major), **classes}


def sample_table(rows: Iterable[dict[str, Any]]) -> dg.MetadataValue:
    """Sample rows as a table; every value as text."""
    records = [dg.TableRecord({name: NO_VALUE if value is None else str(value) for name, value in row.items()}) for row in rows]
    if not records:
        return dg.MetadataValue.md("no rows")
    return dg.MetadataValue.table(records, schema=dg.TableSchema([dg.TableColumn(name) for name in records[0].data]))


def used_by(uses: Sequence[Use]) -> dg.MetadataValue:
    """Who read the product lately, a row for each consumer."""
    if not uses:
        return dg.MetadataValue.md("nobody yet")
    columns = ["consumer", "reads", "rows", "bytes", "who asked", "last read"]
    records: list[dict[str, str | int]] = [
        dict(zip(columns, (u.consumer, u.reads, u.rows, u.size_bytes, u.principals, str(u.last_read or NO_VALUE)[:16]), strict=True))
        for u in uses
    ]
    kinds = {"consumer": "string", "last read": "string"}
    schema = dg.TableSchema([dg.TableColumn(name, kinds.get(name, "int")) for name in columns])
    return dg.MetadataValue.table([dg.TableRecord(record) for record in records], schema=schema)


def profile_numbers(contract: type[Contract], profile: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The profile as numeric metadata, which the UI draws as plots over time: `profile/<column>/<measure>`."""
    return {
        f"profile/{column}/{measure}": value
        for column, measures in profile.items()
        for measure, value in measures.items()
        if isinstance(value, (int, float)) and (measure != "nulls" or contract.column(column).nullable)
    }
