"""Search over the published products: words ranked by where and how rarely they stand, narrowed by filters."""

from __future__ import annotations

import difflib
import json
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dagmesh.consume.search_index import card
from dagmesh.errors import nearest, one_of
from dagmesh.model.contract import CLASSIFICATIONS

Filter = Literal["domain", "owner", "class", "column"]
LONGEST, MOST_WORDS, MOST_FOUND = 400, 8, 50
# name, description, columns, meanings, owner, tags, units, domain: a name is chosen with care, a column's meaning says a lot of words
WEIGHTS = (10.0, 5.0, 3.0, 1.0, 2.0, 4.0, 2.0, 4.0)
_WORD = re.compile(r"[^\W_]+")
_FILTER = re.compile(r"\b(domain|owner|class|column):(\"[^\"]*\"|\S+)", re.IGNORECASE)
# What questions are asked with; a product's text has these words too, and they say nothing of it.
_ASKED_WITH = """
a an and any are at be by can did do does each find for from get give had has have how i in is it its last latest list many me much my of on
or our per product products show than that the their there to was we were what when where which who whose why with
"""
_ASKING = frozenset(_WORD.findall(_ASKED_WITH))


@dataclass(frozen=True)
class Query:
    """What was asked for: words, and filters by kind."""

    words: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Query:
        """The words and filters of any text; what is neither is passed over, and so is what comes after the first 400 characters."""
        text = text[:LONGEST].replace("\0", " ")
        filters = [(match[1].lower(), match[2].strip('"').lower()) for match in _FILTER.finditer(text)]
        words = [word.lower() for word in _WORD.findall(_FILTER.sub(" ", text))]
        asked = [word for word in words if word not in _ASKING] or words
        return cls(tuple(dict.fromkeys(asked))[:MOST_WORDS], tuple(filters[:MOST_WORDS]))


@dataclass(frozen=True)
class Found:
    """What a search gives: products' cards, the best first, each with its columns that fit; and what there is to say of the words."""

    products: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = field(default=())


def search(con: sqlite3.Connection, text: str, limit: int = 20) -> Found:
    """The products that a text asks for, the best first; every product that the filters keep when it has no words.

    Products that have more of the words come first, then those that have them in better places. Older majors, and products whose
    newest snapshot does not verify, come later; what many products read comes a little earlier.

    Args:
        con: the index, see `SearchIndex.fresh`.
        text: words and filters, `domain:orders owner:team:orders class:pii column:email`; nothing in it is an operator.
        limit: how many products at most, 50 being the most.
    """
    query = Query.parse(text)
    notes = [*_complaints(query)]
    kept = _kept(con, query.filters)
    scores, said = _scores(con, query.words)
    if query.words:
        kept = {product: row for product, row in kept.items() if product in scores}
    standing = _standing(con, kept)
    best = sorted(kept, key=lambda product: (-scores.get(product, 1.0) * standing[product], kept[product][0]))
    chosen = best[: min(limit, MOST_FOUND)]
    return Found([_described(con, product, query.words) for product in chosen], [*notes, *said])


def _complaints(query: Query) -> Iterator[str]:
    for kind, value in query.filters:
        if kind == "class" and value not in CLASSIFICATIONS:
            yield f"No class '{value}'; choose {one_of(CLASSIFICATIONS)}.{nearest(value, CLASSIFICATIONS)}"


def _kept(con: sqlite3.Connection, filters: Sequence[tuple[str, str]]) -> dict[int, tuple[str, int, str]]:
    """The products that all filters keep, by number: name, major, why it is refused."""
    where, values = ["TRUE"], []
    for kind, value in filters:
        if kind == "domain":
            where.append("domain = ?")
        elif kind == "class":
            where.append("id IN (SELECT product FROM facet WHERE kind = 'class' AND value = ?)")
        else:
            where.append(f"id IN (SELECT product FROM facet WHERE kind = '{kind}' AND instr(value, ?) > 0)")
        values.append(value)
    rows = con.execute(f"SELECT id, name, major, refused FROM product WHERE {' AND '.join(where)}", values)
    return {product: (name, major, refused) for product, name, major, refused in rows}


def _scores(con: sqlite3.Connection, words: Sequence[str]) -> tuple[dict[int, float], list[str]]:
    """How well each product fits the words, of those that have any; and which words were taken for others."""
    scores: dict[int, float] = {}
    hits: dict[int, int] = {}
    notes = []
    for word in words:
        found = _having(con, word)
        if not found and (meant := _meant(con, word)):
            notes.append(f"Nothing has '{word}'; '{meant}' was searched for.")
            found = _having(con, meant)
        for product, score in found:
            # A word that most products have weighs nothing in bm25, and still counts as had.
            scores[product] = scores.get(product, 0.0) + score + 0.01
            hits[product] = hits.get(product, 0) + 1
    return {product: score * (hits[product] / len(words)) ** 2 for product, score in scores.items()}, notes


def _having(con: sqlite3.Connection, word: str) -> list[tuple[int, float]]:
    """The products with a word, or one that begins with it, and how much that says; the word is letters and digits alone."""
    weights = ", ".join(map(str, WEIGHTS))
    match = f'"{word}" OR "{word}"*' if len(word) > 2 else f'"{word}"'
    return con.execute(f"SELECT rowid, -bm25(words, {weights}) FROM words WHERE words MATCH ?", (match,)).fetchall()


def _meant(con: sqlite3.Connection, word: str) -> str | None:
    """The nearest word that some product has, of about the same length and with the same first letter."""
    query = "SELECT term FROM vocabulary WHERE term >= ? AND term < ? AND length(term) BETWEEN ? AND ?"
    near = [term for (term,) in con.execute(query, (word[0], chr(ord(word[0]) + 1), len(word) - 3, len(word) + 1))]
    return next(iter(difflib.get_close_matches(word, near, n=1, cutoff=0.8)), None)


def _standing(con: sqlite3.Connection, kept: Mapping[int, tuple[str, int, str]]) -> dict[int, float]:
    """By what each product's score is raised or lowered for what it is, whatever is asked."""
    newest = dict(con.execute("SELECT name, max(major) FROM product GROUP BY name"))
    readers = con.execute("SELECT source, count(*) FROM read GROUP BY source")
    raised = {source: 1 + math.log1p(count) / 20 for source, count in readers}
    return {
        product: (1.0 if major == newest[name] else 0.6) * (0.5 if refused else 1.0) * raised.get(f"{name}@{major}", 1.0)
        for product, (name, major, refused) in kept.items()
    }


def _described(con: sqlite3.Connection, product: int, words: Sequence[str]) -> dict[str, Any]:
    row = con.execute("SELECT card, kept_until, is_complete, refused FROM product WHERE id = ?", (product,)).fetchone()
    found = card(*row)
    stems = [word[: max(3, len(word) - 2)] for word in words]
    return {**found, "matching": [name for name in found["columns"] if any(stem in name.lower() for stem in stems)]}


def script(con: sqlite3.Connection) -> str:
    """The whole index as a script, for a page that searches by itself: facts and texts of each product, and the words passed over."""
    rows = con.execute(
        "SELECT p.card, w.name, w.description, w.columns, w.meanings, w.owner, w.tags, w.units, w.domain FROM product p "
        "JOIN words w ON w.rowid = p.id ORDER BY p.name, p.major"
    )
    shown = ("address", "domain", "owner", "description", "columns", "classes")
    products = [{**{name: json.loads(text)[name] for name in shown}, "words": words} for text, *words in rows]
    return f"const CATALOGUE = {json.dumps(products)};\nconst ASKING = {json.dumps(sorted(_ASKING))};\n"
