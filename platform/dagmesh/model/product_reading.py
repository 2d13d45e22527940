"""Reads a product's declaration: turns it into a DataProduct, or reports every mistake in it at once."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from dagmesh.errors import AddressError, DefinitionError, Problem, nearest, one_of
from dagmesh.model.address import NAME, Address
from dagmesh.model.contract import Contract
from dagmesh.model.contract_reading import shown_file
from dagmesh.model.product import FORMS, DataProduct, Form, Read, Window
from dagmesh.model.projection_reading import declared_projection, projection_complaints
from dagmesh.model.promise import Price, Promise, duration

OWNER = re.compile(r"(team:[A-Za-z0-9._-]+|[^@\s]+@[^@\s]+\.[^@\s]+)\Z")
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)\Z")
_FORMATS = ("parquet",)
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,63}\Z")
Complaint = tuple[str, str]


def read_product(function: Callable[..., Any], declared: dict[str, Any], unknown: Mapping[str, Any]) -> DataProduct[..., Any]:
    """The product a declaration means.

    Raises:
        DefinitionError: with every mistake of the product and of its contract.
    """
    module = sys.modules.get(function.__module__)
    file = shown_file(getattr(module, "__file__", None) or function.__module__)
    name = declared["name"] or function.__name__
    domain = function.__module__.split(".")[0] if ".products." in function.__module__ else ""
    described = declared["description"] or _first_sentence(getattr(module, "__doc__", None))
    complaints = [*_unknown(declared, unknown), *_complaints(declared, name, described)]
    reads, form, port_complaints = _ports(function, declared["reads"] if isinstance(declared["reads"], Mapping) else {})
    place = f"{domain}.{name}" if domain else name
    problems = [Problem(file, place, where, message) for where, message in (*complaints, *port_complaints)]
    projection = declared_projection(function, reads) if form == "projection" and not port_complaints else None
    problems += [Problem(file, place, where, message) for where, message in projection_complaints(reads, form, projection)]
    contract = declared["contract"]
    if isinstance(contract, type) and issubclass(contract, Contract):
        problems += contract.problems
    if problems:
        raise DefinitionError(problems)
    return DataProduct(
        function=function,
        name=name,
        domain=domain,
        description=described,
        reads=reads,
        form=form,
        file=file,
        contract=contract,
        version=declared["version"],
        serves=tuple(declared["serves"]),
        promise=declared["promise"],
        owner=declared["owner"] or "",
        partitioned_by=declared["partitioned_by"],
        documentation=declared["documentation"],
        output_format=declared["output_format"],
        tags=dict(declared["tags"]),
        support=declared["support"],
        price=declared["price"],
        sunset=declared["sunset"],
        accepts=tuple(declared["accepts"]),
        projection=projection,
    )


def _first_sentence(docstring: str | None) -> str:
    return inspect.cleandoc(docstring or "").split("\n\n")[0].replace("\n", " ").strip()


def _unknown(declared: Mapping[str, Any], unknown: Mapping[str, Any]) -> Iterator[Complaint]:
    for word in unknown:
        yield word, f"unknown argument; choose {one_of(sorted(declared))}.{nearest(word, declared)}"


def _complaints(declared: Mapping[str, Any], name: str, described: str) -> Iterator[Complaint]:
    if not NAME.match(str(name)):
        yield "name", f"{name!r} is not snake_case; use lower-case words joined by single underscores."
    if not described:
        yield "description", "missing; begin the file with a sentence that a stranger understands."
    if not (isinstance(declared["contract"], type) and issubclass(declared["contract"], Contract)):
        yield "contract", f"{declared['contract']!r} is not a subclass of dm.Contract."
    if not _VERSION.match(str(declared["version"])):
        yield "version", f"{declared['version']!r} is not a semantic version; write MAJOR.MINOR.PATCH, for example 1.0.0."
    for word, kind in (("promise", Promise), ("price", Price)):
        value = declared[word]
        if isinstance(value, kind):
            yield from value.complaints()
        elif value is not None or word == "promise":
            yield word, f"{value!r} is not a dm.{kind.__name__}(...)."
    yield from _text_complaints(declared)
    yield from _serves_complaints(declared["serves"])
    yield from _consumer_complaints(declared)
    yield from _partition_complaints(declared["partitioned_by"], declared["contract"])
    if not isinstance(declared["reads"], Mapping):
        yield "reads", f"{declared['reads']!r} is not a mapping of parameter to address."


def _text_complaints(declared: Mapping[str, Any]) -> Iterator[Complaint]:
    owner, documentation = declared["owner"], declared["documentation"]
    if owner is not None and not OWNER.match(str(owner)):
        yield "owner", f"{owner!r} is nobody who can be reached; write team:<name> or an e-mail address."
    if documentation is not None and urlsplit(str(documentation)).scheme not in ("http", "https"):
        yield "documentation", f"{documentation!r} is not a URL; begin with https://."
    if declared["output_format"] not in _FORMATS:
        yield "output_format", f"unknown format {declared['output_format']!r}; choose {one_of(_FORMATS)}."
    if not isinstance(declared["tags"], Mapping):
        yield "tags", f"{declared['tags']!r} is not a mapping of word to word."
        return
    for key, value in declared["tags"].items():
        if not (_TAG.match(str(key)) and (value == "" or _TAG.match(str(value)))):
            yield "tags", f"{key!r}: {value!r} is not a tag; use up to 63 letters, digits, '_', '-' and '.'."


def _serves_complaints(serves: Any) -> Iterator[Complaint]:
    if isinstance(serves, str) or not isinstance(serves, (list, tuple)):
        yield "serves", f"{serves!r} is not a list of domain names; write serves=[{serves!r}]."
        return
    for consumer in serves:
        if not (isinstance(consumer, str) and NAME.match(consumer)):
            yield "serves", f"{consumer!r} is not a domain's name (snake_case)."


def _consumer_complaints(declared: Mapping[str, Any]) -> Iterator[Complaint]:
    sunset, accepts = declared["sunset"], declared["accepts"]
    if sunset is not None and (not isinstance(sunset, date) or isinstance(sunset, datetime)):
        yield "sunset", f"{sunset!r} is not a day; write date(2027, 6, 30)."
    if isinstance(accepts, str) or not isinstance(accepts, (list, tuple)):
        yield "accepts", f"{accepts!r} is not a list of products; write accepts=[{accepts!r}]."
        return
    for consumer in accepts:
        if not (isinstance(consumer, str) and consumer.count(".") == 1 and all(NAME.match(part) for part in consumer.split("."))):
            yield "accepts", f"{consumer!r} is not a product's name; write <domain>.<product>."


def _partition_complaints(column: Any, contract: Any) -> Iterator[Complaint]:
    if column is None or not (isinstance(contract, type) and issubclass(contract, Contract)):
        return
    dates = [c.name for c in contract.columns if c.type.kind == "date" and not c.nullable]
    if column not in dates:
        allowed = f"choose {one_of(dates)}" if dates else f"{contract.__name__} has no column of type date"
        yield "partitioned_by", f"{column!r} is not a date column of the contract; {allowed}.{nearest(str(column), dates)}"


def _ports(function: Callable[..., Any], declared: Mapping[str, Any]) -> tuple[tuple[Read, ...], Form, list[Complaint]]:
    complaints: list[Complaint] = []
    try:
        signature = inspect.signature(function, eval_str=True)
    except NameError as error:
        return (), "duckdb", [("annotations", f"{error}; import it at the top of the file.")]
    reads = []
    for parameter in signature.parameters.values():
        form = _form(parameter.annotation)
        if form is None or form == "projection":
            allowed = one_of(name for name, given in FORMS.items() if given != "projection")
            complaints.append((f"parameter '{parameter.name}'", f"annotate it with {allowed}; got {_shown(parameter.annotation)}."))
            continue
        value = declared.get(parameter.name, parameter.name)
        window = value if isinstance(value, Window) else Window(value)
        complaints += [(f"reads['{parameter.name}']", complaint) for complaint in _window_complaints(window)]
        relied_on = window.expects, window.max_lag, window.purpose
        reads.append(Read(parameter.name, str(window.source), form, window.days, window.late_days, *relied_on))
    for word in declared:
        if word not in signature.parameters:
            where = one_of(signature.parameters) if signature.parameters else "the function has no parameters"
            complaints.append((f"reads['{word}']", f"names no parameter of {function.__name__}(); choose {where}."))
    returned = _form(signature.return_annotation)
    if returned in (None, "day", "events"):
        allowed = one_of(name for name, form in FORMS.items() if form not in ("day", "events"))
        complaints.append(("return", f"annotate the result with {allowed}; got {_shown(signature.return_annotation)}."))
    return tuple(reads), returned or "duckdb", complaints


def _form(annotation: Any) -> Form | None:
    """The form an annotation chooses. By name, so that no data frame library is imported to compare with."""
    if not isinstance(annotation, type):
        return None
    root = annotation.__module__.split(".")[0].lstrip("_")
    return FORMS.get(f"{root}.{annotation.__qualname__}")


def _window_complaints(window: Window) -> Iterator[str]:
    for word, value, least in (("days", window.days, 1), ("late_days", window.late_days, 0)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            yield f"{word}={value!r} is not a number of days ({least} or more)."
    yield from _expectation_complaints(window)
    source: Any = window.source
    if not isinstance(source, str):
        yield f"{source!r} is neither an address nor dm.read(address, days=...)."
    elif "." not in source:
        if not NAME.match(source):
            yield f"{source!r} is not a table of the domain (snake_case)."
    else:
        yield from _address_complaints(source)


def _expectation_complaints(window: Window) -> Iterator[str]:
    if window.expects is not None:
        if isinstance(window.expects, type) and issubclass(window.expects, Contract):
            yield from (f"expects {problem.product}: {problem.field}: {problem.message}" for problem in window.expects.problems)
            checks = [rule.name for rule in window.expects.rules if rule.kind == "check"]
            if checks:
                place = f"expects {window.expects.__name__}: check '{checks[0]}'"
                yield f"{place} is Python, which the producer cannot run; use rules of dm.field."
        else:
            yield f"expects={window.expects!r} is not a subclass of dm.Contract with the columns and rules relied on."
    if window.max_lag is not None:
        try:
            duration(str(window.max_lag))
        except ValueError as error:
            yield f"max_lag={error}"
    if window.purpose is not None and not (isinstance(window.purpose, str) and window.purpose.strip()):
        yield f"purpose={window.purpose!r} is not a sentence."
    if (window.expects is not None or window.max_lag is not None) and "." not in str(window.source):
        yield "expects and max_lag are said of other products, not of a table of the same domain."


def _address_complaints(source: str) -> Iterator[str]:
    try:
        address = Address.parse(source)
    except AddressError as error:
        yield str(error)
        return
    if address.major is None:
        yield f"{source!r} names no major; write {source}@1."


def _shown(annotation: Any) -> str:
    if annotation is inspect.Signature.empty:
        return "no annotation"
    return annotation.__qualname__ if isinstance(annotation, type) else repr(annotation)
