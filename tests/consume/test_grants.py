"""Grants at work: default deny, exactly what is named, in the rows it is named for, while it stands; no statement gets around them."""

import hashlib
import hmac
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.consume.conftest import PEOPLE

import dagmesh as dm
from dagmesh.consume.grant_files import grant_problems
from dagmesh.consume.grants import Grants
from dagmesh.consume.masks import mask_key
from dagmesh.consume.query import run_query
from dagmesh.consume.row_filter import filter_problem, filtered
from dagmesh.errors import AccessRefused, DagmeshError
from dagmesh.model.contract import RESTRICTED

COLUMNS = ["customer_id", "email", "born_on", "credit_eur", "seen_at", "tags", "city"]
ADA = ("c1", "ada@example.com", date(1990, 12, 10), 12.5, datetime(2026, 11, 16, 8, tzinfo=UTC), ["tea"], "Graz")
BOB = ("c2", "bob@example.com", None, 0, datetime(2026, 11, 17, 9, 30, tzinfo=UTC), [], "Linz")
FILE = "domains/customers/grants/finance.profiles.yaml"
ASK = 'Ask team:customers: dagmesh grant request customers.profiles@1 --as finance --purpose "..."'
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date()


class MaskedProfiles(dm.Contract):
    """One row per customer."""

    customer_id: str = dm.field(key=True, classification="pseudonymous", description="The customer.")
    email: str = dm.field(classification="pii", mask="hash", purpose="Writing.", description="Where they are written to.")
    born_on: date | None = dm.field(classification="pii", mask="null", purpose="Presents.", description="Day of birth.")
    city: str = dm.field(classification="confidential", mask="partial", description="Where they live.")


@pytest.fixture
def known(shop):
    """Two customers' profiles, which serve marketing and risk, and nobody else yet."""
    shop.publish_profiles()
    return shop


def seen(shop, reader: str, address: str = "customers.profiles@1") -> list[tuple]:
    relation = shop.con.sql(f"FROM {shop.resolver(reader).resolve(address).sql}")
    assert relation.columns == COLUMNS
    return relation.order("city, email, customer_id").fetchall()


def refused(shop, reader: str = "finance", address: str = "customers.profiles@1") -> str:
    with pytest.raises(AccessRefused) as refusal:
        shop.resolver(reader).resolve(address)
    return str(refusal.value)


# What a grant opens


def test_a_consumer_that_is_not_served_sees_what_was_granted_and_null_elsewhere(known) -> None:
    known.grant(columns=["email"])

    assert sorted(seen(known, "finance")) == [(None, row[1], *[None] * 5) for row in (ADA, BOB)]


def test_a_grant_opens_every_column_of_its_classes(known) -> None:
    known.grant(columns=None, classes=["internal", "pseudonymous"])

    assert seen(known, "finance") == [(row[0], *[None] * 5, row[6]) for row in (ADA, BOB)]


def test_a_served_consumer_sees_the_granted_column_beside_all_that_is_not_restricted(known) -> None:
    known.grant(consumer="risk", columns=["born_on"])

    assert seen(known, "risk") == [(row[0], None, row[2], None, None, None, row[6]) for row in (ADA, BOB)]


def test_a_granted_column_is_shown_as_the_grants_mask_says(known) -> None:
    known.grant(columns=["customer_id", "email", "born_on", "city"], mask={"email": "hash", "born_on": "hash", "city": "partial"})
    key = mask_key(known.lake.home, "customers", "finance")

    hashed = [hmac.new(key, row[1].encode(), hashlib.sha256).hexdigest() for row in (ADA, BOB)]
    assert seen(known, "finance") == [("c1", hashed[0], *[None] * 4, "G•••"), ("c2", hashed[1], *[None] * 4, "L•••")]


def test_a_grant_has_the_last_word_on_what_it_names(known) -> None:
    known.grant(consumer="risk", columns=["city"], mask={"city": "partial"}, rows="city = 'Linz'")

    assert seen(known, "risk") == [("c2", *[None] * 5, "L•••")]


