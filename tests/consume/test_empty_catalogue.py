"""Catalogues for rehearsals: of one database that starts no thread and reaches nothing, each empty, and gone afterwards."""

import subprocess
import sys

import duckdb
import pytest

from dagmesh.consume.empty_catalogue import empty_catalogue, schema, views

THREADS = """
import os
from dagmesh.consume.empty_catalogue import empty_catalogue
with empty_catalogue() as con:
    con.execute("CREATE TABLE numbers AS SELECT range AS number FROM range(1000000)")
print(len(os.listdir("/proc/self/task")))
"""


def test_what_is_in_one_is_in_no_other() -> None:
    with empty_catalogue() as con:
        con.execute("CREATE TABLE numbers (number BIGINT)")
        con.execute("CREATE VIEW doubled AS SELECT 2 * number AS number FROM numbers")
        with empty_catalogue() as other:
            assert (views(other), schema(other)) == ({}, {})

        assert list(views(con)) == ["doubled"]
        assert schema(con) == {"numbers": {"number": "BIGINT"}, "doubled": {"number": "BIGINT"}}


def test_one_is_gone_afterwards_whatever_happened_in_it() -> None:
    def catalogues() -> list[str]:
        with empty_catalogue() as con:
            return [name for (name,) in con.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()]

    before = len(catalogues())

    with pytest.raises(duckdb.CatalogException), empty_catalogue() as con:
        con.execute("FROM nothing")

    assert len(catalogues()) == before


def test_nothing_outside_is_reached(tmp_path) -> None:
    (tmp_path / "numbers.csv").write_text("number\n1\n")

    with empty_catalogue() as con, pytest.raises(duckdb.PermissionException):
        con.execute(f"FROM '{tmp_path}/numbers.csv'")


@pytest.mark.skipif(sys.platform != "linux", reason="what threads a process has is read from Linux's /proc")
def test_a_process_that_had_one_may_fork() -> None:
    assert subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=True).stdout == "1\n"
