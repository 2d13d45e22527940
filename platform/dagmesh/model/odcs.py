"""A described product as a document of the Open Data Contract Standard (Bitol, ODCS 3.2.0), and back without loss.

The standard's own words are used wherever it has them. What it has no word for is in `customProperties` under names that begin with
`dagmesh`; so is the version of this mapping, which tells our own documents from those of other tools.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dagmesh.errors import DefinitionError, Problem
from dagmesh.model.address import Address
from dagmesh.model.custom_properties import custom_properties, said_in
from dagmesh.model.odcs_schema import contract_in, partition_in, schema_of

Described = Mapping[str, Any]
API_VERSION = "v3.2.0"
FORMAT = 1
# The product's values that have a place of their own in the document; every other is custom.
_CARRIED = frozenset({"name", "domain", "owner", "version", "description", "contract", "promise", "serves", "partitioned_by"})
_CARRIED |= {"output_format", "documentation", "tags", "support", "price", "sunset"}
_EMPTY: dict[str, Any] = {"reads": [], "accepts": []}
_DURATIONS = {"max_lag": "latency", "retention": "retention"}
_UNITS = {"m": "minutes", "h": "h", "d": "d"}
_TEAM = "team:"


def address_of(product: Described) -> Address:
    """The address of a described product."""
    return Address(product["domain"], product["name"], int(product["version"].split(".")[0]))


def contract_id(address: Address) -> str:
    """The id of an address's contract: the same on every machine and in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"dagmesh:{address}"))


def to_odcs(product: Described) -> dict[str, Any]:
    """The ODCS document that says all of a described product, its parts in the standard's order."""
    address = address_of(product)
    document: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": contract_id(address),
        "name": product["name"],
        "version": product["version"],
        "status": "deprecated" if product["sunset"] else "active",
        "domain": product["domain"],
        "tags": tags_of(product),
        "description": {"purpose": product["description"]},
        "authoritativeDefinitions": definitions_of(product),
        "schema": [schema_of(product)],
        "support": [support_of(product["support"])] if product["support"] else None,
        "price": _price(product["price"]) if product["price"] else None,
        "team": team_of(product["owner"]),
        "roles": [{"role": consumer, "access": "read"} for consumer in product["serves"]],
        "slaProperties": _levels(product),
        "servers": [_server(product, address)],
        "customProperties": custom_properties(_custom(product)),
    }
    return {word: value for word, value in document.items() if value not in (None, [], "")}


def from_odcs(document: Described) -> dict[str, Any]:
    """The described product that a document written by `to_odcs` says.

    Raises:
        DefinitionError: the document was written by another tool, or by a newer dagmesh.
    """
    said = said_in(document.get("customProperties", []))
    if said.pop("format", None) != FORMAT:
        message = "is not a document of this dagmesh; draft a product from it: dagmesh import <file>."
        raise DefinitionError([Problem("", str(document.get("name", "")), "customProperties.dagmeshFormat", message)])
    schema = document["schema"][0]
    price_amount = said.pop("price_amount", None)
    promise, sunset = _promise(document["slaProperties"])
    return {
        "name": document["name"],
        "domain": document.get("domain", ""),
        "owner": owner_in(document.get("team")),
        "version": document["version"],
        "description": document["description"]["purpose"],
        "contract": contract_in(schema),
        "promise": promise,
        "serves": [role["role"] for role in document.get("roles", [])],
        "partitioned_by": partition_in(schema),
        "output_format": document["servers"][0]["format"],
        "documentation": documentation_in(document),
        "tags": tags_in(document),
        "support": next((item["channel"] for item in document.get("support", [])), None),
        "price": _price_in(document["price"], price_amount) if "price" in document else None,
        "sunset": sunset,
        **_EMPTY,
        **said,
    }


def tags_of(product: Described) -> list[str]:
    """A product's tags as the standards have them: `subject:orders`, or just the word."""
    return [f"{key}:{value}" if value else key for key, value in product["tags"].items()]


def tags_in(document: Described) -> dict[str, str]:
    """The product's tags in a document that `tags_of` wrote."""
    parts = (tag.partition(":") for tag in document.get("tags", []))
    return {key: value for key, _, value in parts}


