"""The plan: what is stale in the graph and why, in the order to make it, and the next batch one Dagster run can take."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from graphlib import TopologicalSorter

from dagmesh.model.domain import Domain
from dagmesh.orchestrate.fingerprints import window
from dagmesh.orchestrate.nodes import Key, Node, ProductNode, State


@dataclass(frozen=True)
class Todo:
    """One node to make: for `days`, or whole when there are none. `after` are the planned nodes it has to wait for."""

    node: Node
    days: tuple[date, ...]
    reason: str
    after: frozenset[Key]


@dataclass(frozen=True)
class Plan:
    """What to make, upstream first; what cannot be made yet, with what it waits for; what was refused, with why."""

    todo: tuple[Todo, ...]
    waiting: tuple[str, ...]
    refused: tuple[str, ...]

    def without(self, keys: Collection[Key]) -> Plan:
        """The plan with these nodes left out, and everything that waits for them."""
        left: list[Todo] = []
        out = set(keys)
        for todo in self.todo:
            if todo.node.key in out or todo.after & out:
                out.add(todo.node.key)
            else:
                left.append(todo)
        return replace(self, todo=tuple(left))

    def batch(self) -> tuple[Todo, ...]:
        """The next nodes that one run can take: of one domain and one range of days, nothing planned upstream but themselves."""
        first = next((todo for todo in self.todo if not todo.after), None)
        if first is None:
            return ()
        taken: dict[Key, Todo] = {}
        for todo in self.todo:
            same = todo.node.key[0] == first.node.key[0] and (not todo.days or not first.days or todo.days == first.days)
            if same and todo.after <= set(taken):
                taken[todo.node.key] = todo
                first = todo if todo.days and not first.days else first
        days = _contiguous(first.days)
        return tuple(replace(todo, days=days if todo.days else ()) for todo in taken.values())


def _contiguous(days: Sequence[date]) -> tuple[date, ...]:
    """The first days in a row: what a run's range of partitions can name."""
    return tuple(day for position, day in enumerate(days) if day == days[0] + timedelta(days=position))


def plan(nodes: Mapping[Key, Node], days: Collection[date]) -> Plan:
    """What has to be made for `days` so that every node is up to date."""
    todo: dict[Key, Todo] = {}
    waiting: list[str] = []
    refused: list[str] = []
    order = TopologicalSorter({key: [up for up in node.upstream if up in nodes] for key, node in nodes.items()}).static_order()
    for key in order:
        node = nodes[key]
        changing = [todo[up] for up in node.upstream if up in todo]
        state = node.state(days)
        affected = _affected(node, state, changing, days)
        if state.stale or affected or (changing and not node.daily):
            wanted = tuple(sorted({*state.days, *affected})) if node.daily else ()
            reason = state.reason or f"after {', '.join('.'.join(t.node.key) for t in changing)}"
            todo[key] = Todo(node, wanted, reason, frozenset(t.node.key for t in changing))
        waiting += [text for day, text in sorted(state.waiting.items(), key=str) if day not in affected and not (day is None and changing)]
        refused += [text for day, text in state.refused.items() if day not in affected and not (day is None and changing)]
    return Plan(tuple(todo.values()), tuple(waiting), tuple(refused))


def _affected(node: Node, state: State, changing: Sequence[Todo], days: Collection[date]) -> set[date]:
    """The node's days that see a changing day of an upstream, or wait for an upstream that is going to be made."""
    if not node.daily or not changing:
        return set()
    affected = set(days) if None in state.waiting else {day for day in state.waiting if day}
    for upstream in changing:
        back, ahead = _reach(node, upstream.node.key)
        affected |= window(upstream.days, ahead, back)
    return affected & set(days)


def _reach(node: Node, upstream: Key) -> tuple[int, int]:
    """How many days back and ahead of its own day the node sees of the upstream."""
    if not isinstance(node, ProductNode):
        return 0, 0
    reads = [read for read, key in zip(node.product.inputs, node.upstream, strict=True) if key == upstream]
    return max((read.days or 1) - 1 for read in reads), max(read.late_days for read in reads)


def due_days(domain: Domain, now_day: date, count: int) -> tuple[date, ...]:
    """The last `count` whole days before `now_day`, from the domain's first day on."""
    days = (now_day - timedelta(days=back) for back in range(count, 0, -1))
    return tuple(day for day in days if day >= domain.start)
