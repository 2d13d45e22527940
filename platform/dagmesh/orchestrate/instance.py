"""The mesh's Dagster instance: its settings in `<home>/dagster/dagster.yaml` and its databases beside them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import uuid
from importlib import metadata, resources
from pathlib import Path
from string import Template

from dagmesh.orchestrate.sockets import LAUNCH_SOCKET, RUN_FOLDER

_MARK = "# dagmesh sha256 "
_PREPARED = ".dagster-version"


def install(home: Path) -> Path:
    """The folder for DAGSTER_HOME, absolute, with dagmesh's settings in it.

    Settings that were not edited follow this release of dagmesh. Edited ones are kept, and a warning says so.
    """
    folder = home.absolute() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "dagster.yaml"
    wanted = _marked(_settings(home.absolute(), folder))
    found = file.read_text(encoding="utf-8") if file.exists() else ""
    if found and found != _marked(_unmarked(found)):
        logging.getLogger("dagmesh.instance").warning(
            "%s was edited by hand and is kept. To have dagmesh's own settings again, delete it and start again.", file
        )
    elif found != wanted:
        beside = folder / f".{file.name}.{uuid.uuid4().hex}"
        beside.write_text(wanted, encoding="utf-8")
        beside.replace(file)
    return folder


def _settings(home: Path, folder: Path) -> str:
    template = Template(resources.files(__package__).joinpath("instance.yaml").read_text(encoding="utf-8"))
    paths = {
        "history": folder / "history",
        "events": folder / "history" / "runs",
        "schedules": folder / "schedules",
        "output": folder / "storage",
        "socket": home / RUN_FOLDER / LAUNCH_SOCKET,
    }
    return template.substitute({name: json.dumps(str(path)) for name, path in paths.items()})


def _marked(text: str) -> str:
    return f"{_MARK}{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def _unmarked(text: str) -> str:
    return text.partition("\n")[2] if text.startswith(_MARK) else text


def is_prepared(dagster_home: Path) -> bool:
    """Whether the databases exist in the form of the installed Dagster."""
    file = dagster_home / _PREPARED
    return file.exists() and file.read_text(encoding="utf-8") == metadata.version("dagster")


def prepare(dagster_home: Path) -> None:
    """Create the databases of a new home, or bring those of an older Dagster up to date; once, whoever else begins it too."""
    from dagster import DagsterInstance

    with (dagster_home / ".preparing").open("w") as lock:
        # Two processes that create Dagster's tables at once fail on each other's.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_prepared(dagster_home):
            return
        is_new = not any(dagster_home.rglob("*.db"))
        with DagsterInstance.from_config(str(dagster_home)) as instance:
            if is_new:  # a look at each database creates it; to upgrade what is new costs a second
                _ = instance.get_runs_count(), instance.all_asset_keys(), instance.all_instigator_state()
            else:
                instance.upgrade()
        (dagster_home / _PREPARED).write_text(metadata.version("dagster"), encoding="utf-8")
