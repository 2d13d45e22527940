"""Column lineage as the Dagster UI shows it: `dagster/column_lineage`, and a small picture, as its own view hides column lineage."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from typing import Any

import dagster as dg

from dagmesh.model.address import Address
from dagmesh.model.lineage import USE, Lineage

ROW, TEXT, GAP, LETTER = 22, 15, 120, 7.3  # pixels: a line's height, its baseline, the room for the curves, a letter's width
STYLE = "font:12px ui-monospace,monospace"


def lineage_metadata(domain: str, lineage: Lineage) -> Mapping[str, Any]:
    """Metadata of a materialisation: nothing where there is no lineage.

    Args:
        domain: the product's domain, whose private tables the lineage names without it.
        lineage: what each column is made of.
    """
    return {"dagster/column_lineage": column_lineage(domain, lineage)} if lineage else {}


def lineage_section(lineage: Lineage) -> str:
    """The end of an asset's description: a picture of what each column is made of, as last published; empty without lineage."""
    return f"\n\nWhat each column is made of:\n\n![what each column is made of]({picture(lineage)})" if lineage else ""


def column_lineage(domain: str, lineage: Lineage) -> dg.TableColumnLineage:
    """The lineage in Dagster's words."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(asset_key=_key(domain, source), column_name=name) for source, name, _ in parts]
            for column, parts in lineage.items()
        }
    )


def _key(domain: str, source: str) -> dg.AssetKey:
    return dg.AssetKey(Address.parse(source).key if "." in source else [domain, source])


def picture(lineage: Lineage) -> str:
    """A data URI of an SVG: sources' columns to the left, the product's to the right, dashed where it only depends on one."""
    left = list(dict.fromkeys(f"{source}.{name}" for parts in lineage.values() for source, name, _ in parts))
    width = max((len(text) for text in left), default=0) * LETTER
    total = round(width + GAP + max(len(column) for column in lineage) * LETTER) + 8
    height = max(len(left), len(lineage)) * ROW
    curves = "".join(
        _curve(width, left.index(f"{source}.{name}"), place, way)
        for place, parts in enumerate(lineage.values())
        for source, name, way in parts
    )
    names = "".join(_name(width, place, text, "end") for place, text in enumerate(left))
    names += "".join(_name(width + GAP, place, text, "start") for place, text in enumerate(lineage))
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="{height}" style="{STYLE}">{curves}{names}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _name(x: float, place: int, text: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{place * ROW + TEXT}" text-anchor="{anchor}" fill="#5c7080">{escape(text)}</text>'


def _curve(width: float, begin: int, end: int, way: str) -> str:
    x, above, below, middle = width + 6, begin * ROW + ROW / 2, end * ROW + ROW / 2, width + GAP / 2
    dashed = ' stroke-dasharray="3 3"' if way == USE else ""
    path = f"M{x:.0f} {above:.0f}C{middle:.0f} {above:.0f} {middle:.0f} {below:.0f} {width + GAP - 6:.0f} {below:.0f}"
    return f'<path d="{path}" fill="none" stroke="#8a9ba8"{dashed}/>'
