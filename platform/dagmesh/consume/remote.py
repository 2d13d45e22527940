"""`dm.connect("https://...")`: the products of a mesh elsewhere, with the interface of the local connection."""

from __future__ import annotations

import inspect
import ipaddress
import json
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa

from dagmesh import errors
from dagmesh.consume.access import Access
from dagmesh.errors import DagmeshError, MeshError, QueryLimit
from dagmesh.lake import quoting
from dagmesh.model.address import Address

URN = "urn:dagmesh:error:"
"""What the type of a problem begins with that one of our errors made; its class follows."""
ARROW = "application/vnd.apache.arrow.stream"
_SECONDS = 600  # the longest silence of a service that works


@dataclass(frozen=True)
class RemoteReading:
    """One product that an answer is computed from: its address with the snapshot, and what was seen of it."""

    address: Address
    access: Access

    @property
    def hidden(self) -> frozenset[str]:
        """The columns whose values the reader does not see."""
        return frozenset(self.access.masks)


class RemoteConnection:
    """Reads products from a query service, for whoever the token stands for; relations it gives are in this process's memory."""

    def __init__(self, url: str, token: str | None, purpose: str | None = None) -> None:
        self._url = urlsplit(url)
        self._token = token
        self._purpose = purpose
        self._duckdb = duckdb.connect(config={"enable_external_access": False})
        self._duckdb.execute("SET GLOBAL TimeZone = 'UTC'")
        if self._url.scheme == "http" and not _is_loopback(self._url.hostname or ""):
            raise MeshError(f"{url}: a token is not sent in the clear; write https://.")

    def read(self, address: str, *, days: Iterable[date] | None = None) -> duckdb.DuckDBPyRelation:
        """A product's rows as a DuckDB relation; the arguments and errors are those of the local connection."""
        Address.parse(address)
        said = {} if days is None else {"days": sorted(str(day) for day in days)}
        return self._asked(f"SELECT * FROM {quoting.name(address)}", said)[0]

    def sql(self, statement: str) -> duckdb.DuckDBPyRelation:
        """The result of one SELECT over products named by address."""
        return self.query(statement)[0]

    def query(self, statement: str) -> tuple[duckdb.DuckDBPyRelation, list[RemoteReading]]:
        """The result of one SELECT over products named by address, and the reads it is computed from."""
        return self._asked(statement, {})

    def close(self) -> None:
        """Let go of DuckDB."""
        self._duckdb.close()

    def _asked(self, statement: str, said: Mapping[str, Any]) -> tuple[duckdb.DuckDBPyRelation, list[RemoteReading]]:
        connection = self._connection()
        try:
            response = self._response(connection, {"sql": statement, "purpose": self._purpose, **said})
            try:
                rows = pa.ipc.open_stream(response).read_all()
                response.read()  # the end of the answer, which comes after the last row: who leaves before it has abandoned the read
            except (HTTPException, pa.ArrowInvalid, OSError) as error:
                query = response.headers.get("dagmesh-query")
                raise QueryLimit(
                    f"The answer broke off: the statement, or its reader, took more than the service gives. Its log says more of {query}.",
                    limit="time",
                ) from error
            return self._duckdb.from_arrow(rows), [_reading(read) for read in json.loads(response.headers["dagmesh-reads"])]
        finally:
            connection.close()

    def _response(self, connection: HTTPConnection, body: Mapping[str, Any]) -> HTTPResponse:
        headers = {"Content-Type": "application/json", "Accept": ARROW}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request("POST", f"{self._url.path.rstrip('/')}/v1/query", json.dumps(body), headers)
            response = connection.getresponse()
            if response.status == 200:
                return response
            content = response.read()
        except (OSError, HTTPException) as error:
            raise MeshError(f"{self._url.geturl()} does not answer: {error}. Is it right, and is dagmesh serve running there?") from error
        raise _error(response, content)

    def _connection(self) -> HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return HTTPConnection(host, port, timeout=_SECONDS)
        return HTTPSConnection(host, port, timeout=_SECONDS, context=ssl.create_default_context())


def _reading(read: Mapping[str, Any]) -> RemoteReading:
    return RemoteReading(Address.parse(read["address"]), Access(read["masks"], read["rows"], read["grant"]))


def _error(response: HTTPResponse, content: bytes) -> DagmeshError:
    """The exception that a problem was made of; a MeshError of whatever else came."""
    try:
        return error_of(json.loads(content))
    except ValueError:
        return MeshError(f"The service answered {response.status} {response.reason}, which is no answer of dagmesh serve.")


def error_of(problem: Mapping[str, Any]) -> DagmeshError:
    """The exception that a problem was made of, with its facts; a MeshError with its detail when it was none of ours."""
    kind = getattr(errors, str(problem.get("type", "")).removeprefix(URN), None)
    detail = str(problem.get("detail") or problem.get("title") or problem)
    if not (isinstance(kind, type) and issubclass(kind, DagmeshError)) or not _is_made_of_words(kind):
        return MeshError(detail)
    own = vars(kind).get("__init__")  # of Python's own exceptions no signature can be had
    facts = [name for name, one in inspect.signature(own).parameters.items() if one.kind is one.KEYWORD_ONLY] if own else []
    return kind(detail, **{name: problem[name] for name in facts if name in problem})


def _is_made_of_words(kind: type[DagmeshError]) -> bool:
    """Whether the class takes its message first, as all do that a service answers with."""
    return kind not in (errors.DefinitionError, errors.SchemaMismatch)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
