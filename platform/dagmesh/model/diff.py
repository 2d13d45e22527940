"""What changed between two versions of a product, and which version that needs.

Both sides are what `DataProduct.describe()` gives: the same values are in the code, signed in the lake and in the lock file. A
data product is an output: whoever reads it may keep reading it after an additive change and may not after a breaking one.
Columns are compared by diff_columns (with the table of compatible types), rules by diff_rules, promises and price by diff_promise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dagmesh.errors import ContractBroken
from dagmesh.model.change import EFFECTS, Change, Effect, same_words, shown
from dagmesh.model.diff_columns import column_changes, renamed
from dagmesh.model.diff_promise import price_changes, promise_changes, sunset_changes
from dagmesh.model.diff_rules import rule_changes

__all__ = ["Change", "Effect", "changes", "check_version", "needed_version"]

CONTRACT_KEYS = frozenset({"name", "grain", "columns", "rules"})
_WORDS = {  # key of a described product -> how a change of it is called; what it means to a reader is the same
    "owner": "owner",
    "support": "support",
    "description": "description",
    "documentation": "documentation",
    "tags": "tags",
    "reads": "inputs",
}
_FIXED = {"name": "name", "domain": "domain", "partitioned_by": "partitioning", "output_format": "format"}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Every change from one described product to another, the worst first."""
    names = renamed(before["contract"], after["contract"])
    found = [_rename(old, new) for old, new in names.items()]
    if names:
        before = _with_names(before, names)
    for key in (*(key for key in before if key not in after), *after):
        found += _COMPARED[key](before, after) if key in _COMPARED else ()
    return tuple(sorted(found, key=lambda change: -EFFECTS.index(change.effect)))


def _rename(old: str, new: str) -> Change:
    return Change("breaking", f"column '{old}'", f"renames column '{old}' to '{new}'", old, new, old)


