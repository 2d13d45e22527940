"""What a product's page says, as values for its template: everything derived, nothing entered twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from dagmesh.consume.catalogue import entry
from dagmesh.consume.datsis import badges
from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.pages.charts import profile_line, promise_bars
from dagmesh.consume.pages.column_graph import column_graph
from dagmesh.consume.pages.facts import Facts
from dagmesh.consume.pages.product_graph import product_graph
from dagmesh.consume.promise_history import kept_share, promise_history
from dagmesh.consume.promise_kept import words as length_in_words
from dagmesh.consume.search_index import cards
from dagmesh.consume.usage.feedback import FeedbackLog
from dagmesh.consume.usage.use import use_of
from dagmesh.errors import AccessRefused, NotPublished, PolicyViolated, UntrustedSnapshot
from dagmesh.lake.history import newest_trusted
from dagmesh.lake.publication import Publication
from dagmesh.lake.refusals import Refusals
from dagmesh.model.address import Address
from dagmesh.model.contract import RESTRICTED
from dagmesh.model.promise import Promise

USAGE_DAYS, SHOWN_CHECKS, SHOWN_VERSIONS, SHOWN_FEEDBACK = 30, 20, 12, 30
Values = dict[str, Any]


@dataclass(frozen=True)
class Sight:
    """What a reader sees of a product: of these columns a mask, or nothing at all and why."""

    masks: Mapping[str, str]
    refused: str = ""

    def shows(self, column: str) -> bool:
        """Whether the reader sees the column's values."""
        return not self.refused and column not in self.masks


def product_page(facts: Facts, con: sqlite3.Connection, address: Address, principal: Principal, now: datetime) -> Values:
    """The values of a product's page.

    Args:
        facts: of the mesh.
        con: the index.
        address: the product's, with its major.
        principal: who looks; its reader's rows are shown, and who reads how much to the owner and operators alone.
        now: the moment.

    Raises:
        NotPublished: nothing is published there, or nothing that its domain signed.
    """
    found = entry(facts.lake, address)
    publication = found.snapshot.publication if found.snapshot else newest_trusted(facts.lake.table(address).place)
    if publication is None:
        raise NotPublished(f"{address} has no publication that verifies: {found.refused}", address=str(address))
    product, past = publication.product, facts.past(address, now)
    reader = principal.reader
    sight = _sight(facts, address, reader)
    sees_use = principal.owns(address.domain) or "operator" in principal.roles
    use = use_of(facts.mesh.home, address, now - timedelta(days=USAGE_DAYS)) if sees_use else None
    days = promise_history([one for one in past if one.is_trusted], now)
    columns = [name for name, _ in publication.columns]
    return {
        "address": address,
        "product": product,
        "publication": publication,
        "entry": found,
        "kept": found.promise(now),
        "age": length_in_words(now - publication.published_at),
        "promise": promise_in_words(Promise(**product["promise"])),
        "badges": badges(found, product, now),
        "sight": sight,
        "reader": reader,
        "refused_days": len(Refusals.of(facts.mesh.home, address).standing()),
        "columns": [*_columns(publication, sight)],
        "bars": promise_bars(days),
        "kept_share": kept_share(days),
        "checks": [*_checks(publication, past)],
        "profile": [*_profile(publication, past, sight)],
        "graph": product_graph(con, str(address)),
        "column_graph": column_graph(con, str(address), columns, publication.lineage),
        "majors": cards(con, "name = ?", (address.name,)),
        "past": past[::-1][:SHOWN_VERSIONS],
        "readers": cards(con, "id IN (SELECT product FROM read WHERE source = ?)", (str(address),)),
        "grants": [*_grants(facts, address, product, now.date())],
        "use": use,
        "feedback": [given.seen_by(principal) for given in FeedbackLog(facts.mesh.home).about(address)][:SHOWN_FEEDBACK],
        "is_owner": principal.owns(address.domain),
        "usage_days": USAGE_DAYS,
        "can_ask": reader != address.domain,
    }


def _sight(facts: Facts, address: Address, reader: str) -> Sight:
    try:
        return Sight(facts.looks_as(reader).look(address).access.masks)
    except (AccessRefused, PolicyViolated, UntrustedSnapshot) as error:
        return Sight({}, str(error))


def promise_in_words(promise: Promise) -> str:
    """The promise as a sentence."""
    return (
        f"Published by {promise.available_by} {promise.timezone}, at most {_long(promise.max_lag)} old, at least "
        f"{promise.min_completeness * 100:.4g}% complete, kept {_long(promise.retention)}."
    )


def _long(duration: str) -> str:
    unit = {"m": "minute", "h": "hour", "d": "day"}[duration[-1]]
    return f"{duration[:-1]} {unit}{'' if duration[:-1] == '1' else 's'}"


def _columns(publication: Publication, sight: Sight) -> Iterator[Values]:
    """The contract's columns, each with its rules in words."""
    texts = {check["name"]: check["text"] for check in publication.checks}
    contract = publication.product["contract"]
    key = [column["name"] for column in contract["columns"] if column["key"]]
    for column in contract["columns"]:
        name = column["name"]
        own = [rule for rule in contract["rules"] if name in rule["columns"] and not _is_said(rule, key)]
        rules = [texts.get(rule["name"], rule["name"]).removeprefix(f"{name} ") for rule in own]
        said = (["key"] if column["key"] else []) + (["may be NULL"] if column["nullable"] else [])
        is_restricted = column["classification"] in RESTRICTED
        yield {"unit": "", "purpose": "", **column, "rules": [*said, *rules], "mask": sight.masks.get(name), "is_restricted": is_restricted}


def _is_said(rule: Mapping[str, Any], key: Sequence[str]) -> bool:
    """Whether `key`, or the missing `may be NULL`, says the same."""
    return rule["kind"] == "not_null" or (rule["kind"] == "unique" and list(rule["columns"]) == list(key))


def _checks(publication: Publication, past: Sequence[Any]) -> Iterator[Values]:
    """The checks of the newest publication, each with how it went in the last ones: passed, failed or not asked."""
    lately = past[-SHOWN_CHECKS:]
    for check in publication.checks:
        name = check["name"]
        went = [{"state": _state(one.checks, name), "at": one.published_at, "snapshot": one.snapshot} for one in lately]
        yield {**check, "went": went, "passes": sum(one["state"] == "passed" for one in went)}


def _state(checks: Mapping[str, int | None], name: str) -> str:
    return "unknown" if name not in checks else "passed" if checks[name] is None else "failed"


def _profile(publication: Publication, past: Sequence[Any], sight: Sight) -> Iterator[Values]:
    """What is measured of each column that the reader sees, with its course."""
    for name, _ in publication.columns:
        measures = publication.profile.get(name)
        if measures and sight.shows(name):
            yield {"name": name, "line": profile_line(past, name), **measures}


def _grants(facts: Facts, address: Address, product: Mapping[str, Any], today: date) -> Iterator[Values]:
    """The grants on the product's major that hold or wait, without what they say of rows."""
    for found in facts.grants.of_producer(address.domain):
        grant = found.grant
        if grant and grant.product == address.product and address.major in grant.majors:
            state, why = found.standing(product, today)
            yield {"consumer": grant.consumer, "purpose": grant.purpose, "expires": grant.expires, "state": state, "why": why}
