"""The law of publishing, for any sequence of what may happen: all or nothing, and exactly the days given."""

import tempfile
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from dagmesh.errors import AuditRefused, NotPublished
from dagmesh.lake.publication import Record

FIRST = date(2100, 1, 1)
days = st.integers(0, 5).map(lambda n: FIRST + timedelta(days=n))
rows_by_day = st.dictionaries(days, st.lists(st.integers(0, 99), max_size=3, unique=True).map(sorted), min_size=1, max_size=3)

Content = dict[date, list[int]]


class Publishing(RuleBasedStateMachine):
    """A table beside a model of it: for each version the line numbers of each day."""

    open_shop = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.shop = self.open_shop(Path(self.folder.name))
        self.versions: list[tuple[datetime, Content]] = []
        self.kept_from = 0

    def teardown(self) -> None:
        self.check_every_kept_snapshot()
        self.shop.con.close()
        self.folder.cleanup()

    def check_every_kept_snapshot(self) -> None:
        for version in range(self.kept_from, len(self.versions)):
            content = self.versions[version][1]
            assert self.shop.rows(self.shop.table().snapshot(version)) == {day: rows for day, rows in content.items() if rows}
        assert [past.trusted for past in self.shop.table().history(1000)] == [True] * len(self.versions)

    @property
    def newest(self) -> Content:
        return self.versions[-1][1] if self.versions else {}

    def note(self, snapshot, content: Content) -> None:
        assert snapshot.version == len(self.versions)
        self.versions.append((snapshot.publication.published_at, content))

    @rule(rows=rows_by_day)
    def publish(self, rows: Content) -> None:
        self.note(self.shop.publish(rows), {**self.newest, **rows})

    @rule(rows=rows_by_day, data=st.data())
    def publish_some_days_of_a_stage(self, rows: Content, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(sorted(rows)), min_size=1, unique=True))
        snapshot = self.shop.publish_stage(self.shop.stage(rows), chosen)
        self.note(snapshot, {**self.newest, **{day: rows[day] for day in chosen}})

    @rule(one=rows_by_day, other=rows_by_day)
    def publish_what_was_staged_at_the_same_time(self, one: Content, other: Content) -> None:
        stages = [self.shop.stage(one), self.shop.stage(other)]
        for stage, rows in zip(stages, (one, other), strict=True):
            self.note(self.shop.publish_stage(stage), {**self.newest, **rows})

    @rule(rows=rows_by_day)
    def discard(self, rows: Content) -> None:
        self.shop.stage(rows).discard()

    @rule(rows=rows_by_day)
    def stage_other_days_than_asked_for(self, rows: Content) -> None:
        wrong = {day + timedelta(days=100): numbers or [1] for day, numbers in rows.items()}
        with pytest.raises(AuditRefused):
            self.shop.stage(wrong, list(rows))

    @rule(rows=rows_by_day)
    def fail_before_the_commit(self, rows: Content) -> None:
        stage = self.shop.stage(rows)
        with pytest.raises(KeyError):  # a day that nobody says what it was made of
            self.shop.table().publish(stage, list(rows), Record("run", self.shop.now, {}), self.shop.key)
        stage.discard()

    @precondition(lambda self: len(self.versions) > 1)
    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        version = data.draw(st.integers(0, len(self.versions) - 2))
        self.shop.now += timedelta(hours=1)
        try:
            snapshot = self.shop.table().rollback(version, "law", self.shop.key, self.shop.now)
        except NotPublished:
            assert version < self.kept_from
        else:
            self.note(snapshot, self.versions[version][1])

    @precondition(lambda self: self.versions)
    @rule(day=days)
    def expire_days(self, day: date) -> None:
        self.expire(datetime.combine(day, time(), UTC))

    @precondition(lambda self: self.versions)
    @rule(data=st.data())
    def expire_snapshots(self, data: st.DataObject) -> None:
        self.expire(data.draw(st.sampled_from([moment for moment, _ in self.versions])))

    def expire(self, before: datetime) -> None:
        """Days before that moment go; snapshots replaced before it may go."""
        self.shop.now += timedelta(hours=1)
        snapshot = self.shop.table().expire(before, self.shop.key, self.shop.now)
        if any(published < before.date() for published in self.newest):
            self.note(snapshot, {published: rows for published, rows in self.newest.items() if published >= before.date()})
        current = [version for version, (moment, _) in enumerate(self.versions) if moment <= before]
        self.kept_from = max([self.kept_from, *current[-1:]])

    @invariant()
    def the_newest_snapshot_is_the_models(self) -> None:
        if self.versions:
            snapshot = self.shop.table().snapshot()
            assert list(snapshot.days) == sorted(self.newest)
            assert self.shop.rows(snapshot) == {day: rows for day, rows in self.newest.items() if rows}
            assert snapshot.publication.rows == sum(map(len, self.newest.values()))
            assert snapshot.publication.through == max(self.newest, default=None)
            uris = DeltaTable(str(self.shop.folder())).file_uris()
            assert sorted(uris) == sorted(f"{self.shop.folder()}/{file.path}" for file in snapshot.files)


def test_publishing_is_all_or_nothing_and_replaces_exactly_its_days(open_shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Publishing, "open_shop", staticmethod(open_shop))
    # Not shrunk: a dozen steps with real files are short enough to read, and shrinking them takes minutes.
    rules = settings(
        max_examples=15,
        stateful_step_count=12,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        database=None,
    )

    run_state_machine_as_test(Publishing, settings=rules)
