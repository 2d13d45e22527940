"""The plan: what is stale in the graph and why, in the order to make it, and the next batch one Dagster run can take."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from graphlib import TopologicalSorter

from dagmesh.model.domain import Domain
from dagmesh.orchestrate.days_in_words import in_a_row
from dagmesh.orchestrate.fingerprints import window
from dagmesh.orchestrate.inputs import Key
from dagmesh.orchestrate.nodes import Node, ProductNode, State, Wait

Part = tuple[Key, date | None]
"""A node and one of its days; None: the whole of it."""


@dataclass(frozen=True)
class Todo:
    """One node to make: for `days`, or whole when there are none. `after` are the planned nodes it has to wait for.

    `reason` says why it is stale by itself; it is empty where it is only made because they are.
    """

    node: Node
    days: tuple[date, ...]
    reason: str
    after: frozenset[Key]

    @property
    def parts(self) -> frozenset[Part]:
        """The node with each of its days."""
        return frozenset((self.node.key, day) for day in self.days or (None,))


@dataclass(frozen=True)
class Plan:
    """What to make, upstream first; what cannot be made yet, with what it waits for; what was refused, with why."""

    todo: tuple[Todo, ...]
    waiting: tuple[str, ...]
    refused: tuple[str, ...]

    def batch(self) -> tuple[Todo, ...]:
        """The next nodes that one run can take: of one domain and one range of days, nothing planned upstream but themselves.

        A whole product is left for the run after which no day of its inputs is left to make.
        """
        first = next((todo for todo in self.todo if not todo.after), None)
        if first is None:
            return ()
        taken: dict[Key, Todo] = {}
        for todo in self.todo:
            same = todo.node.key[0] == first.node.key[0] and (not todo.days or not first.days or todo.days == first.days)
            if same and todo.after <= taken.keys() and (todo.days or all(len(in_a_row(taken[up].days)) < 2 for up in todo.after)):
                taken[todo.node.key] = todo
                first = todo if todo.days and not first.days else first
        # What a run's range of partitions can name.
        days = next((tuple(days) for days in in_a_row(first.days)), ())
        return tuple(replace(todo, days=days if todo.days else ()) for todo in taken.values())


def plan(nodes: Mapping[Key, Node], days: Collection[date], without: Collection[Part] = (), states: dict[Key, State] | None = None) -> Plan:
    """What has to be made for `days` so that every node is up to date.

    Args:
        nodes: what there is, by key.
        days: the days to look at.
        without: what is not to be made, whatever its state; what needs it waits.
        states: those of nodes that were looked at before and are not looked at again; the others' are added.
    """
    states = {} if states is None else states
    todo: dict[Key, Todo] = {}
    waiting: dict[str, None] = {}
    refused: list[str] = []
    order = TopologicalSorter({key: [up for up in node.upstream if up in nodes] for key, node in nodes.items()}).static_order()
    for key in order:
        node = nodes[key]
        coming = {up: todo[up] for up in node.upstream if up in todo}
        state = states[key] if key in states else states.setdefault(key, node.state(days))
        wanted = [day for day in _wanted(node, state, coming, days) if (key, day) not in without]
        if wanted:
            todo[key] = Todo(node, tuple(sorted(day for day in wanted if day)), state.reason, frozenset(coming))
        waiting |= dict.fromkeys(wait.words for day, wait in state.waiting.items() if wait.words and day not in wanted)
        refused += [words for day, words in state.refused.items() if day not in wanted]
    return Plan(tuple(todo.values()), tuple(waiting), tuple(refused))


def forget_touched(states: dict[Key, State], nodes: Mapping[Key, Node], batch: Collection[Todo]) -> None:
    """Forget the states that a run of the batch may have changed: of its domain, which shares its events, and of what reads it."""
    made = {todo.node.key for todo in batch}
    domains = {domain for domain, _ in made}
    for key in [key for key in states if key[0] in domains or not made.isdisjoint(nodes[key].upstream)]:
        del states[key]


def _wanted(node: Node, state: State, coming: Mapping[Key, Todo], days: Collection[date]) -> list[date | None]:
    """The days of the node (None: the whole) to make: what is stale, what is about to be, and what waits only for that."""
    if None in state.waiting and not _is_coming(state.waiting[None], None, coming):
        return []
    if not node.daily:
        return [None] if state.stale or coming else []
    affected: set[date] = set(state.days)
    for up, todo in coming.items():
        reach = node.upstream[up]
        affected |= set(days) if reach is None else window(todo.days, reach[1], reach[0]) & set(days)
    return [day for day in sorted(days) if (_is_coming(state.waiting[day], day, coming) if day in state.waiting else day in affected)]


def _is_coming(wait: Wait, day: date | None, coming: Mapping[Key, Todo]) -> bool:
    """Whether all that a day waits for is about to be made."""
    return bool(wait.sources) and all(up in coming and _brings(coming[up], day) for up in wait.sources)


def _brings(todo: Todo, day: date | None) -> bool:
    """Whether the day is there afterwards. Which days a whole product will cover is not known before it is made."""
    return day is None or day in todo.days or not (todo.node.daily or isinstance(todo.node, ProductNode))


def parts(batch: Collection[Todo]) -> frozenset[Part]:
    """Everything that a batch makes."""
    return frozenset(part for todo in batch for part in todo.parts)


def changes(nodes: Mapping[Key, Node], some: Collection[Part]) -> dict[Part, str]:
    """For each part a fingerprint of what is there and of what a run would make of it now."""
    days: dict[Key, list[date]] = {}
    for key, day in some:
        days.setdefault(key, []).extend([day] if day else [])
    return {(key, day): change for key, its in days.items() for day, change in nodes[key].changes(its).items()}


def due_days(domain: Domain, now_day: date, count: int) -> tuple[date, ...]:
    """The last `count` whole days before `now_day`, from the domain's first day on."""
    days = (now_day - timedelta(days=back) for back in range(count, 0, -1))
    return tuple(day for day in days if day >= domain.start)
