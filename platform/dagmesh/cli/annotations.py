"""Findings for machines that show them beside the code: GitHub's workflow commands, and SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagmesh.consume.mesh_check import Wrong

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warn": "warning"}


def github_line(wrong: Wrong) -> str:
    """The workflow command that annotates the line of the finding; one that is waived is a notice."""
    level = "notice" if wrong.waived else _LEVELS[wrong.severity]
    message = f"{wrong.message} {wrong.waived}." if wrong.waived else wrong.message
    return f"::{level} file={_property(wrong.file)},line={wrong.line},title={_property(wrong.rule)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def sarif_log(found: Sequence[Wrong]) -> dict[str, Any]:
    """The findings as a SARIF log of one run; those that are waived are suppressed, with the reason."""
    rules = sorted({wrong.rule for wrong in found})
    driver = {"name": "dagmesh", "version": version("dagmesh"), "rules": [{"id": rule} for rule in rules]}
    results = [_result(wrong, rules.index(wrong.rule)) for wrong in found]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _result(wrong: Wrong, index: int) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": wrong.file}, "region": {"startLine": wrong.line}}
    result: dict[str, Any] = {
        "ruleId": wrong.rule,
        "ruleIndex": index,
        "level": _LEVELS[wrong.severity],
        "message": {"text": wrong.message},
        "locations": [{"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": wrong.address, "kind": "resource"}]}],
    }
    if wrong.waived:
        result["suppressions"] = [{"kind": "external", "justification": wrong.waived}]
    return result
