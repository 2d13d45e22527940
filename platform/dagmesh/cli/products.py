"""`dagmesh list`, `show`, `history`: what there is to read, straight from the lake."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table


@click.command(name="list", epilog=example("dagmesh list", "dagmesh list --json"))
@json_option
def list_products(as_json: bool) -> None:
    """List every product: address, owner, rows, newest day, whom it serves."""
    from dagmesh.consume.listing import listing
    from dagmesh.lake.lake import Lake
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    found = listing(mesh, Lake.of(mesh))
    entries = found.entries
    for error in found.broken.values():
        click.echo(str(error), err=True)
    if as_json:
        print_json(entries)
        return
    columns = ["address", "version", "owner", "rows", "through", "serves", "description"]
    print_table(columns, [[_row(entry)[column] for column in columns] for entry in entries])


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry as its row says it, whether it is published, refused or neither."""
    if "refused" in entry:
        return {**entry, "description": entry["refused"]}
    return entry if entry["snapshot"] is not None else {**entry, "through": "not published yet"}


@click.command(epilog=example("dagmesh show orders.purchase_patterns", "dagmesh show orders.purchase_patterns@1 --json"))
@click.argument("address")
@json_option
def show(address: str, as_json: bool) -> None:
    """Show one product: contract, promise, who may read it, its newest snapshot and checks."""
    from dagmesh.consume.catalogue import entry
    from dagmesh.consume.datsis import badges
    from dagmesh.consume.resolver import Resolver
    from dagmesh.consume.usage.feedback import FeedbackLog
    from dagmesh.lake.lake import Lake
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh

    lake = Lake.of(Mesh.find())
    found = entry(lake, Resolver(lake, "analyst").completed(Address.parse(address)))
    now = datetime.now(UTC)
    described = found.describe(now)
    if found.snapshot is None:
        raise click.ClickException(found.refused)
    publication = found.snapshot.publication
    given = [badge.describe() for badge in badges(found, publication.product, now)]
    if as_json:
        more = {"badges": given, "product": publication.product, "checks": publication.checks, "inputs": publication.inputs}
        print_json({**described, **more})
        return
    waiting = sum(said.is_open for said in FeedbackLog(lake.home).about(found.address))
    feedback = f"{waiting} open: dagmesh feedback list {found.address}" if waiting else ""
    _print_product({**described, "feedback": feedback}, publication.product, given)
    _print_contract(publication.product["contract"])
    print_table(["check", "passed", "failing rows", "says"], [_check(check) for check in publication.checks])


def _price(price: Any) -> str:
    return f"{price['amount']} {price['currency']} per {price['per']}"


def _print_product(described: dict[str, Any], product: Any, badges: list[dict[str, Any]]) -> None:
    promise = product["promise"]
    kept = "kept" if described["promise_kept"] else "NOT kept"
    lines = {
        "address": f"{described['address']}#{described['snapshot']}  (version {described['version']})",
        "owner": f"{product['owner']}, support: {product['support'] or product['owner']}",
        "grain": product["contract"]["grain"],
        "promise": f"by {promise['available_by']} {promise['timezone']}, at most {promise['max_lag']} old, at least "
        f"{promise['min_completeness'] * 100:.4g}% complete: {kept} ({described['promise']})",
        "rows": f"{described['rows']:,}, {described['completeness']:.1%} complete, "
        f"published {described['published_at']:%Y-%m-%d %H:%M:%S} UTC",
        "price": _price(product["price"]) if product["price"] else "",
        "serves": ", ".join(product["serves"]) or "nobody yet",
        "reads": ", ".join(read["source"] for read in product["reads"]) or "nothing",
        "documentation": product["documentation"] or "",
        "is": ", ".join(badge["attribute"] for badge in badges if badge["holds"]),
        "feedback": described["feedback"],
    }
    click.echo(product["description"] + "\n")
    for word, text in lines.items():
        if text:
            click.echo(f"{word:<14} {text}")
    for badge in badges:
        if not badge["holds"]:
            click.echo(f"{'is not':<14} {badge['attribute']}: {' '.join(badge['missing'])}")
    click.echo()


def _print_contract(contract: Any) -> None:
    rules: dict[str, list[str]] = {}
    for rule in contract["rules"]:
        rules.setdefault(rule["columns"][0], []).append(rule["name"].partition("__")[2] if rule["kind"] != "check" else rule["name"])
    rows = [
        [c["name"], c["type"], c.get("unit"), c["classification"], c["key"], rules.get(c["name"], []), c["description"]]
        for c in contract["columns"]
    ]
    print_table(["column", "type", "unit", "class", "key", "rules", "meaning"], rows)
    click.echo()


def _check(check: Any) -> list[Any]:
    return [check["name"], check["passed"], check["failing_rows"], check["text"]]


@click.command(epilog=example("dagmesh history orders.orders", "dagmesh history orders.orders --limit 3 --json"))
@click.argument("address")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many snapshots, newest first.")
@json_option
def history(address: str, limit: int, as_json: bool) -> None:
    """Show a product's snapshots, newest first, and whether each verifies."""
    from dagmesh.consume.resolver import Resolver
    from dagmesh.lake.lake import Lake
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh

    lake = Lake.of(Mesh.find())
    found = lake.table(Resolver(lake, "analyst").completed(Address.parse(address))).history(limit)
    if as_json:
        print_json([{**vars(past.publication), "trusted": past.trusted} for past in found])
        return
    rows = [_past(past) for past in found]
    print_table(["snapshot", "published at", "kind", "version", "days", "rows", "run", "trusted", "reason"], rows)


def _past(past: Any) -> list[Any]:
    publication = past.publication
    days = sorted(publication.days)
    shown = f"{days[0]} to {days[-1]}" if len(days) > 1 else "".join(days)
    moment = f"{publication.published_at:%Y-%m-%d %H:%M:%S}"
    run = publication.run_id[:8]
    return [
        publication.snapshot,
        moment,
        publication.kind,
        publication.version,
        shown,
        publication.rows,
        run,
        past.trusted,
        publication.reason,
    ]