def team_of(owner: str) -> dict[str, Any] | None:
    """An owner as the standards' team: a team's name, or the one person of an e-mail address."""
    if owner.startswith(_TEAM):
        return {"name": owner.removeprefix(_TEAM)}
    return {"members": [{"username": owner, "role": "owner"}]} if owner else None


def owner_in(team: Described | None) -> str:
    """The owner that `team_of` wrote."""
    if not team:
        return ""
    return f"{_TEAM}{team['name']}" if "name" in team else str(team["members"][0]["username"])


def support_of(support: str) -> dict[str, str]:
    """A support channel, with its URL where it has one."""
    is_url, is_mail = re.match(r"https?://\S+\Z", support), re.match(r"[^@\s]+@[^@\s]+\Z", support)
    url = support if is_url else f"mailto:{support}" if is_mail else None
    return {"channel": support, **({"url": url} if url else {}), **({"tool": "email"} if is_mail else {})}


def definitions_of(product: Described) -> list[dict[str, str]]:
    """The link to a product's documentation."""
    return [{"url": product["documentation"], "type": "businessDefinition"}] if product["documentation"] else []


def documentation_in(document: Described) -> str | None:
    """The link that `definitions_of` wrote."""
    return next((str(link["url"]) for link in document.get("authoritativeDefinitions", [])), None)


def _custom(product: Described) -> dict[str, Any]:
    rest = {word: value for word, value in product.items() if word not in _CARRIED and value != _EMPTY.get(word, ...)}
    amount = product["price"]["amount"] if product["price"] else None
    exact = {} if amount is None or str(_number(amount)) == amount else {"price_amount": amount}
    return {"format": FORMAT, **rest, **exact}


def _server(product: Described, address: Address) -> dict[str, Any]:
    path = f"{address.domain}/{address.product}/v{address.major}"
    where = "The Delta table, below the root of the mesh's lake; read it with dagmesh query or dm.connect()."
    return {"server": "lake", "type": "local", "path": path, "format": product["output_format"], "description": where}


def _number(text: str) -> int | float:
    """The number nearest to an amount, whole where it is."""
    amount = Decimal(text)
    return int(amount) if amount == amount.to_integral_value() and abs(amount) < 2**53 else float(amount)


def _price(price: Described) -> dict[str, Any]:
    return {"priceAmount": _number(price["amount"]), "priceCurrency": price["currency"], "priceUnit": price["per"]}


def _price_in(price: Described, exact: str | None) -> dict[str, Any]:
    return {"amount": exact or str(price["priceAmount"]), "currency": price["priceCurrency"], "per": price["priceUnit"]}


def _levels(product: Described) -> list[dict[str, Any]]:
    """The promise and the sunset as service levels."""
    promise = product["promise"]
    end = [{"property": "endOfLife", "value": product["sunset"]}] if product["sunset"] else []
    return [
        {"property": "timeOfAvailability", "value": promise["available_by"], "valueExt": promise["timezone"]},
        *({"property": name, **_length(promise[word])} for word, name in _DURATIONS.items()),
        {"property": "completeness", "value": promise["min_completeness"]},
        *end,
    ]


def _promise(levels: list[Described]) -> tuple[dict[str, Any], str | None]:
    by_name = {level["property"]: level for level in levels}
    available = by_name["timeOfAvailability"]
    promise = {
        "available_by": available["value"],
        "timezone": available["valueExt"],
        "min_completeness": by_name["completeness"]["value"],
        **{word: _length_in(by_name[name]) for word, name in _DURATIONS.items()},
    }
    return promise, by_name["endOfLife"]["value"] if "endOfLife" in by_name else None


def _length(text: str) -> dict[str, Any]:
    """A duration as the standard has it: a number and a unit."""
    number, unit = text[:-1], text[-1]
    return {"value": int(number) if str(int(number)) == number else number, "unit": _UNITS[unit]}


def _length_in(level: Described) -> str:
    letters = {name: letter for letter, name in _UNITS.items()}
    return f"{level['value']}{letters[level['unit']]}"