def _with_names(product: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The described product as it would be with its columns renamed, so that they are compared by their new names."""

    def named(name: Any) -> Any:
        return names.get(name, name)

    def rule(said: Mapping[str, Any]) -> dict[str, Any]:
        value, columns = said.get("value"), [named(column) for column in said["columns"]]
        if said["kind"] == "check" or (said["kind"] == "unique" and len(columns) > 1):
            return {**said, "columns": columns}
        if not (isinstance(value, Mapping) and "column" in value):
            return {**said, "columns": columns, "name": f"{columns[0]}__{said['kind']}"}
        other = named(value["column"])
        return {**said, "columns": columns, "value": {"column": other}, "name": f"{columns[0]}__{said['kind']}_{other}"}

    contract = product["contract"]
    columns = [{**column, "name": named(column["name"])} for column in contract["columns"]]
    contract = {**contract, "columns": columns, "rules": [rule(said) for said in contract["rules"]]}
    return {**product, "contract": contract, "partitioned_by": named(product.get("partitioned_by"))}


Compared = Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Change]]


def _contract(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    was, now = before["contract"], after["contract"]
    yield from column_changes(was, now)
    yield from rule_changes(was, now)
    if was["grain"] != now["grain"]:
        effect: Effect = "documentation" if same_words(was["grain"], now["grain"]) else "breaking"
        words = f"changes the grain from {shown(was['grain'])} to {shown(now['grain'])}"
        yield Change(effect, "grain", words, was["grain"], now["grain"])
    if was["name"] != now["name"]:
        yield Change("documentation", "contract", f"calls the contract {now['name']}, it was {was['name']}", was["name"], now["name"])


def _stated(key: str, effect: Effect, words: str) -> Compared:
    """Compares a value of which every change has one effect."""

    def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
        was, now = before.get(key), after.get(key)
        if (was or None) != (now or None):
            given = f" from {shown(was)} to {shown(now)}" if effect == "breaking" or key == "owner" else ""
            yield Change(effect, key, f"changes the {words}{given}", was, now)

    return compared


def _serves(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    was, now = before["serves"], after["serves"]
    for domain in sorted(set(was) - set(now)):
        yield Change("breaking", "serves", f"no longer serves {domain}", was, now)
    for domain in sorted(set(now) - set(was)):
        yield Change("additive", "serves", f"serves {domain}", was, now)


def _accepts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    was, now = set(before.get("accepts") or ()), set(after.get("accepts") or ())
    for consumer in sorted(was ^ now):
        verb = "accepts" if consumer in now else "no longer accepts"
        yield Change("additive", "accepts", f"{verb} the expectations of {consumer}", sorted(was), sorted(now))


def _nothing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """The version is what is judged by the changes, not one of them."""
    yield from ()


# Every key of a described product and what compares it. Held complete by a test.
_COMPARED: dict[str, Compared] = {
    "version": _nothing,
    "contract": _contract,
    "promise": lambda before, after: promise_changes(before["promise"], after["promise"]),
    "price": lambda before, after: price_changes(before.get("price"), after.get("price")),
    "sunset": lambda before, after: sunset_changes(before.get("sunset"), after.get("sunset")),
    "serves": _serves,
    "accepts": _accepts,
    **{key: _stated(key, "documentation", words) for key, words in _WORDS.items()},
    **{key: _stated(key, "breaking", words) for key, words in _FIXED.items()},
}
PRODUCT_KEYS = frozenset(_COMPARED)


def needed_version(before_version: str, found: Iterable[Change]) -> str:
    """The least version that will do: after a breaking change the next major, an additive one the next minor, else the next patch.

    0.x is no exception: its readers are as real.
    """
    major, minor, patch = _numbers(before_version)
    effects = {change.effect for change in found}
    if "breaking" in effects:
        return f"{major + 1}.0.0"
    if "additive" in effects:
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}" if effects else before_version


def is_enough(version: str, needed: str) -> bool:
    """Whether a version is the needed one or a later one."""
    return _numbers(version) >= _numbers(needed)


def _numbers(version: str) -> tuple[int, int, int]:
    major, minor, patch = (int(part) for part in version.split("."))
    return major, minor, patch


def check_version(before: Mapping[str, Any], after: Mapping[str, Any], readers: Iterable[str] = ()) -> None:
    """Nothing, when the version of `after` is at least what its changes need.

    Args:
        before: the described product as it was published or locked.
        after: the described product as it is now.
        readers: the consumers' products that a breaking change breaks, for the message.

    Raises:
        ContractBroken: the version is too low.
    """
    found = changes(before, after)
    needed = needed_version(before["version"], found)
    if not is_enough(after["version"], needed):
        address = f"{before['domain']}.{before['name']}@{before['version'].split('.')[0]}"
        raise ContractBroken(too_low(before, after, found, readers), address=address, needed=needed)


def too_low(before: Mapping[str, Any], after: Mapping[str, Any], found: Iterable[Change], readers: Iterable[str] = ()) -> str:
    """Why the version is too low, in words, and what to do: one line for one change, a line each for several."""
    found = tuple(found)
    step = f"{before['domain']}.{before['name']} {before['version']} -> {after['version']}"
    needed = needed_version(before["version"], found)
    if not found:
        return f"{step} goes back. Release {needed} or a later one."
    worst = [change for change in found if change.effect == found[0].effect]
    who = sorted(readers) if found[0].effect == "breaking" else []
    why = found[0].effect + (f": {_and(who)} {'reads' if len(who) == 1 else 'read'} it" if who else "")
    if len(worst) == 1:
        return f"{step} {worst[0].words} ({why}). Release {needed}, or {worst[0].way_out}."
    lines = "".join(f"\n  {change.words}" for change in worst)
    return f"{step} has {len(worst)} changes that need more ({why}):{lines}\nRelease {needed}, or take them back."


def _and(names: list[str]) -> str:
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last
