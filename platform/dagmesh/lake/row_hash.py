"""The hash of a row, in SQL: the sum over a day's rows, whatever their order, says whether they are the same as before."""

from __future__ import annotations

from collections.abc import Sequence

from dagmesh.lake import quoting

# By how much text is shifted to be hashed a second time.
_SHIFT = 4


def row_hash_sql(columns: Sequence[tuple[str, str]], salt: str = "") -> str:
    """SQL of a row's hash of 64 bits, of its columns' names and values, begun with a secret where guessing must not pay.

    The names are hashed too: equal values under other names are other rows to whoever reads them. Text is hashed twice, whole and
    without its beginning: DuckDB 2.0.0 takes words of eight bytes together so that a digit more in one and one less in the next are
    the same (a seventh of two million addresses like user239341@mail5.example.com). Shifted against the words such pairs differ,
    for a third of what an MD5 costs.
    """
    values = [quoting.text(",".join(name for name, _ in columns) + salt)]
    for name, kind in columns:
        column = quoting.name(name)
        values.append(column)
        if "VARCHAR" in kind:
            values.append(f"substr({column if kind == 'VARCHAR' else f'CAST({column} AS VARCHAR)'}, {_SHIFT})")
    return f"hash({', '.join(values)})"
