"""A described product as a document of the Open Data Product Standard (Bitol, ODPS 1.1.0), and back but for its contract.

The standard says who owns a product, what goes in and what comes out; what a row is stays in the contract (ODCS) that the
output port names by its id. What it has no word for is in `customProperties` under names that begin with `dagmesh`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from dagmesh.model.address import Address
from dagmesh.model.custom_properties import custom_properties, said_in
from dagmesh.model.odcs import address_of, contract_id, definitions_of, documentation_in, owner_in, support_of, tags_in, tags_of, team_of

Described = Mapping[str, Any]
API_VERSION = "v1.1.0"
# The product's values that have a place of their own in the document, or in the contract; every other is custom.
_CARRIED = frozenset({"name", "domain", "owner", "version", "description", "contract", "reads", "documentation", "tags", "support"})
_OF_THE_PORT = ("promise", "serves", "partitioned_by")
_EMPTY: dict[str, Any] = {"partitioned_by": None, "price": None, "sunset": None, "accepts": []}


def to_odps(product: Described) -> dict[str, Any]:
    """The ODPS document of a described product: one output port, which has the contract; one input port for each read."""
    document: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "DataProduct",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"dagmesh:product:{product['domain']}.{product['name']}")),
        "name": product["name"],
        "version": product["version"],
        "status": "deprecated" if product["sunset"] else "active",
        "domain": product["domain"],
        "tags": tags_of(product),
        "description": {"purpose": product["description"]},
        "authoritativeDefinitions": definitions_of(product),
        "inputPorts": [_input(read) for read in product["reads"]],
        "outputPorts": [_output(product)],
        "support": _support(product["support"]),
        "team": team_of(product["owner"]),
        "customProperties": custom_properties(_custom(product)),
    }
    return {word: value for word, value in document.items() if value not in (None, [], "")}


def from_odps(document: Described) -> dict[str, Any]:
    """The described product that a document written by `to_odps` says: all but its contract."""
    (port,) = document["outputPorts"]
    return {
        "name": document["name"],
        "domain": document.get("domain", ""),
        "owner": owner_in(document.get("team")),
        "version": document["version"],
        "description": document["description"]["purpose"],
        "output_format": port["type"],
        "documentation": documentation_in(document),
        "tags": tags_in(document),
        "support": next((channel["channel"] for channel in document.get("support", [])), None),
        "reads": [_read(port) for port in document.get("inputPorts", [])],
        **_EMPTY,
        **said_in(port["customProperties"]),
        **said_in(document.get("customProperties", [])),
    }


def _support(support: str | None) -> list[dict[str, str]]:
    """The support channel; the standard takes only one that has a URL."""
    channel = support_of(support) if support else {}
    return [channel] if "url" in channel else []


def _custom(product: Described) -> dict[str, Any]:
    elsewhere = _CARRIED | {*_OF_THE_PORT, "output_format"}
    rest = {word: value for word, value in product.items() if word not in elsewhere and value != _EMPTY.get(word, ...)}
    return rest | ({"support": product["support"]} if product["support"] and not _support(product["support"]) else {})


def _input(read: Described) -> dict[str, Any]:
    address = Address.parse(read["source"]) if "." in read["source"] else None
    contract = {"version": str(address.major), "contractId": contract_id(address)} if address else {}
    rest = {word: value for word, value in read.items() if word != "source"}
    return {"name": read["source"], **contract, "customProperties": custom_properties(rest)}


def _read(port: Described) -> dict[str, Any]:
    return {"source": port["name"], **said_in(port["customProperties"])}


def _output(product: Described) -> dict[str, Any]:
    inputs = [port for port in map(_input, product["reads"]) if "contractId" in port]
    return {
        "name": product["name"],
        "description": product["contract"]["grain"],
        "type": product["output_format"],
        "version": product["version"],
        "contractId": contract_id(address_of(product)),
        **({"inputContracts": [{"id": port["contractId"], "version": port["version"]} for port in inputs]} if inputs else {}),
        "customProperties": custom_properties({word: product[word] for word in _OF_THE_PORT if product[word] is not None}),
    }
