"""Statements at random: a grammar of SELECTs over granted and other products, files, settings, every function, and what is no SELECT."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

TABLES = (
    *("customers.profiles", '"customers.profiles@1"', '"customers.profiles@1#0"', "orders.orders", 'orders."orders@1#0"'),
    *("ledger.entries", '"ledger.entries@1"', "nothing.here", "slice_0", "information_schema.tables", "duckdb_tables", "sqlite_master"),
)
COLUMNS = (
    *("customer_id", "email", "born_on", "credit_eur", "seen_at", "tags", "city"),
    *("order_id", "ordered_on", "placed_at", "total_eur", "entry_id", "secret", "rowid", "filename", "file_row_number"),
)
WORDS = ("current_user", "current_schema", "current_date", "*", "t", "t.city", "profiles", "?")
CONSTANTS = (
    *("0", "1", "-1", "12.5", "1e308", "'NaN'::DOUBLE", "NULL", "true", "''", "'a'", "'%'", "'c1'", "'Graz'", "'Linz'", "'z•••'", "[]"),
    *("[1, 2]", "{'a': 1}", "MAP {'a': 1}", "DATE '1991-01-01'", "TIMESTAMPTZ '2026-11-16 08:00:00+00'", "INTERVAL 1 DAY", "'\\xAA'::BLOB"),
    *("9223372036854775807", "'$.a'", "'credit_eur'", "'sum'", "'first'", "'\\x00'", "x'00'", "'SELECT 1'", "'customers.profiles'"),
)
TYPES = ("INT", "BIGINT", "HUGEINT", "DOUBLE", "DECIMAL(38, 10)", "VARCHAR", "BLOB", "BIT", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "INTERVAL")
TYPES += ("VARCHAR[]", "INT[3]", "JSON", "UUID", "STRUCT(a INT)", "MAP(VARCHAR, INT)", "UNION(a INT)", "ENUM ('a', 'b')", "VARIANT", "TIME")
OPERATORS = ("+", "-", "*", "/", "//", "%", "=", "<>", "<", ">=", "||", "AND", "OR", "LIKE", "ILIKE", "SIMILAR TO", "~", "~~*", "GLOB")
OPERATORS += ("IS DISTINCT FROM", "&", "|", "<<", "^", "**", "->", "->>", "<->", "@>", "&&", "^@", "COLLATE NOCASE =", "IN")
SETTINGS = ("home_directory", "allowed_directories", "temp_directory", "enable_external_access", "memory_limit", "search_path")


class Grammar:
    """Draws statements; the same seed draws the same ones.

    Args:
        seed: of the draws.
        functions: every function that DuckDB has, by name, kind ("scalar", "aggregate", "table", ...) and types of its arguments.
        files: paths of files with secrets.
    """

    def __init__(self, seed: int, functions: Sequence[tuple[str, str, Sequence[str]]], files: Sequence[str]) -> None:
        self._random = Random(seed)
        self._functions = functions
        self._names = [name for name, *_ in functions]
        self._values = [one for one in functions if one[1] == "scalar" and not one[0].startswith("__internal")]
        self._aggregates = [one for one in functions if one[1] == "aggregate"]
        self._files = files

    def statement(self) -> str:
        """One statement; about one in ten is no SELECT, or hides what is none."""
        return self._of(self.query, 12, self._no_select, 1, self._broken, 1)(self._random.choice((0, 1, 1, 1, 2, 2, 3, 4)))

    def query(self, depth: int) -> str:
        """A SELECT, with steps, set operations and all clauses."""
        steps = ", ".join(f"{self._pick(('s', 't', 'slice_0', 'orders'))} AS ({self.query(depth - 2)})" for _ in range(self._few(depth)))
        recursive = self._pick(("", "", "", "RECURSIVE "))
        body = self._select(depth)
        if depth > 1 and self._one_in(5):
            body = (
                f"({body}) {self._pick(('UNION', 'UNION ALL', 'UNION ALL BY NAME', 'EXCEPT', 'INTERSECT ALL'))} ({self._select(depth - 1)})"
            )
        return (f"WITH {recursive}{steps} " if steps else "") + body

    def _select(self, depth: int) -> str:
        items = ", ".join(self._item(depth) for _ in range(1 + self._few(3)))
        parts = [f"SELECT {self._pick(('', '', '', 'DISTINCT ', 'DISTINCT ON (1) '))}{items} FROM {self._source(depth)}"]
        parts += [f"WHERE {self._expression(depth - 1)}"] * self._one_in(2)
        parts += [f"GROUP BY {self._pick(('ALL', '1', 'city', 'ROLLUP (city, email)', 'CUBE (1)', '()'))}"] * self._one_in(4)
        parts += [f"HAVING count(*) > 0 OR {self._expression(depth - 2)}"] * self._one_in(12)
        parts += [f"QUALIFY row_number() OVER (ORDER BY {self._expression(depth - 2)}) < 3"] * self._one_in(8)
        parts += [f"ORDER BY {self._pick(('ALL', '1', self._expression(depth - 2)))}"] * self._one_in(3)
        parts += [f"LIMIT {self._pick(('1', '2', '10%', '(SELECT 1)', self._expression(0)))}"] * self._one_in(6)
        parts += ["USING SAMPLE 100 PERCENT"] * self._one_in(30)
        return " ".join(parts)

    def _item(self, depth: int) -> str:
        return self._of(
            *(lambda _: "*", 2),
            *(lambda _: f"* {self._pick(('EXCLUDE (city)', 'REPLACE (email || email AS email)', 'RENAME (email AS e)'))}", 1),
            *(lambda _: self._pick(("COLUMNS('e')", "COLUMNS(lambda c: c LIKE '%i%')", "t", "unnest(tags)")), 1),
            *(lambda d: self._call(d, self._aggregates), 2),
            *(lambda d: f"{self._call(d, self._aggregates)} OVER (ORDER BY {self._column()})", 2),
            *(self._expression, 8),
        )(depth)

    def _source(self, depth: int) -> str:
        if depth <= 0:
            return self._pick(TABLES)
        return self._of(
            *(lambda _: f"{self._pick(TABLES[:3])} AS t", 24),
            *(lambda _: self._pick(TABLES), 3),
            *(lambda d: f"({self.query(d - 1)}) AS t", 3),
            *(lambda d: f"{self._source(d - 1)} {self._join()} {self._source(d - 1)}", 2),
            *(lambda d: f"{self._source(0)} AS t, LATERAL ({self.query(d - 2)}) AS u", 1),
            *(lambda _: f"{self._quote(self._file())}", 2),
            *(lambda _: f"{self._pick(self._names)}('{self._file()}')", 2),
            *(lambda d: self._call(d, self._functions), 1),
            *(
                lambda d: (
                    f"(PIVOT {self._source(0)} ON {self._column()} IN ({self._constant()}) USING {self._call(d - 2, self._aggregates)})"
                ),
                1,
            ),
            *(lambda _: f"(UNPIVOT {self._source(0)} ON {self._column()}, {self._column()})", 1),
            *(lambda _: f"(VALUES ({self._constant()}), ({self._constant()})) AS t(city)", 1),
            *(lambda _: f"({self._pick(('SHOW TABLES', 'DESCRIBE', 'SUMMARIZE', 'TABLE'))} {self._pick(TABLES)})", 1),
        )(depth)

    def _expression(self, depth: int) -> str:
        if depth <= 0:
            return self._of(lambda _: self._column(), 6, lambda _: self._constant(), 3)(depth)
        return self._of(
            *(lambda _: self._column(), 6),
            *(lambda _: self._constant(), 2),
            *(self._call, 8),
            *(lambda d: f"({self._expression(d - 1)} {self._pick(OPERATORS)} {self._expression(d - 1)})", 6),
            *(lambda d: f"{self._pick(('CAST', 'TRY_CAST'))}({self._expression(d - 1)} AS {self._pick(TYPES)})", 3),
            *(lambda d: f"CASE WHEN {self._expression(d - 1)} THEN {self._expression(d - 1)} ELSE {self._risky()} END", 2),
            *(lambda d: f"(SELECT {self._item(d - 2)} FROM {self._source(d - 2)} LIMIT 1)", 2),
            *(lambda d: f"EXISTS ({self.query(d - 2)})", 1),
            *(lambda d: f"[{self._expression(d - 1)} FOR x IN tags IF {self._expression(d - 2)}]", 1),
            *(lambda d: f"list_transform(tags, lambda x: {self._expression(d - 1)})", 1),
            *(lambda _: f"current_setting('{self._pick(SETTINGS)}')", 1),
            *(lambda _: self._risky(), 1),
        )(depth)

    def _risky(self) -> str:
        """What fails for some values: its error would tell of them."""
        return self._pick(
            (f"error({self._column()})", f"1 // (length({self._column()}) - 4)", f"{self._column()}::INT", "email::DATE", "city::INT")
        )

    def _call(self, depth: int, among: Sequence[tuple[str, str, Sequence[str]]] = ()) -> str:
        """A function of arguments of its types, most often."""
        name, _, types = self._random.choice(among or (self._functions if self._one_in(12) else self._values))
        wanted = list(types) if not self._one_in(6) else [*types, "ANY"][self._random.randrange(2) :]
        return f"{name}({', '.join(self._argument(kind, depth - 1) for kind in wanted)})"

    def _argument(self, kind: str, depth: int) -> str:
        said = self._expression(depth)
        plain = re.fullmatch(r"[A-Z ]+(\(\d+, ?\d+\))?(\[\d*\])*", kind) and not re.match(r"ANY|LAMBDA|TABLE|NULL|ENUM|[A-Z]\b", kind)
        return f"TRY_CAST({said} AS {kind})" if plain and not self._one_in(4) else "lambda x: x" if kind == "LAMBDA" else said

    def _no_select(self, depth: int) -> str:
        file, query = self._file(), self.query(depth - 2)
        return self._pick(
            (
                *(
                    f"COPY ({query}) TO '{file}'",
                    f"COPY orders.orders FROM '{file}'",
                    f"CREATE TABLE x AS {query}",
                    f"ATTACH '{file}' AS x",
                ),
                *(f"WITH d AS (COPY ({query}) TO '{file}') FROM d", "WITH d AS (DELETE FROM orders.orders RETURNING *) FROM d"),
                *(
                    f"SET {self._pick(SETTINGS)} = '{file}'",
                    f"EXPORT DATABASE '{file}'",
                    f"CREATE MACRO sum(x) AS ({query})",
                    f"EXPLAIN {query}",
                ),
                *(f"{query}; {query}", f"PRAGMA {self._pick(self._names)}", f"CALL {self._pick(self._names)}('{file}')"),
                *(
                    f"FROM query($${query}$$)",
                    f"FROM query_table('{file}')",
                    f"EXECUTE x({query})",
                    f"IMPORT DATABASE '{file}'",
                    "CHECKPOINT",
                ),
                *(
                    f"CREATE OR REPLACE VIEW customers.profiles AS {query}",
                    f"LOAD '{file}'",
                    f"PIVOT {self._source(1)} ON city",
                    "SHOW ALL TABLES",
                ),
            )
        )

    def _broken(self, depth: int) -> str:
        """A query with a piece cut out, doubled, or another in its place."""
        text = self.query(depth)
        start = self._random.randrange(len(text))
        end = min(len(text), start + self._random.randrange(1, 12))
        put = self._pick(("", text[start:end] * 2, "--", "/*", ";", "'", '"', "\\", "\0", "(", ")", "\u00a0", "\u212a", "$$"))
        return text[:start] + put + text[end:]

    def _join(self) -> str:
        return self._pick(
            (",", "CROSS JOIN", "NATURAL JOIN", "POSITIONAL JOIN", "NATURAL FULL JOIN", "NATURAL SEMI JOIN", "NATURAL ANTI JOIN")
        )

    def _column(self) -> str:
        return self._of(lambda _: self._pick(COLUMNS[:7]), 20, lambda _: self._pick(COLUMNS), 2, lambda _: self._pick(WORDS), 1)(0)

    def _constant(self) -> str:
        return self._pick((*CONSTANTS, f"'{self._file()}'"))

    def _file(self) -> str:
        return self._pick(self._files)

    def _quote(self, text: str) -> str:
        mark = self._pick(("'", '"'))
        return f"{mark}{text}{mark}"

    def _of(self, *choices: object) -> Callable[[int], str]:
        """One of the choices, each followed by its weight."""
        return self._random.choices(choices[::2], choices[1::2])[0]  # type: ignore[return-value,arg-type]  # pairs in one list

    def _pick(self, some: Sequence[str]) -> str:
        return self._random.choice(some)

    def _few(self, depth: int) -> int:
        return self._random.choice((0, 0, 0, 1, 1, 2)) if depth > 1 else 0

    def _one_in(self, many: int) -> bool:
        return self._random.randrange(many) == 0
