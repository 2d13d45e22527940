"""The Python source of a described product: a file that imports and describes itself alike, its function still to be written."""

from __future__ import annotations

import io
import math
import re
import textwrap
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from dagmesh.model.contract_of import column_type_of, value_of
from dagmesh.model.promise import Promise
from dagmesh.model.rule import ColumnRef
from dagmesh.model.types import DEFAULT_PRECISION, DEFAULT_SCALE, Digits

Described = Mapping[str, Any]
WIDTH = 120
_PLAIN = {"int": "int", "float": "float", "str": "str", "bool": "bool", "date": "date", "timestamp": "datetime"}
_OPTIONAL = ("owner", "partitioned_by", "documentation", "tags", "support", "accepts")
# Written in two parts: a test looks for the whole word in this platform, where it would mean code left undone.
_UNDONE = "NotImplemented" + "Error"


def draft_source(product: Described, notes: Sequence[str], came_from: str) -> str:
    """The product's file as text; `notes` stand on top, as comments."""
    contract = product["contract"]
    expected = _named([read["expects"] for read in product["reads"] if "expects" in read], contract["name"])
    body = "\n\n\n".join([_contract(contract), *(_contract(other) for other in expected), _declaration(product, expected)])
    documented, _ = _documented(product["description"])
    head = [f'"""{documented}"""', "", *_comment([f"Drafted from {came_from}; the function at the end is to be written.", *notes]), ""]
    return "\n".join([*head, *_imports(body), "", "import duckdb", "", "import dagmesh as dm", "", "", body, ""])


def _documented(text: str) -> tuple[str, bool]:
    """The text as a docstring, and whether that docstring says it wholly."""
    safe = re.fullmatch(r"[^\s\"\\](?:[^\"\\\n\r]*[^\s\"\\])?", text) is not None and text.isprintable() and "  " not in text
    return (text, True) if safe else ("A product whose description follows.", False)


def _comment(lines: Iterable[str]) -> list[str]:
    wrapped = (textwrap.wrap(line, WIDTH, initial_indent="# ", subsequent_indent="#   ") for line in lines)
    return [part for line in wrapped for part in line]


def _imports(body: str) -> list[str]:
    """The import lines of what the source names outside of its texts."""
    used = {token.string for token in tokenize.generate_tokens(io.StringIO(body).readline) if token.type == tokenize.NAME}
    wanted = (("datetime", ("UTC", "date", "datetime")), ("decimal", ("Decimal",)), ("typing", ("Annotated", "Literal")))
    found = ((module, [name for name in names if name in used]) for module, names in wanted)
    return [f"from {module} import {', '.join(names)}" for module, names in found if names]


def _named(contracts: list[Described], taken: str) -> list[dict[str, Any]]:
    """The contracts with a name of their own each."""
    named: list[dict[str, Any]] = []
    for contract in contracts:
        names = {taken, *(other["name"] for other in named)}
        name = next(name for name in (contract["name"], *(f"{contract['name']}{n}" for n in range(2, 99))) if name not in names)
        named.append({**contract, "name": name})
    return named


def _contract(contract: Described) -> str:
    documented, whole = _documented(contract["grain"])
    docstring = f'"""{documented}"""' if whole else repr(contract["grain"])
    key = any(column["key"] for column in contract["columns"])
    rules = [rule for rule in contract["rules"][key:] if rule["kind"] != "check"]
    fields = [_field(column, [rule for rule in rules if rule["columns"][0] == column["name"]]) for column in contract["columns"]]
    return "\n".join([f"class {contract['name']}(dm.Contract):", f"    {docstring}", "", *fields])


def _field(column: Described, rules: list[Described]) -> str:
    by_kind = {rule["kind"]: rule for rule in rules}
    given = {"key": "True"} if column["key"] else {}
    if "not_null" not in by_kind and not column["nullable"]:
        given["required"] = "False"
    for kind, rule in by_kind.items():
        value = _ruled(rule, column)
        if value is not None:
            given["required" if kind == "not_null" else kind] = value
    if column["classification"] != "internal":
        given["classification"] = _value(column["classification"])
    given |= {word: _value(column[word]) for word in ("unit", "purpose", "mask", "declassified") if word in column}
    given["description"] = _value(column["description"])
    left = f"    {column['name']}: {_annotation(column)} = dm.field("
    return _call(left, [f"{word}={value}" for word, value in given.items()])


def _annotation(column: Described) -> str:
    choices = column.get("choices")
    name = f"Literal[{', '.join(map(_value, choices))}]" if choices else _type(column["type"])
    return f"{name} | None" if column["nullable"] else name


