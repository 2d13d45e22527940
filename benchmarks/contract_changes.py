"""Holds the diff of contracts beside `datacontract breaking`. Usage: python benchmarks/contract_changes.py [--python PATH]

Every change of tests/model/contract_changes.py (ours, and what the test suite of datacontract-cli covers, in our words) is exported
as two ODCS documents and judged by `datacontract breaking` from the consumer's side, in an environment of its own. Compared is
the worst finding of each: theirs is a break when it is `error` or `warning`, ours when it is breaking. The results go to
benchmarks/results/contract_changes.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import yaml  # noqa: E402  # after the path
from tests.model.contract_changes import CASES, SUITE, Case  # noqa: E402

from dagmesh.model.diff import changes  # noqa: E402
from dagmesh.model.odcs import to_odcs  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "contract_changes.json"
VERSION = "1.2.8"
# Runs in the other environment: what the command does between reading its arguments and printing, for many pairs in one process.
JUDGE = """
import json, logging, sys
from datacontract.data_contract import DataContract
logging.disable(logging.CRITICAL)
found = []
for before, after in json.load(open(sys.argv[1])):
    try:
        result = DataContract(data_contract_file=before).breaking(DataContract(data_contract_file=after))
    except Exception as error:
        found.append([["refused", str(error)]])
    else:
        found.append([[entry.level.value.lower(), entry.message] for entry in result.entries])
json.dump(found, open(sys.argv[2], "w"))
"""


def main() -> None:
    """Judge every case twice and write what differs."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--python", help=f"an interpreter that has datacontract-cli {VERSION}; by default one is made")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = asked.python or _environment(Path(folder))
        theirs = _theirs(python, Path(folder))
    found = _report([_compared(case, judged) for case, judged in zip(CASES, theirs, strict=True)])
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in found.items() if name != "cases"}, indent=2))


def _environment(folder: Path) -> str:
    """The interpreter of a new environment with datacontract-cli."""
    python = str(folder / "environment" / "bin" / "python")
    uv = str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "-q", str(folder / "environment")], check=True)
    subprocess.run([uv, "pip", "install", "-q", "--python", python, f"datacontract-cli=={VERSION}"], check=True)
    return python


def _theirs(python: str, folder: Path) -> list[list[list[str]]]:
    """For each case level and message of every change that `datacontract breaking` sees."""
    pairs = []
    for number, case in enumerate(CASES):
        files = [folder / f"{number}.{side}.odcs.yaml" for side in ("before", "after")]
        for file, product in zip(files, (case.before, case.after), strict=True):
            file.write_text(yaml.safe_dump(to_odcs(product), sort_keys=False, allow_unicode=True), encoding="utf-8")
        pairs.append([str(file) for file in files])
    (folder / "pairs.json").write_text(json.dumps(pairs), encoding="utf-8")
    subprocess.run([python, "-c", JUDGE, str(folder / "pairs.json"), str(folder / "found.json")], check=True)
    judged: list[list[list[str]]] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return judged


def _compared(case: Case, judged: list[list[str]]) -> dict[str, Any]:
    levels = [level for level, _ in judged]
    theirs = next((level for level in ("refused", "error", "warning", "info") if level in levels), "nothing")
    ours = changes(case.before, case.after)[0]
    return {
        "case": case.name,
        "from": "datacontract-cli's test suite" if case in SUITE else "ours",
        "ours": ours.effect,
        "theirs": theirs,
        "words": ours.words,
        "their words": [message for level, message in judged if level == theirs][:3],
    }


def _report(cases: list[dict[str, Any]]) -> dict[str, Any]:
    broken = {
        "ours": {c["case"] for c in cases if c["ours"] == "breaking"},
        "theirs": {c["case"] for c in cases if c["theirs"] in ("error", "warning")},
    }
    return {
        "datacontract-cli": VERSION,
        "measured_at": f"{datetime.now(UTC):%Y-%m-%d}",
        "changes": len(cases),
        "of our own": sum(c["from"] == "ours" for c in cases),
        "of its test suite": sum(c["from"] != "ours" for c in cases),
        "breaking for both": len(broken["ours"] & broken["theirs"]),
        "breaking for dagmesh only": sorted(broken["ours"] - broken["theirs"]),
        "breaking for datacontract only": sorted(broken["theirs"] - broken["ours"]),
        "not read by datacontract": sorted(c["case"] for c in cases if c["theirs"] == "refused"),
        "breaking for neither": len(cases) - len(broken["ours"] | broken["theirs"]),
        "cases": cases,
    }


if __name__ == "__main__":
    main()