def test_without_a_grant_the_served_see_restricted_columns_as_their_own_mask_says(known) -> None:
    rows = "(VALUES ('c1', 'ada@example.com', DATE '1990-12-10', 'Graz')) AS p(customer_id, email, born_on, city)"
    known.publish(replace(known.profiles, contract=MaskedProfiles, version="2.0.0"), rows)
    key = mask_key(known.lake.home, "customers", "risk")

    (row,) = known.con.sql(f"FROM {known.resolver('risk').resolve('customers.profiles@2').sql}").fetchall()

    assert row == ("c1", hmac.new(key, b"ada@example.com", hashlib.sha256).hexdigest(), None, "G•••")


def test_an_analyst_may_be_granted_a_column_too(known) -> None:
    known.grant(consumer="analyst", columns=["email"])

    assert [row[1] for row in seen(known, "analyst")] == [ADA[1], BOB[1]]


def test_the_owner_needs_no_grant_and_is_not_bound_by_one(known) -> None:
    known.grant(consumer="customers", columns=["city"], rows="false")

    assert [row[1] for row in seen(known, "customers")] == [ADA[1], BOB[1]]


def test_a_grant_on_an_older_snapshot_does_not_open_what_was_of_another_class_then(shop) -> None:
    class Open(MaskedProfiles):
        """One row per customer."""

        email: str = dm.field(classification="internal", description="Where they are written to.")

    row = "(VALUES ('c1', 'ada@example.com', NULL::DATE, 'Graz')) AS p(customer_id, email, born_on, city)"
    shop.publish(replace(shop.profiles, contract=MaskedProfiles), row)
    shop.publish(replace(shop.profiles, contract=Open), row)
    shop.grant(columns=None, classes=["internal"])

    def emails(snapshot: int) -> list[tuple]:
        return shop.con.sql(f"SELECT email FROM {shop.resolver('finance').resolve(f'customers.profiles@1#{snapshot}').sql}").fetchall()

    assert (emails(0), emails(1)) == ([(None,)], [("ada@example.com",)])


# When it opens nothing


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            {"consumer": "logistics"},
            f"finance may not read customers.profiles@1 (pii, serves marketing, risk, granted to logistics). {ASK}",
        ),
        (
            {"expires": YESTERDAY.isoformat()},
            f"finance may not read customers.profiles@1 (pii, serves marketing, risk); its grant ended on {YESTERDAY}. {ASK}",
        ),
        ({"status": "revoked"}, f"finance may not read customers.profiles@1 (pii, serves marketing, risk); its grant was revoked. {ASK}"),
        (
            {"status": "requested", "approver": None},
            "finance may not read customers.profiles@1 (pii, serves marketing, risk); its grant waits for team:customers. "
            "Ask team:customers: dagmesh grant approve finance.profiles --by team:customers",
        ),
        (
            {"approver": "team:finance"},
            "finance may not read customers.profiles@1 (pii, serves marketing, risk); its grant is void: approved by team:finance, "
            f"and the owner is team:customers. {ASK}",
        ),
        (
            {"majors": [2]},
            "finance may not read customers.profiles@1 (pii, serves marketing, risk); its grant is for majors 2. " + ASK,
        ),
        (
            {"majors": ">=2"},
            "finance may not read customers.profiles@1 (pii, serves marketing, risk); its grant is for majors >=2. " + ASK,
        ),
        (
            {"expires": "soon"},
            f"finance may not read customers.profiles@1 (pii, serves marketing, risk); its grant is void: {FILE}: expires: "
            f"'soon' is not a day; write YYYY-MM-DD. {ASK}",
        ),
        (
            {"rows": "town = 'Graz'"},
            "finance may not read customers.profiles@1 (pii, serves marketing, risk); its grant is void: rows: no column 'town'; choose "
            f"customer_id, email, born_on, credit_eur, seen_at, tags or city. {ASK}",
        ),
    ],
)
def test_what_does_not_stand_opens_nothing_and_the_refusal_says_why_and_what_to_do(known, said: dict, told: str) -> None:
    known.grant(**said)

    assert refused(known) == told


