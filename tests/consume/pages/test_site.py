"""The catalogue as files: every link resolves, nothing in it needs a server, and no row is in it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner
from tests.consume.conftest import Shop
from tests.consume.pages.conftest import HOSTILE
from tests.consume.pages.test_routes import Tags

from dagmesh.cli import main
from dagmesh.consume.pages.site import build_site
from dagmesh.errors import MeshError
from dagmesh.model.mesh import Mesh

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def site(mesh: Mesh, shop: Shop, tmp_path: Path) -> Path:
    return build_site(mesh, tmp_path / "site", NOW).folder


def linked(page: Path) -> set[tuple[str, str]]:
    """What a page links to or loads: each path as written, and the anchor."""
    tags = Tags(page.read_text(encoding="utf-8")).tags
    named = [str(attrs[name]) for _, attrs in tags for name in ("href", "src", "action") if attrs.get(name)]
    split = [urlsplit(link) for link in named]
    return {(unquote(link.path), link.fragment) for link in split if link.scheme not in ("data", "mailto")}


def ids(page: Path) -> set[str | None]:
    return {attrs.get("id") for _, attrs in Tags(page.read_text(encoding="utf-8")).tags}


def test_every_link_of_every_page_leads_to_a_file_and_an_anchor_in_it(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))

    broken = [
        f"{page.relative_to(site)}: {path}#{anchor}"
        for page in pages
        for path, anchor in linked(page)
        for target in [(page.parent / path) if path else page]
        if not target.is_file() or (anchor and anchor not in ids(target))
    ]

    assert [str(page.relative_to(site)) for page in pages] == [
        "domains/customers.html",
        "domains/orders.html",
        "domains/reports.html",
        "index.html",
        "products/customers.profiles@1.html",
        "products/orders.orders@1.html",
        "products/reports.sums@1.html",
        "search.html",
    ]
    assert broken == []


def test_no_link_needs_a_server_or_a_root(site: Path) -> None:
    assert [path for page in site.rglob("*.html") for path, _ in linked(page) if path.startswith("/")] == []


def test_no_row_and_no_form_that_somebody_would_have_to_answer_is_in_it(site: Path) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in site.rglob("*") if page.is_file())

    assert "Graz" not in text
    assert 'method="post"' not in text
    assert "Left out of this copy" in text


def test_hostile_text_is_text_in_the_search_script_too(site: Path) -> None:
    script = (site / "assets/products.js").read_text(encoding="utf-8")

    first, second, _ = script.split("\n")
    products = json.loads(first.removeprefix("const CATALOGUE = ").removesuffix(";"))
    assert [product["description"] for product in products if product["domain"] == "reports"] == [HOSTILE]
    assert "last" in json.loads(second.removeprefix("const ASKING = ").removesuffix(";"))


def test_a_later_build_replaces_what_is_gone(mesh: Mesh, shop: Shop, site: Path) -> None:
    shop.lake.storage.remove("reports/sums")

    built = build_site(mesh, site, NOW)

    assert built.products == 2
    assert not (site / "products/reports.sums@1.html").exists()
    assert not (site / "domains/reports.html").exists()


def test_a_folder_with_something_else_is_left_alone(mesh: Mesh, shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("...")

    with pytest.raises(MeshError, match=r"mine is not empty and no catalogue; choose another: dagmesh catalog build --out <folder>"):
        build_site(mesh, tmp_path / "mine", NOW)

    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_the_command_says_what_it_wrote(mesh: Mesh, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mesh.root)
    monkeypatch.setenv("DAGMESH_HOME", str(mesh.home))

    done = CliRunner().invoke(main, ["catalog", "build"])

    assert (done.exit_code, done.output) == (0, f"3 products written; open {mesh.home}/catalogue/index.html\n")
