"""What changed in a contract's rules: whether the new one tightens them, loosens them or says something else.

A rule that is tightened keeps its old promise and more, so that is additive; one that is loosened, dropped or not comparable
with what it was is breaking. A rule belongs to its name; `ge` and `gt` of a column are one lower bound, `le` and `lt` one upper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from dagmesh.model.change import Change, Effect, same_words, shown

Rule = Mapping[str, Any]
Way = Literal["tightens", "loosens", "changes", "same"]
EFFECTS: dict[Way, Effect] = {"tightens": "additive", "loosens": "breaking", "changes": "breaking"}
OPPOSITE: dict[Way, Way] = {"tightens": "loosens", "loosens": "tightens", "changes": "changes", "same": "same"}
BOUNDS = {"ge": "lower", "gt": "lower", "le": "upper", "lt": "upper"}
SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "eq": "=", "ne": "<>", "isin": "is one of", "notin": "is none of"}
# Every key of a described rule. Held complete by a test.
RULE_KEYS = frozenset({"name", "kind", "columns", "severity", "value", "max_failing", "description", "row_wise"})


def rule_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Every change of the rules of two described contracts, whose renamed columns have one name already.

    What belongs to a column that came or went, the key's uniqueness and what follows from a column's NULLs is said of the columns.
    """
    old, new = _rules(before), _rules(after)
    _pair_bounds(old, new)
    said_of_columns, whole = _said_of_columns(before, after), _whole(before) & _whole(after)
    for name, rule in old.items():
        if name in new:
            yield from _rule(rule, new[name], whole)
        elif not said_of_columns(rule):
            yield _change("loosens", f"loosens: drops the rule {text(rule)}", rule, None)
    for name, rule in new.items():
        if name not in old and not said_of_columns(rule):
            yield _change("tightens", f"tightens: adds the rule {text(rule)}", None, rule)


def text(rule: Rule) -> str:
    """The rule in words: `spend_90d_eur >= 0`."""
    column = rule["columns"][0] if rule["columns"] else ""
    if rule["kind"] == "check":
        return f"'{rule['name']}' ({rule['description']})"
    if rule["kind"] == "unique":
        return f"({', '.join(rule['columns'])}) is unique" if len(rule["columns"]) > 1 else f"{column} is unique"
    if rule["kind"] == "not_null":
        return f"{column} is given"
    return f"{column} {SIGNS.get(rule['kind'], rule['kind'])} {shown(rule.get('value'))}"


def _rules(contract: Mapping[str, Any]) -> dict[str, Rule]:
    """The rules by name, without the key's own; choices of an enumeration are a rule even when it is not written."""
    key = {column["name"] for column in contract["columns"] if column["key"]}
    rules = {rule["name"]: rule for rule in contract["rules"] if not (rule["kind"] == "unique" and set(rule["columns"]) == key)}
    for column in contract["columns"]:
        if column.get("choices"):
            name = f"{column['name']}__isin"
            implied = {"name": name, "kind": "isin", "columns": [column["name"]], "severity": "error", "value": column["choices"]}
            rules.setdefault(name, implied)
    return rules


def _said_of_columns(before: Mapping[str, Any], after: Mapping[str, Any]) -> Callable[[Rule], bool]:
    old, new = ({column["name"]: column for column in contract["columns"]} for contract in (before, after))
    gone, came = set(old) - set(new), set(new) - set(old)
    nulls = {name for name in set(old) & set(new) if old[name]["nullable"] != new[name]["nullable"]}

    def said(rule: Rule) -> bool:
        columns = set(rule["columns"])
        return bool(columns & gone) or (columns <= came) or (rule["kind"] == "not_null" and columns <= nulls)

    return said


def _pair_bounds(old: dict[str, Rule], new: dict[str, Rule]) -> None:
    """Give a bound that went from `ge` to `gt`, or back, one name in both, so that the values are compared."""
    for name, rule in list(old.items()):
        twins = [other for other in new.values() if other["name"] not in old and _bound(other) == _bound(rule) is not None]
        if name not in new and len(twins) == 1 and twins[0]["name"] in new:
            new[name] = new.pop(twins[0]["name"])


def _bound(rule: Rule) -> tuple[str, str] | None:
    side = BOUNDS.get(rule["kind"])
    return (rule["columns"][0], side) if side and not _refers(rule.get("value")) else None


def _whole(contract: Mapping[str, Any]) -> frozenset[str]:
    """The columns whose values go in whole steps: what is more than 0 is 1 or more."""
    return frozenset(column["name"] for column in contract["columns"] if column["type"] in ("BIGINT", "DATE"))


