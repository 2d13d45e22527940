"""What code that raises gets: one run a build, and everything that does not need it goes on."""

from tests.small_mesh import SmallMesh

READINGS = "domains/sensors/sensors/products/readings.py"
RAISES = '    if "s9" in str(events.fetchall()):\n        raise ValueError("no such sensor: s9")\n'
IDLE = '''

@dg.asset
def idle() -> None:
    """Nothing at all."""
'''


def fail_for_ten_sensors(small_mesh: SmallMesh) -> None:
    small_mesh.change(READINGS, "    return dm.sql(", f"{RAISES}    return dm.sql(")


def outcomes(runs: list) -> list[tuple[str, list[int], bool]]:
    return [(run.domain, [day.day for day in run.days], run.success) for run in runs]


def test_a_product_whose_code_fails_is_tried_once_a_build_and_the_others_go_on(small_mesh: SmallMesh) -> None:
    fail_for_ten_sensors(small_mesh)
    small_mesh.export("2026-11-01", *range(9))
    small_mesh.export("2026-11-03", *range(10))
    small_mesh.export("2026-11-05", *range(9))

    runs = small_mesh.build(*(f"2026-11-0{day}" for day in range(1, 6)))

    (failed,) = [run for run in runs if not run.success]
    assert ([day.day for day in failed.days], "no such sensor: s9" in failed.messages[0]) == ([3], True)
    assert [(row[0].day, row[1]) for row in small_mesh.rows("reports.totals")] == [(1, 36), (5, 36)]


def test_a_product_whose_code_fails_is_tried_again_in_the_next_build(small_mesh: SmallMesh) -> None:
    fail_for_ten_sensors(small_mesh)
    small_mesh.export("2026-11-01", *range(10))
    small_mesh.build("2026-11-01")

    small_mesh.change(READINGS, "s9", "s10")

    assert outcomes(small_mesh.build("2026-11-01")) == [("sensors", [1], True), ("reports", [1], True)]


def test_an_asset_that_stores_nothing_does_not_keep_a_build_from_ending(small_mesh: SmallMesh) -> None:
    sources = "domains/sensors/sensors/sources.py"
    small_mesh.write(sources, (small_mesh.root / sources).read_text() + IDLE)
    small_mesh.export("2026-11-01", 10)

    runs = small_mesh.build("2026-11-01")

    assert [run.success for run in runs] == [True] * len(runs)
    assert len(small_mesh.rows("reports.totals")) == 1