def test_a_grant_stands_on_its_last_day(known) -> None:
    known.grant(expires=datetime.now(UTC).date().isoformat())

    assert len(seen(known, "finance")) == 2


def test_a_grant_is_looked_at_again_at_each_read(known) -> None:
    mesh = known.reads("finance")
    with pytest.raises(AccessRefused):
        mesh.read("customers.profiles")

    known.grant()
    assert len(mesh.read("customers.profiles").fetchall()) == 2

    known.grant(status="revoked")
    with pytest.raises(AccessRefused):
        mesh.read("customers.profiles")

    known.grant().unlink()
    with pytest.raises(AccessRefused):
        mesh.read("customers.profiles")


def test_a_new_owner_has_not_approved_the_old_ones_grants(known) -> None:
    known.grant()
    known.publish(
        replace(known.profiles, owner="team:crm"), f"(SELECT * FROM {known.resolver('customers').resolve('customers.profiles').sql})"
    )

    assert "its grant is void: approved by team:customers, and the owner is team:crm" in refused(known)
    assert "its grant is void" in refused(known, address="customers.profiles@1#0")


@pytest.mark.parametrize("reader", ["../grants/finance", "finance.profiles", "Finance", "", "*", "finance\0"])
def test_a_readers_name_finds_no_file_elsewhere(known, reader: str) -> None:
    known.grant()

    assert "may not read customers.profiles@1" in refused(known, reader)


def test_without_a_mesh_there_are_no_grants(known) -> None:
    known.grant()

    assert (Grants().held("finance", "customers", "profiles"), Grants().producers()) == (None, [])
    assert list(Grants().of_producer("customers")) == []


# Row filters


def test_a_row_filter_keeps_its_rows_only(known) -> None:
    known.grant(columns=["customer_id"], rows="city = 'Graz' -- where finance works")

    assert [row[0] for row in seen(known, "finance")] == ["c1"]


def test_a_row_filter_drops_the_rows_of_which_it_knows_nothing(known) -> None:
    known.grant(columns=["customer_id"], rows="born_on < DATE '2000-01-01'")

    assert [row[0] for row in seen(known, "finance")] == ["c1"]


