"""A draft of a described product from any data contract of the Open Data Contract Standard, and notes of what it could not carry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dagmesh.errors import MeshError
from dagmesh.model.custom_properties import said_in
from dagmesh.model.odcs import from_odcs
from dagmesh.model.odcs_columns import Notes, column_in, limits_in, pattern_in, snake_case
from dagmesh.model.product_reading import OWNER
from dagmesh.model.promise import HOUR, Promise
from dagmesh.model.rule import WORDS

Described = Mapping[str, Any]
_UNITS = {"m": "m", "min": "m", "minute": "m", "minutes": "m", "h": "h", "hr": "h", "hour": "h", "hours": "h"}
_UNITS |= {"d": "d", "day": "d", "days": "d"}
_YEARS = ("y", "yr", "year", "years")
_ORDER = ("not_null", "unique", "isin choices", *WORDS)


@dataclass(frozen=True)
class Draft:
    """A described product, and one sentence for each thing of the document it does not say."""

    product: dict[str, Any]
    notes: tuple[str, ...]


def drafted(document: Any) -> Draft:
    """The draft of a document's product: all of it for our own documents, as near as it gets for those of other tools.

    Raises:
        MeshError: the document is no data contract, or has no table with columns.
    """
    if not isinstance(document, dict) or document.get("kind") != "DataContract":
        raise MeshError("is no data contract of ODCS; its kind must be DataContract.")
    if "format" in said_in(document.get("customProperties") or []):
        product = from_odcs(document)
        rules = [
            *product["contract"]["rules"],
            *(rule for read in product["reads"] for rule in read.get("expects", {"rules": []})["rules"]),
        ]
        return Draft(product, tuple(_check_note(rule) for rule in rules if rule["kind"] == "check"))
    tables = [table for table in document.get("schema") or [] if table.get("properties")]
    if not tables:
        raise MeshError("describes no table with columns; a product needs one: schema[0].properties.")
    notes: Notes = [f"schema object {table['name']!r} is left out: a product is one table." for table in tables[1:]]
    return Draft(_product(document, tables[0], notes), tuple(notes))


def _check_note(rule: Described) -> str:
    columns = ", ".join(rule["columns"])
    return f"check {rule['name']} ({rule['severity']}, of {columns}) is Python code; write it again: {rule['description']}"


def _product(document: Described, table: Described, notes: Notes) -> dict[str, Any]:
    contract, said = _contract(table, notes), document.get("description")
    purpose = (said.get("purpose") or said.get("usage")) if isinstance(said, dict) else said
    for word in ("roles", "servers"):
        notes += [f"{word}: {entry.get('role') or entry.get('server')!r} is not carried." for entry in document.get(word) or []]
    return {
        "name": snake_case(str(table["name"])),
        "domain": snake_case(str(document.get("domain") or "")) if document.get("domain") else "",
        "owner": _owner(document.get("team"), notes),
        "version": _version(str(document.get("version", "")), notes),
        "description": " ".join(str(purpose or table.get("description") or "").split()) or f"{contract['name']}, as its contract says.",
        "contract": contract,
        "promise": _promise(document.get("slaProperties") or [], notes),
        "serves": [],
        "reads": [],
        "partitioned_by": _partition(table, contract),
        "output_format": "parquet",
        "documentation": next(iter(_links(document)), None),
        "tags": {tag: "" for tag in document.get("tags") or [] if re.fullmatch(r"[A-Za-z0-9_.-]{1,63}", tag)},
        "support": next((channel.get("url") or channel["channel"] for channel in document.get("support") or []), None),
        "price": None,
        "sunset": None,
        "accepts": [],
    }


def _contract(table: Described, notes: Notes) -> dict[str, Any]:
    columns, rules = [], []
    for entry in table["properties"]:
        column = column_in(entry, notes)
        columns.append(column)
        rules += _rules(entry, column, notes)
    key = [column["name"] for column in columns if column["key"]]
    whole = [{"name": f"{'key' if len(key) > 1 else key[0]}__unique", "kind": "unique", "columns": key, "severity": "error"}] if key else []
    for quality in table.get("quality") or []:
        if not (quality.get("metric") == "duplicateValues" and (quality.get("arguments") or {}).get("properties") == key):
            notes.append(_rule_note(str(table["name"]), quality))
    grain = table.get("dataGranularityDescription") or f"One row per {', '.join(key) or table['name']}."
    name = "".join(word.capitalize() for word in snake_case(str(table["name"])).split("_"))
    return {"name": name, "grain": " ".join(str(grain).split()), "columns": columns, "rules": [*whole, *rules]}


def _rules(entry: Described, column: Described, notes: Notes) -> list[dict[str, Any]]:
    """The described rules of a column, in the order a contract class gives them; of two of one kind the first."""
    said: list[tuple[str, Any, Described]] = []
    if not column["nullable"]:
        said.append(("not_null", None, {}))
    if entry.get("unique") and not column["key"]:
        said.append(("unique", None, {}))
    if "choices" in column:
        said.append(("isin choices", column["choices"], {}))
    said += [(kind, value, {}) for kind, value in limits_in(entry, column, notes)]
    for quality in entry.get("quality") or []:
        found = list(_counted(quality, column, notes))
        said += found
        if not found:
            notes.append(_rule_note(column["name"], quality))
    kinds: dict[str, tuple[Any, Described]] = {}
    for kind, value, tuning in said:
        if not (kind == "isin" and "isin choices" in kinds) and not (kind == "not_null" and column["nullable"]):
            kinds[kind] = (value, tuning) if kind not in kinds or tuning else kinds[kind]
    return [_rule(column["name"], kind, *kinds[kind]) for kind in sorted(kinds, key=_ORDER.index)]


def _rule(column: str, kind: str, value: Any, tuning: Described) -> dict[str, Any]:
    kind = kind.split()[0]
    said = {} if value is None else {"value": value}
    return {"name": f"{column}__{kind}", "kind": kind, "columns": [column], "severity": "error", **said, **tuning}


def _counted(quality: Described, column: Described, notes: Notes) -> Iterator[tuple[str, Any, Described]]:
    """The rule that a metric of the standard's library counts, with the share it tolerates; nothing for any other."""
    share, arguments = _tolerated(quality), quality.get("arguments") or {}
    metric = quality.get("metric") or quality.get("rule")
    if share is None or (metric == "duplicateValues" and column["key"]):
        return
    tuning = {"max_failing": share} if share else {}
    if metric == "nullValues" and not column["nullable"]:
        yield "not_null", None, tuning
    elif metric == "duplicateValues":
        yield "unique", None, tuning
    elif metric == "invalidValues" and "validValues" in arguments and column["type"] in ("VARCHAR", "BIGINT"):
        wanted = str if column["type"] == "VARCHAR" else int
        if all(isinstance(value, wanted) for value in arguments["validValues"]):
            yield "isin", list(arguments["validValues"]), tuning
    elif metric == "invalidValues" and "pattern" in arguments and column["type"] == "VARCHAR":
        yield from ((kind, value, tuning) for kind, value in pattern_in(arguments["pattern"], column, notes))