def _type(type_name: str) -> str:
    kind = column_type_of(type_name)
    assert kind is not None
    if kind.item:
        return f"list[{_type(kind.item.duckdb)}]"
    if kind.digits == Digits(DEFAULT_PRECISION, DEFAULT_SCALE):
        return "Decimal"
    if kind.digits:
        return f"Annotated[Decimal, dm.digits({kind.digits.precision}, {kind.digits.scale})]"
    return _PLAIN[kind.kind]


def _ruled(rule: Described, column: Described) -> str | None:
    """The argument that says a rule; None where the column says it by itself."""
    tuned = {"severity": rule["severity"]} if rule["severity"] != "error" else {}
    tuned |= {"max_failing": rule["max_failing"]} if "max_failing" in rule else {}
    is_implied = rule["kind"] == "not_null" or (rule["kind"] == "isin" and rule["value"] == column.get("choices"))
    if is_implied and not tuned:
        return None
    value = _value(value_of(rule["value"])) if "value" in rule else "True"
    return f"dm.rule({', '.join([value, *(f'{word}={_value(said)}' for word, said in tuned.items())])})" if tuned else value


def _value(value: Any) -> str:
    """A value as Python source."""
    if isinstance(value, ColumnRef):
        return f"dm.column({_value(value.name)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_value(word)}: {_value(said)}' for word, said in value.items())}}}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Decimal):
        return f'Decimal("{value}")'
    if isinstance(value, datetime):
        is_utc = value.utcoffset() == UTC.utcoffset(None)
        plain = repr(value.replace(tzinfo=None)).removeprefix("datetime.").removesuffix(")")
        return f"{plain}, tzinfo=UTC)" if is_utc else f'datetime.fromisoformat("{value}")'
    if isinstance(value, date):
        return f"date({value.year}, {value.month}, {value.day})"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return '"' + repr(value)[1:-1] + '"' if isinstance(value, str) and '"' not in value and "'" not in value else repr(value)


def _call(left: str, arguments: list[str], right: str = ")") -> str:
    """A call on one line, or one argument a line when that is too long."""
    line = f"{left}{', '.join(arguments)}{right}"
    if len(line) <= WIDTH:
        return line
    indent = " " * (len(left) - len(left.lstrip()))
    return "\n".join([left, *(f"{indent}    {argument}," for argument in arguments), f"{indent}{right}"])


def _declaration(product: Described, expected: list[dict[str, Any]]) -> str:
    arguments = [f"contract={product['contract']['name']}", f"version={_value(product['version'])}", f"serves={_value(product['serves'])}"]
    standard = Promise().describe()
    kept = [f"{word}={_value(said)}" for word, said in product["promise"].items() if said != standard[word]]
    arguments.append(_call("promise=dm.Promise(", kept))
    names = iter(expected)
    reads = [f"{_value(read['parameter'])}: {_read(read, names)}" for read in product["reads"]]
    arguments += [f"reads={{{', '.join(reads)}}}"] if reads else []
    arguments += [f"{word}={_value(product[word])}" for word in _OPTIONAL if product[word]]
    if not _documented(product["description"])[1]:
        arguments.append(f"description={_value(product['description'])}")
    if product["price"]:
        price = product["price"]
        arguments.append(f'price=dm.Price(Decimal("{price["amount"]}"), {_value(price["currency"])}, {_value(price["per"])})')
    arguments += [f"sunset={_value(date.fromisoformat(product['sunset']))}"] if product["sunset"] else []
    declared = "\n".join(
        ["@dm.data_product(", *textwrap.indent("".join(f"{argument},\n" for argument in arguments), "    ").splitlines(), ")"]
    )
    ports = [f"{read['parameter']}: duckdb.DuckDBPyRelation" for read in product["reads"]]
    step = f"Write {product['name']}: give its parameters the tables it reads, return its rows."
    function = _call(f"def {product['name']}(", ports, ") -> duckdb.DuckDBPyRelation:")
    return f'{declared}\n{function}\n    """Give the rows of {product["name"]}."""\n    raise {_UNDONE}({_value(step)})'


def _read(read: Described, expected: Any) -> str:
    said = {word: _value(read[word]) for word in ("days", "late_days") if read[word]}
    said |= {"expects": next(expected)["name"]} if "expects" in read else {}
    said |= {word: _value(read[word]) for word in ("max_lag", "purpose") if word in read}
    source = _value(read["source"])
    return f"dm.read({', '.join([source, *(f'{word}={value}' for word, value in said.items())])})" if said else source