HOSTILE = [
    "SELECT customer_id, email FROM customers.profiles WHERE true OR 1 = 1",
    "SELECT customer_id, email FROM customers.profiles UNION SELECT customer_id, email FROM customers.profiles WHERE city <> 'Graz'",
    "SELECT customer_id, email FROM customers.profiles AS a WHERE EXISTS (FROM customers.profiles AS b WHERE b.email <> a.email) OR true",
    "WITH profiles AS (SELECT * FROM customers.profiles) SELECT customer_id, email FROM profiles",
    "WITH customers AS (SELECT 'c2' AS city) SELECT p.customer_id, p.email FROM customers.profiles AS p, customers",
    "SELECT p.customer_id, p.email FROM (VALUES ('c2'), ('c1')) AS v(id) LEFT JOIN customers.profiles AS p ON v.id = p.customer_id OR true",
    "SELECT customer_id, email FROM customers.profiles LIMIT 100 OFFSET 0",
    "SELECT customer_id, email FROM customers.profiles ORDER BY customer_id DESC LIMIT 1",
    "SELECT customer_id, email FROM customers.profiles TABLESAMPLE 100%",
    "SELECT max(customer_id), max(email) FROM customers.profiles",
    "SELECT last(customer_id ORDER BY customer_id), last(email ORDER BY customer_id) FROM customers.profiles",
    "SELECT unnest(list(customer_id)), unnest(list(email)) FROM customers.profiles",
    'SELECT customer_id, email FROM "customers.profiles@1#0"',
    'SELECT customer_id, email FROM customers."profiles@1"',
    "SELECT quantile_disc(customer_id, 1.0), arg_max(email, customer_id) FROM customers.profiles",
    "FROM (SELECT customer_id, email FROM customers.profiles) AS profiles",
    "SELECT customer_id, (SELECT max(email) FROM customers.profiles) FROM customers.profiles",
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_no_statement_widens_a_row_filter(known, statement: str) -> None:
    known.grant(columns=["customer_id", "email"], rows="city = 'Graz' OR city = 'Wien'")

    found = run_query(known.con.cursor(), known.resolver("finance"), statement)[0].fetchall()

    assert set(found) == {ADA[:2]}


@pytest.mark.parametrize(
    "statement",
    [
        "FROM (SELECT * FROM main.profiles)",
        "SELECT stats(email) FROM customers.profiles",
        "SELECT rowid, filename FROM customers.profiles",
        "SELECT sql FROM duckdb_views()",
        "FROM customers.profiles AT (VERSION => 0)",
        "FROM query('FROM customers.profiles')",
        "EXPLAIN ANALYZE FROM customers.profiles",
        'FROM "customers.profiles@1; FROM customers.profiles"',
    ],
)
def test_what_looks_around_the_filter_is_refused(known, statement: str) -> None:
    known.grant(columns=["customer_id", "email"], rows="city = 'Graz'")

    with pytest.raises(DagmeshError):
        run_query(known.con.cursor(), known.resolver("finance"), statement)


THROWS = [
    "CAST(email AS INT) > 0",
    "CASE WHEN city IS NULL AND email LIKE 'bob%' THEN error(email) IS NULL ELSE true END",
    "CASE WHEN email LIKE 'bob%' THEN make_date(2020, 13, 1) IS NULL ELSE true END",
    "CASE WHEN customer_id = 'c2' THEN ('x' || email)::DATE IS NULL ELSE true END",
    "CASE WHEN customer_id = 'c2' THEN strptime(email, '%Y') IS NULL ELSE true END",
    "CASE WHEN customer_id = 'c2' THEN sqrt(-1) IS NULL ELSE true END",
]


@pytest.mark.parametrize("condition", THROWS)
@pytest.mark.parametrize("rows", ["city = 'Graz'", "md5(md5(city)) = md5(md5('Graz'))"])
def test_an_error_of_the_query_tells_nothing_of_the_rows_it_may_not_see(known, condition: str, rows: str) -> None:
    """Whatever order DuckDB would like to compute the conditions in: what is dropped is dropped first."""
    known.grant(columns=["customer_id", "email"], rows=rows)
    statement = f"SELECT email FROM customers.profiles WHERE {condition}"

    assert outcome(known, statement) in ([(ADA[1],)], "ada")


def outcome(shop, statement: str) -> list[tuple] | str:
    """The rows that finance gets, or which customers an error tells of."""
    try:
        return run_query(shop.con.cursor(), shop.resolver("finance"), statement)[0].fetchall()
    except duckdb.Error as error:
        return " ".join(name for name in ("ada", "bob") if name in str(error))


def test_no_part_of_a_query_is_moved_below_the_filter(tmp_path) -> None:
    """What the two plans differ in is what the LIMIT is there for."""
    with duckdb.connect(config={"preserve_insertion_order": False}) as con:
        con.execute(f"COPY (SELECT i, i % 3 AS j FROM range(1000) AS t(i)) TO '{tmp_path}/t.parquet'")
        table = f"(FROM read_parquet('{tmp_path}/t.parquet'))"

        def scan_filters(sql: str) -> str:
            ((_, plan),) = con.execute(f"EXPLAIN SELECT count(*) FROM {sql} WHERE j = 2").fetchall()
            return plan.rpartition("Read Parquet")[2]

        assert "j = 2" in scan_filters(f"(FROM {table} WHERE i > 5)")
        assert "j = 2" not in scan_filters(filtered(table, "i > 5"))
        assert "i > 5" in scan_filters(filtered(table, "i > 5"))


@pytest.mark.parametrize(
    "rows", ["city = 'Graz'", "born_on IS NULL OR born_on > current_date - 7000", "lower(city) IN ('graz', 'linz') AND NOT false"]
)
def test_a_condition_looks_at_its_row(known, rows: str) -> None:
    assert filter_problem(rows, known.profiles.describe()) == ""


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("true) OR (true", ""),  # one expression still, in parentheses of its own
        ("true) FROM x WHERE (true", "A condition is one expression over the row's columns."),
        ("true), (true", "A condition is one expression over the row's columns."),
        ("true) UNION SELECT (true", "A condition is one expression over the row's columns."),
        ("true); SELECT (true", "Only one SELECT at a time is run here; got 2."),
        ("(SELECT true)", "A condition looks at its own row alone; got SUBQUERY."),
        ("city IN (SELECT city FROM x)", "A condition looks at its own row alone; got SUBQUERY."),
        ("sum(1) OVER () > 0", "A condition looks at its own row alone; got WINDOW."),
        ("city = ?", "A condition looks at its own row alone; got PARAMETER."),
        ("*", "A condition looks at its own row alone; got STAR."),
        ("list_filter([1], lambda x: true) IS NULL", "A condition looks at its own row alone; got LAMBDA."),
        ("getvariable('x')", "getvariable() looks at more than its arguments; only functions of values are called here."),
        ("read_text('x') = ''", "no function read_text()."),
        ("profiles.city = 'Graz'", "no column 'profiles.city'; choose customer_id, email, born_on, credit_eur, seen_at, tags or city."),
        ("count(*) > 1", "DuckDB says: Binder Error: WHERE clause cannot contain aggregates!"),
        ("city + 1", "DuckDB says: "),
        ("city = ", 'Only one plain SELECT over products is run here. DuckDB says: syntax error at or near ")"'),
        ("/*", "Only one plain SELECT over products is run here. DuckDB says: "),
    ],
)
def test_a_condition_that_is_anything_else_is_said(known, rows: str, problem: str) -> None:
    found = filter_problem(rows, known.profiles.describe())

    assert found.startswith(problem)
    assert bool(found) == bool(problem)


