"""Which columns each column of a query is made of, read from the query's text.

A column is made of another in one of two ways. `value`: its values, or something computed of them, can be seen in it.
`use`: it only depends on them, as a count does on what is counted. What decides which rows there are (joins, WHERE,
grouping) makes no column.

| in the query                                          | way                      |
|-------------------------------------------------------|--------------------------|
| the column, any expression of it, comparisons, CASE   | value                    |
| min, max, sum, any_value, first, list, string_agg, .. | value                    |
| count, count(DISTINCT), count_if, approximate counts  | use                      |
| IS NULL, IN (SELECT ..), EXISTS                       | use                      |
| FILTER (WHERE ..), PARTITION BY, ORDER BY, the second argument of arg_max | use  |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlglot import TokenType, exp, parse_one
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

Way = Literal["value", "use"]
Leaf = tuple[str, str, Way]
Leaves = frozenset[Leaf]
Schema = Mapping[str, Mapping[str, str]]
NOTHING: Leaves = frozenset()
_COUNTS = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.Exists, exp.Is)
_QUANTIFIED = (exp.Any, exp.All)  # DuckDB prints x IN (SELECT ..) as x = ANY(SELECT ..)
_UNREAD = {exp.Pivot: "it pivots", exp.Columns: "COLUMNS(..) picks columns by their names"}
_SIDE = {
    exp.Window: ("partition_by", "order"),
    exp.Filter: ("expression",),
    exp.ArgMax: ("expression",),
    exp.ArgMin: ("expression",),
    exp.Order: ("expressions",),
}


class NotRead(Exception):
    """Why the columns of a query cannot be told from its text, as the end of a sentence."""


def made_of(query: str, schema: Schema) -> dict[str, Leaves]:
    """For each column of a DuckDB query, in order, the tables' columns it is made of.

    Args:
        query: a SELECT, or the CREATE VIEW of one.
        schema: column names and types of every table that the query names.

    Raises:
        NotRead: the text is beyond what is understood.
    """
    try:
        parsed = parse_one(_readable(query), dialect="duckdb")
        select = parsed.expression if isinstance(parsed, exp.Create) else parsed
        for kind, why in _UNREAD.items():
            if select.find(kind):
                raise NotRead(why)
        qualified = qualify(select, dialect="duckdb", schema=dict(schema), validate_qualify_columns=False)
        scope = build_scope(qualified)
    except SqlglotError as error:
        raise NotRead(str(error).splitlines()[0]) from error
    if scope is None:
        raise NotRead("it is no SELECT")
    return _Reading().columns(scope)


def _readable(query: str) -> str:
    """The query without the parentheses that DuckDB 2.0.0 prints around a lambda: sqlglot 30 does not read them."""
    opened: list[tuple[int, bool]] = []
    dropped: set[int] = set()
    tokens = Dialect.get_or_raise("duckdb").tokenize(query)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.token_type == TokenType.L_PAREN:
            opened.append((token.start, following is not None and following.text == "lambda"))
        elif token.token_type == TokenType.R_PAREN and opened:
            start, is_lambda = opened.pop()
            dropped |= {start, token.start} if is_lambda else set()
    return "".join(character for place, character in enumerate(query) if place not in dropped)


@dataclass
class _Reading:
    """One query under way; `known` holds the columns of each of its parts that was read, by the part's identity."""

    known: dict[int, dict[str, Leaves]] = field(default_factory=dict)

    def columns(self, scope: Scope) -> dict[str, Leaves]:
        if id(scope) not in self.known:
            self.known[id(scope)] = _Recursive()
            self.known[id(scope)] = self._union(scope) if isinstance(scope.expression, exp.SetOperation) else self._select(scope)
        return self.known[id(scope)]

    def _select(self, scope: Scope) -> dict[str, Leaves]:
        if any(column.is_star for column in getattr(scope.expression, "selects", ())):
            raise NotRead("a * stands for several columns of one name")
        return {column.alias_or_name: self._leaves(column.unalias(), scope) for column in getattr(scope.expression, "selects", ())}

    def _union(self, scope: Scope) -> dict[str, Leaves]:
        left, right = (self.columns(part) for part in scope.set_operation_scopes)
        if isinstance(scope.expression, exp.Except):
            return left
        if scope.expression.args.get("by_name"):
            return {name: left.get(name, NOTHING) | right.get(name, NOTHING) for name in (*left, *(n for n in right if n not in left))}
        return {name: leaves | other for (name, leaves), other in zip(left.items(), right.values(), strict=True)}

    def _leaves(self, node: exp.Expression, scope: Scope) -> Leaves:
        """What an expression is made of."""
        if isinstance(node, exp.Column):
            return self._column(node, scope)
        if isinstance(node, exp.Subquery | exp.Select | exp.SetOperation):
            return self._subquery(node.unnest(), scope)
        if isinstance(node, _COUNTS) or any(isinstance(child, _QUANTIFIED) for child in _children(node)):
            return _used(self._together(_children(node), scope))
        side = _SIDE.get(type(node), ())
        main = self._together((child for word, child in _named_children(node) if word not in side), scope)
        used = _used(self._together((child for word, child in _named_children(node) if word in side), scope))
        return main | used

    def _together(self, nodes: Iterator[exp.Expression], scope: Scope) -> Leaves:
        return NOTHING.union(*(self._leaves(node, scope) for node in nodes))

    def _column(self, column: exp.Column, scope: Scope) -> Leaves:
        source = scope.sources.get(column.table)
        if isinstance(source, exp.Table):
            return frozenset({(source.name, column.name, "value")}) if source.name else NOTHING
        if source is None:
            raise NotRead(f"where its column '{column.sql('duckdb')}' comes from cannot be told")
        if source.is_udtf:
            return self._together(iter(source.expression.expressions), scope)
        found = self.columns(source)
        if column.name not in found:
            raise NotRead(f"where its column '{column.sql('duckdb')}' comes from cannot be told")
        return found[column.name]

    def _subquery(self, query: exp.Expr, scope: Scope) -> Leaves:
        inner = next((part for part in scope.subquery_scopes if part.expression is query), None)
        if inner is None:
            raise NotRead(f"the query in it cannot be told apart: {query.sql('duckdb')}")
        return NOTHING.union(*self.columns(inner).values())


class _Recursive(dict[str, Leaves]):
    """The columns of a part that is still being read: what a recursive part reads of itself adds nothing."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Leaves:
        return NOTHING


def _used(leaves: Leaves) -> Leaves:
    return frozenset((table, column, "use") for table, column, _ in leaves)


def _children(node: exp.Expression) -> Iterator[exp.Expression]:
    return (child for _, child in _named_children(node))


def _named_children(node: exp.Expression) -> Iterator[tuple[str, exp.Expression]]:
    for word, value in node.args.items():
        children: list[Any] = value if isinstance(value, list) else [value]
        yield from ((word, child) for child in children if isinstance(child, exp.Expression))