def _rule(before: Rule, after: Rule, whole: frozenset[str]) -> Iterator[Change]:
    """The changes of one rule: of what it demands, of its severity, of the share that may fail."""
    way = _way(before, after, whole)
    if way != "same":
        yield _change(way, f"{way} the rule {text(before)} to {text(after)}", before, after)
    elif before["kind"] == "check":
        yield from _check_words(before, after)
    if before["severity"] != after["severity"]:
        way = "tightens" if after["severity"] == "error" else "loosens"
        yield _change(way, f"{way} the rule {text(after)} from severity {before['severity']} to {after['severity']}", before, after)
    was, now = before.get("max_failing", 0.0), after.get("max_failing", 0.0)
    if was != now:
        way = "tightens" if now < was else "loosens"
        yield _change(way, f"{way} the rule {text(after)} from {was:.4g} to {now:.4g} of the rows that may break it", before, after)


def _check_words(before: Rule, after: Rule) -> Iterator[Change]:
    for key in ("description", "row_wise"):
        if before.get(key) != after.get(key):
            words = f"changes the {key} of check '{before['name']}'"
            yield Change("documentation", f"rule '{before['name']}'", words, before.get(key), after.get(key), _column(before))


def _change(way: Way, words: str, before: Rule | None, after: Rule | None) -> Change:
    rule = before or after or {}
    was, now = (dict(side) if side else None for side in (before, after))
    return Change(EFFECTS[way], f"rule '{rule['name']}'", words, was, now, _column(rule))


def _column(rule: Rule) -> str | None:
    return rule["columns"][0] if rule["columns"] else None


def _way(before: Rule, after: Rule, whole: frozenset[str]) -> Way:
    """Which way the demand of a rule went."""
    if before["columns"] != after["columns"]:
        return "changes"
    if before["kind"] == "check":
        return "same" if same_words(before["description"], after["description"]) else "changes"
    was, now = before.get("value"), after.get("value")
    if before["kind"] == after["kind"] and repr(_plain(scalar(was))) == repr(_plain(scalar(now))):  # of NaN too
        return "same"
    if before["kind"] in BOUNDS and not _refers(was) and not _refers(now):
        limits = (_limit(rule, rule["columns"][0] in whole) for rule in (before, after))
        return _moved(*limits, upwards=BOUNDS[before["kind"]] == "lower")
    compare = _COMPARED.get(before["kind"])
    return compare(was, now) if compare else "changes"


Limit = tuple[str, Any, bool]


def _limit(rule: Rule, whole: bool) -> Limit:
    """The bound's family, its value, and which of two bounds of one value is the greater."""
    kind, value = rule["kind"], scalar(rule["value"])
    family = _family(value)
    if family == "date":
        value = value.toordinal()
    if whole and kind in ("gt", "lt") and isinstance(value, int):
        return family, value + (1 if kind == "gt" else -1), kind == "lt"
    return family, value, kind in ("gt", "le")


def _moved(before: Limit, after: Limit, *, upwards: bool) -> Way:
    if before == after:
        return "same"
    if before[0] != after[0]:
        return "changes"
    return "tightens" if (after > before) == upwards else "loosens"


def _family(value: Any) -> str:
    """Values of one family have an order; NaN has none with anything."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return f"not a number: {id(value)}" if math.isnan(value) else "number"
    return type(value).__name__


def _members(before: Any, after: Any) -> Way:
    """Of a list of allowed values."""
    was, now = ({repr(_plain(scalar(value))) for value in values} for values in (before, after))
    if was == now:
        return "same"
    return "tightens" if now < was else "loosens" if was < now else "changes"


def _prefix(before: Any, after: Any) -> Way:
    return "tightens" if after.startswith(before) else "loosens" if before.startswith(after) else "changes"


def _suffix(before: Any, after: Any) -> Way:
    return "tightens" if after.endswith(before) else "loosens" if before.endswith(after) else "changes"


_COMPARED: dict[str, Callable[[Any, Any], Way]] = {
    "isin": _members,
    "notin": lambda before, after: OPPOSITE[_members(before, after)],
    "startswith": _prefix,
    "endswith": _suffix,
    "min_length": lambda before, after: "tightens" if after > before else "loosens",
    "max_length": lambda before, after: "tightens" if after < before else "loosens",
}


def _refers(value: Any) -> bool:
    """Whether a described value is another column."""
    return isinstance(value, Mapping) and "column" in value


def scalar(value: Any) -> Any:
    """The Python value that a described one stands for; see `json_value`."""
    if not isinstance(value, Mapping):
        return value
    ((kind, said),) = value.items()
    read: dict[str, Callable[[str], Any]] = {"decimal": Decimal, "date": date.fromisoformat, "timestamp": datetime.fromisoformat}
    return read[kind](said) if kind in read else said


def _plain(value: Any) -> Any:
    """One number for numbers that are equal (1, 1.0, Decimal("1.00")), one moment for moments that are."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) and math.isfinite(value):
        return Decimal(value).normalize()
    return value
