"""A publisher killed at any point leaves the last acknowledged snapshot or, when it died just after its commit, the next one."""

import random
from datetime import UTC, datetime

KILLS_ON_ONE_TABLE = 45
KILLS_ON_NEW_TABLES = 15
LATER = datetime(2200, 1, 1, tzinfo=UTC)


def test_a_killed_publisher_loses_and_tears_nothing(publishers) -> None:
    moments = random.Random(7)
    number = 0

    for _ in range(KILLS_ON_ONE_TABLE):
        fork = publishers.start("publish", 1, first=number + 1, count=10_000, days=[0, 1], acknowledgements=str(publishers.folder / "a"))
        died = fork.ends_within(moments.uniform(0.02, 0.25))
        fork.kill()

        # What stood before may be one that was never acknowledged: its publisher died just after its commit.
        last = max(publishers.acknowledged("a"), default=0)
        stood = max(last, number)
        found = publishers.newest(1)
        assert not died, publishers.errors
        assert found in ({} if stood == 0 else {0: stood, 1: stood}, {0: stood + 1, 1: stood + 1})
        number = max(found.values(), default=0)

    assert publishers.errors == ""
    assert number > KILLS_ON_ONE_TABLE // 5  # the publishers were not just killed before they could do anything
    check_history_and_disk(publishers, number)


def check_history_and_disk(publishers, number: int) -> None:
    """Every version is signed, and once what runs left behind is swept away only the newest snapshot's files are there."""
    table = publishers.table(1)
    assert [past.publication.run_id for past in table.history(100_000)] == [str(k) for k in range(number, 0, -1)]
    assert all(past.trusted for past in table.history(100_000))

    table.remove_abandoned_stages(LATER)
    snapshot = table.expire(LATER.replace(year=2100), publishers.lake.signing_key("orders"), LATER)

    root = publishers.folder / "lake/orders/numbers/v1"
    left = {path.relative_to(root).as_posix() for path in root.rglob("*.parquet") if "_delta_log" not in path.parts}
    assert left == {file.path for file in snapshot.files}
    assert publishers.newest(1) == {0: number, 1: number}


def test_a_publisher_killed_during_its_first_publication_leaves_all_or_nothing(publishers) -> None:
    moments = random.Random(8)

    for major in range(1, KILLS_ON_NEW_TABLES + 1):
        name = f"a{major}"
        fork = publishers.start("publish", major, first=1, count=1, days=[0, 1], acknowledgements=str(publishers.folder / name))
        fork.ends_within(moments.uniform(0.0, 0.06))
        fork.kill()

        found = publishers.newest(major)
        assert found in ([{0: 1, 1: 1}] if publishers.acknowledged(name) else [{}, {0: 1, 1: 1}])

        again = publishers.start("publish", major, first=2, count=1, days=[1], acknowledgements=str(publishers.folder / name))
        assert again.ends_within(30)
        assert publishers.newest(major) == {**found, 1: 2}

    assert publishers.errors == ""
