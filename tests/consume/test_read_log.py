"""The log of reads: each is on the disk before a row is handed out, refusals too, and nothing is read that cannot be recorded."""

import json
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dagmesh.consume.read_log import ReadLog, ReadRecord
from dagmesh.errors import AccessRefused, MeshError, NotPublished
from dagmesh.model.address import Address

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)
AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def records(shop) -> list[dict]:
    """Everything in the log."""
    return [
        json.loads(line)
        for path in sorted((shop.lake.home / "reads").glob("*"))
        for line in path.read_text().removesuffix("\n").split("\n")
    ]


def test_a_read_says_who_what_which_snapshot_columns_days_rows_and_for_what(shop) -> None:
    shop.publish_orders({MONDAY: [10, 11], TUESDAY: [12]})
    before = datetime.now(UTC)

    shop.resolver("finance", purpose="Close the month.").resolve("orders.orders", [TUESDAY])

    (record,) = records(shop)
    assert before <= datetime.fromisoformat(record.pop("at")) <= datetime.now(UTC)
    assert record == {
        "reader": "finance",
        "address": "orders.orders@1#0",
        "columns": ["order_id", "ordered_on", "placed_at", "total_eur"],
        "masked": {},
        "days": ["2026-11-17"],
        "rows": 1,
        "purpose": "Close the month.",
        "grant": None,
        "decision": "allowed",
        "why": None,
        "price": None,
    }


def test_a_read_on_a_grant_names_its_file_and_the_masked_columns(shop) -> None:
    shop.publish_profiles()
    shop.grant(columns=["customer_id", "email"], mask={"email": "hash"}, rows="city = 'Graz'")

    shop.resolver("finance").resolve("customers.profiles")

    (record,) = records(shop)
    assert record["grant"] == "domains/customers/grants/finance.profiles.yaml"
    assert (record["columns"], record["rows"], record["days"]) == (["customer_id"], None, None)
    assert record["masked"] == {
        "email": "hash", **dict.fromkeys(["born_on", "credit_eur", "seen_at", "tags", "city"], "null"),
    }  # fmt: skip


def test_a_refusal_is_recorded_with_its_reason(shop) -> None:
    shop.publish_profiles()

    with pytest.raises(AccessRefused) as refusal:
        shop.resolver("finance", purpose="Write bills.").resolve("customers.profiles")

    (record,) = records(shop)
    assert (record["reader"], record["address"], record["decision"]) == ("finance", "customers.profiles@1", "refused")
    assert (record["purpose"], record["columns"], record["why"]) == ("Write bills.", [], str(refusal.value))


