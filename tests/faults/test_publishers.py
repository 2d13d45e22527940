"""Several publishers at once, beside readers: nothing lost, nothing torn."""

PUBLISHERS = 4
PUBLICATIONS = 12


def test_publishers_of_different_days_lose_nothing_beside_readers(publishers) -> None:
    writers = start_writers(publishers, lambda writer: [writer])
    readers = start_readers(publishers, days_are_one=False)

    end(publishers, writers, readers)

    assert publishers.newest(1) == {writer: numbers(writer)[-1] for writer in range(PUBLISHERS)}
    assert len(publishers.table(1).history(1000)) == PUBLISHERS * PUBLICATIONS


def test_of_publishers_of_the_same_days_one_wins_whole_each_time(publishers) -> None:
    writers = start_writers(publishers, lambda writer: [0, 1, 2])
    readers = start_readers(publishers, days_are_one=True)

    end(publishers, writers, readers)

    found = publishers.newest(1)
    assert sorted(found) == [0, 1, 2]
    assert len(set(found.values())) == 1
    assert len(publishers.table(1).history(1000)) == PUBLISHERS * PUBLICATIONS


def start_writers(publishers, days) -> list:
    names = {writer: str(publishers.folder / f"a{writer}") for writer in range(PUBLISHERS)}
    return [
        publishers.start("publish", 1, first=numbers(writer)[0], count=PUBLICATIONS, days=days(writer), acknowledgements=name)
        for writer, name in names.items()
    ]


def numbers(writer: int) -> list[int]:
    """The numbers that a publisher gives its publications, no other's."""
    return list(range(1000 * writer + 1, 1000 * writer + 1 + PUBLICATIONS))


def start_readers(publishers, days_are_one: bool) -> list:
    folder = publishers.folder
    said = {"until": str(folder / "stop"), "days_are_one": days_are_one}
    return [publishers.start("read", 1, seen=str(folder / f"seen{n}"), **said) for n in range(2)]


def end(publishers, writers: list, readers: list) -> None:
    """Let the publishers come to their end, then the readers; nobody failed and everything was acknowledged."""
    assert all(writer.ends_within(60) for writer in writers)
    (publishers.folder / "stop").touch()
    assert all(reader.ends_within(60) for reader in readers)
    assert publishers.errors == ""
    for writer in range(PUBLISHERS):
        assert publishers.acknowledged(f"a{writer}") == numbers(writer)
    assert all(int((publishers.folder / f"seen{n}").read_text()) > 0 for n in range(2))