# The law


GRANTS = st.fixed_dictionaries(
    {
        "consumer": st.sampled_from(["finance", "risk", "analyst"]),
        "status": st.sampled_from(["approved", "approved", "approved", "requested", "revoked"]),
        "approver": st.sampled_from(["team:customers", "team:customers", "team:finance"]),
        "majors": st.sampled_from([[1], [1, 2], ">=1", [2], "<2,>=1", "<1,>=0"]),
        "expires": st.sampled_from(["2099-12-31", "2099-12-31", "2020-01-01"]),
        "columns": st.lists(st.sampled_from(COLUMNS), unique=True, min_size=1),
        "classes": st.lists(st.sampled_from(["pii", "internal", "confidential", "pseudonymous"]), unique=True),
        "mask": st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from(["none", "hash", "partial", "null"])),
        "rows": st.sampled_from([None, "city = 'Graz'", "born_on IS NULL", "false", "true"]),
    }
)
KEPT = {None: [ADA, BOB], "city = 'Graz'": [ADA], "born_on IS NULL": [BOB], "false": [], "true": [ADA, BOB]}


def stands(said: dict[str, Any], reader: str) -> bool:
    is_of_major = said["majors"] in ([1], [1, 2], ">=1", "<2,>=1")
    is_approved = said["status"] == "approved" and said["approver"] == "team:customers" and said["expires"] > "2026"
    return said["consumer"] == reader and is_of_major and is_approved


STANDING = {"consumer": "finance", "status": "approved", "approver": "team:customers", "expires": "2099-12-31", "rows": None}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=GRANTS, reader=st.sampled_from(["finance", "risk", "analyst", "logistics"]))
@example(said={**STANDING, "majors": [2], "columns": ["city"], "classes": [], "mask": {}}, reader="finance")
def test_a_reader_sees_a_part_of_the_owners_rows_and_of_restricted_values_only_the_granted(known, said: dict, reader: str) -> None:
    """What serves and the grant permit, said again here in a few lines, is all that any reader sees."""
    classes = {column.name: column.classification for column in known.profiles.contract.columns}
    file = known.grant(
        **{**said, "mask": {name: mask for name, mask in said["mask"].items() if said["classes"] or name in said["columns"]}}
    )
    holds, is_served = stands(said, reader), reader in ("risk", "analyst")
    try:
        if not holds and not is_served:
            assert "may not read customers.profiles@1" in refused(known, reader)
            return
        found = known.con.sql(f"FROM {known.resolver(reader).resolve('customers.profiles').sql}").fetchall()
    finally:
        file.unlink()

    owners = KEPT[said["rows"]] if holds else [ADA, BOB]
    assert len(found) == len(owners)
    for place, name in enumerate(COLUMNS):
        is_named = holds and (name in said["columns"] or classes[name] in said["classes"])
        is_open = said["mask"].get(name, "none") == "none" if is_named else is_served and classes[name] not in RESTRICTED
        values = [row[place] for row in found]
        if is_open:
            assert sorted(map(str, values)) == sorted(str(row[place]) for row in sorted(owners)) or name == "credit_eur"
        else:
            assert not {str(value) for value in values if value is not None} & {str(row[place]) for row in (ADA, BOB)}