def test_a_statement_records_every_product_it_reads(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.publish_profiles()

    shop.reads().sql("SELECT count(*) FROM orders.orders, customers.profiles")

    assert sorted(record["address"] for record in records(shop)) == ["customers.profiles@1#0", "orders.orders@1#0"]


def test_what_is_not_there_is_no_read(shop) -> None:
    with pytest.raises(NotPublished):
        shop.resolver("finance").resolve("orders.orders")

    assert records(shop) == []


def test_a_look_is_no_read(shop) -> None:
    shop.publish_orders({MONDAY: [10]})

    assert str(shop.resolver("finance").look("orders.orders").address) == "orders.orders@1#0"

    assert records(shop) == []


def test_what_a_run_is_refused_at_a_look_is_recorded_and_what_a_planner_is_refused_is_not(shop) -> None:
    shop.publish_profiles()

    for planning in (True, False):
        with pytest.raises(AccessRefused):
            shop.resolver("finance", planning=planning).look("customers.profiles")

    assert [record["decision"] for record in records(shop)] == ["refused"]


def test_only_its_owner_sees_the_log(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.resolver("finance").resolve("orders.orders")
    folder = shop.lake.home / "reads"
    (file,) = folder.iterdir()

    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)
    assert file.name == f"{datetime.now(UTC).date()}.jsonl"


def test_what_cannot_be_recorded_is_not_read(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    (shop.lake.home / "reads").write_text("a file where the folder should be")

    with pytest.raises(MeshError) as refusal:
        shop.resolver("finance").resolve("orders.orders")

    path = shop.lake.home / "reads" / f"{datetime.now(UTC).date()}.jsonl"
    assert str(refusal.value) == (
        f"{path}: the read of orders.orders@1#0 cannot be recorded (File exists), so nothing is read. "
        "Make room, or make the folder writable for its owner."
    )


def test_a_line_that_does_not_fit_on_the_disk_is_taken_back_and_nothing_is_read(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.resolver("finance").resolve("orders.orders")
    code = """
import resource, signal, sys
from pathlib import Path
from dagmesh.consume.resolver import Resolver
from dagmesh.lake.lake import Lake
log, = Path(sys.argv[2], "reads").iterdir()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resolver = Resolver(Lake(sys.argv[1], Path(sys.argv[2])), "finance")
look = resolver.look("orders.orders")
resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 10,) * 2)
resolver._log.record(resolver._record(look, None))
"""

    done = subprocess.run([sys.executable, "-c", code, shop.lake.root, shop.lake.home], capture_output=True, text=True, check=False)

    assert "cannot be recorded (only 10 of " in done.stderr
    assert len(records(shop)) == 1


def test_a_reader_killed_before_the_first_row_has_left_its_record(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    code = """
import os, signal, sys
from pathlib import Path
from dagmesh.consume.connection import Connection
from dagmesh.consume.resolver import Resolver
from dagmesh.lake.lake import Lake
relation = Connection(Resolver(Lake(sys.argv[1], Path(sys.argv[2])), "finance")).read("orders.orders")
os.kill(os.getpid(), signal.SIGKILL)
"""

    done = subprocess.run([sys.executable, "-c", code, shop.lake.root, shop.lake.home], env=os.environ, check=False)

    assert done.returncode == -signal.SIGKILL
    assert [record["address"] for record in records(shop)] == ["orders.orders@1#0"]


# The log as evidence


def written(home: Path, *reads: tuple[str, datetime]) -> ReadLog:
    log = ReadLog(home)
    for address, at in reads:
        log.record(ReadRecord(at, "finance", Address.parse(address)))
    return log


def test_reads_of_a_product_are_found_from_a_moment_on(tmp_path: Path) -> None:
    day = timedelta(days=1)
    log = written(tmp_path, ("a.b@1#0", AT - day), ("a.b@1#1", AT), ("a.c@1#0", AT), ("a.b@2#0", AT + day), ("a.b@1", AT + 2 * day))

    def found(address: str, since: datetime) -> list[str]:
        return [read["address"] for read in log.reads(address, since)]

    assert found("a.b", AT - day) == ["a.b@1#0", "a.b@1#1", "a.b@2#0", "a.b@1"]
    assert found("a.b", AT) == ["a.b@1#1", "a.b@2#0", "a.b@1"]
    assert found("a.b", AT + timedelta(seconds=1)) == ["a.b@2#0", "a.b@1"]
    assert found("a.b@1", AT) == ["a.b@1#1", "a.b@1"]
    assert found("a.b@1#1", AT - day) == ["a.b@1#1"]
    assert found("a.d", AT - day) == []


def test_nobody_has_read_where_there_is_no_log(tmp_path: Path) -> None:
    assert list(ReadLog(tmp_path).reads("a.b", AT)) == []


@pytest.mark.parametrize("line", ["{", "1", "{}", '{"at": 1}', '{"address": "a.b@1", "reader": "finance"}'])
def test_a_damaged_log_is_no_evidence(tmp_path: Path, line: str) -> None:
    log = written(tmp_path, ("a.b@1#0", AT))
    path = tmp_path / "reads" / "2026-11-20.jsonl"
    path.write_text(path.read_text() + line + "\n")

    with pytest.raises(MeshError) as refusal:
        list(log.reads("a.b", AT))

    assert str(refusal.value) == f"{path}: line 2 is no record of a read: {line!r}. Put the file back as it was written."


def test_readers_at_the_same_time_do_not_mix_their_lines(tmp_path: Path) -> None:
    code = f"""
import sys
from datetime import UTC, datetime
from pathlib import Path
from dagmesh.consume.read_log import ReadLog, ReadRecord
from dagmesh.model.address import Address
at = datetime(2026, 11, 20, tzinfo=UTC)
for n in range(50):
    ReadLog(Path({str(tmp_path)!r})).record(ReadRecord(at, "r" * 2000 + sys.argv[1], Address("a", "b", 1, n)))
"""

    readers = [subprocess.Popen([sys.executable, "-c", code, str(n)]) for n in range(3)]

    assert [reader.wait() for reader in readers] == [0, 0, 0]
    assert len(list(ReadLog(tmp_path).reads("a.b", AT - timedelta(days=1)))) == 150


def test_a_purpose_with_line_separators_of_unicode_leaves_the_log_readable(shop) -> None:
    shop.publish_orders({MONDAY: [10]})

    shop.resolver("finance", purpose="a\u2028b\u0085c").resolve("orders.orders")

    assert [read["purpose"] for read in records(shop)] == ["a\u2028b\u0085c"]