def _tolerated(quality: Described) -> float | None:
    """The share of rows that may break a rule; None when it is not said as a share."""
    if quality.get("mustBe") == 0:
        return 0.0
    most = quality.get("mustBeLessOrEqualTo", quality.get("mustBeLessThan"))
    return float(most) / 100 if quality.get("unit") == "percent" and isinstance(most, (int, float)) and 0 <= most <= 100 else None


def _rule_note(place: str, quality: Described) -> str:
    what = quality.get("metric") or quality.get("rule") or quality.get("type") or "rule"
    said = quality.get("description") or quality.get("query") or quality.get("implementation") or ""
    return f"quality of {place}: {quality.get('name') or what} is not carried: {' '.join(str(said).split()) or what}"


def _owner(team: Any, notes: Notes) -> str:
    members = team.get("members") or [] if isinstance(team, dict) else team or []
    named = f"team:{re.sub(r'[^A-Za-z0-9._-]+', '-', str(team['name']))}" if isinstance(team, dict) and team.get("name") else ""
    people = [str(member["username"]) for member in members if OWNER.match(str(member.get("username")))]
    if not named and not people:
        notes.append("the document names nobody who can be reached; the domain's owner is the owner.")
    return named or next(iter(people), "")


def _version(text: str, notes: Notes) -> str:
    parts = re.fullmatch(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?", text)
    if parts is None:
        notes.append(f"version {text!r} is not a semantic version; it is 1.0.0 for now.")
        return "1.0.0"
    return ".".join(str(int(part or 0)) for part in parts.groups())


def _promise(levels: list[Described], notes: Notes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for level in levels:
        name, value = str(level["property"]), level["value"]
        length = _length(value, str(level.get("unit", "d")))
        if name.lower() in ("latency", "ly") and length:
            found["max_lag"] = length
        elif name.lower() in ("retention", "re") and length:
            found["retention"] = length
        elif name.lower() == "timeofavailability" and HOUR.match(str(value)):
            found["available_by"] = str(value)
        else:
            notes.append(f"service level {name} {value} {level.get('unit', '')}".rstrip() + " is not carried.")
    return Promise(**found).describe()


def _length(value: Any, unit: str) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    if unit in _YEARS:
        return f"{365 * value}d"
    return f"{value}{_UNITS[unit]}" if unit in _UNITS else None


def _partition(table: Described, contract: Described) -> str | None:
    days = {column["name"] for column in contract["columns"] if column["type"] == "DATE" and not column["nullable"]}
    names = (snake_case(entry["name"]) for entry in table["properties"] if entry.get("partitioned"))
    return next((name for name in names if name in days), None)


def _links(document: Described) -> Iterator[str]:
    said = document.get("description")
    beside = said.get("authoritativeDefinitions") or [] if isinstance(said, dict) else []
    return (link["url"] for link in [*(document.get("authoritativeDefinitions") or []), *beside] if link["url"].startswith("http"))