# Mistakes in a domain's grants


def complaints(shop) -> list[str]:
    return [str(problem) for problem in grant_problems(shop.root, "customers", [shop.profiles.describe(), shop.slim_profiles.describe()])]


def test_a_good_grant_has_no_problems(known) -> None:
    known.grant(mask={"email": "hash"}, rows="city = 'Graz'")
    known.grant(consumer="risk", expires="2020-01-01")

    assert complaints(known) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            {"approver": "team:finance"},
            ["approver: team:finance is not team:customers, who owns profiles; only the owner's approval counts."],
        ),
        ({"product": "profile"}, ["product: no product 'profile'; choose profiles. Did you mean 'profiles'?"]),
        ({"majors": [3, 4]}, ["majors: 3, 4 holds no major of profiles; there is 1 or 10."]),
        (
            {"columns": ["mail"]},
            [
                "columns: no column 'mail' in profiles@1; choose customer_id, email, born_on, credit_eur, seen_at, tags or city. "
                "Did you mean 'email'?"
            ],
        ),
        ({"columns": ["born_on"], "mask": {"born_on": "hash"}}, ["mask: hash works on text, and born_on is DATE; choose null."]),
        ({"rows": "(SELECT true)"}, ["rows: A condition looks at its own row alone; got SUBQUERY."]),
        ({"consumer": "customers"}, ["consumer: customers owns profiles and needs no grant; remove the file."]),
        ({"status": "yes", "expires": "no"}, ["expires: 'no' is not a day; write YYYY-MM-DD.", "status: unknown status 'yes'"]),
    ],
)
def test_each_mistake_names_its_file_and_field(known, said: dict, told: list[str]) -> None:
    file = known.grant(**said)

    found = complaints(known)

    assert len(found) == len(told)
    for message, start in zip(found, told, strict=True):
        assert message.startswith(f"{os.path.relpath(file, known.root)}: {start}")


def test_a_file_that_is_no_text_is_void(known) -> None:
    known.grant().write_bytes(b"\xff\xfe")

    assert complaints(known)[0].startswith(f"{FILE}: is no text: ")
    assert "its grant is void" in refused(known)


def test_an_older_snapshot_that_a_grants_rows_do_not_fit_is_no_way_around_them(shop) -> None:
    served = replace(shop.profiles, serves=("risk",))
    slim = replace(shop.slim_profiles, version="1.0.0", serves=("risk",))
    shop.publish(slim, "(SELECT 'c1' AS customer_id)")
    shop.publish(served, PEOPLE)
    shop.grant(consumer="risk", columns=["customer_id"], mask={"customer_id": "null"}, rows="city = 'Graz'")
    reads = shop.reads("risk")

    assert reads.sql("SELECT customer_id, city FROM customers.profiles").fetchall() == [(None, "Graz")]
    with pytest.raises(AccessRefused, match=r"its grant does not fit snapshot customers\.profiles@1#0"):
        reads.read("customers.profiles@1#0")


def test_a_filter_by_chance_is_refused_because_reading_again_would_widen_it(shop) -> None:
    shop.publish_profiles()
    shop.grant(rows="random() < 0.5")

    with pytest.raises(AccessRefused, match=r"random\(\) is not"):
        shop.reads("finance").read("customers.profiles")
