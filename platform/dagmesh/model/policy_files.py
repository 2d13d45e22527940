"""The policies of a mesh and of one domain, found by being there; a domain may add and tighten, never loosen or skip."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import string
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from dagmesh.errors import MeshError, one_of
from dagmesh.model.policy import Policy
from dagmesh.model.rule import SEVERITIES
from dagmesh.model.waiver import Fault

PACKAGE = "policies"  # a domain's file tightens with `from policies.naming import Naming`
HOOKS = ("of_domain", "of_product", "of_publication", "of_read")
_MAY_SAY = frozenset({"severity", "name", "title", "__module__", "__doc__", "__qualname__", "__firstlineno__", "__static_attributes__"})
_STRICTNESS = {"warn": 0, "error": 1}


@dataclass(frozen=True)
class PolicySet:
    """The policies that hold in one domain, by name; `faults` are the domain's attempts at loosening one."""

    policies: tuple[Policy, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def waivable(self) -> tuple[str, ...]:
        """The names of the policies that can be waived, sorted."""
        return tuple(policy.name for policy in self.policies if policy.waivable)


def load_policies(root: Path, domain: str | None = None) -> PolicySet:
    """The policies of `platform/policies/`, and with a domain those of `domains/<domain>/policies/` besides.

    Raises:
        MeshError: a file that is no policy; the message names it and what is wrong.
    """
    folder, own = root / "platform" / "policies", root / "domains" / (domain or "") / "policies"
    found = _global(folder)
    if domain is None or not own.is_dir():
        return PolicySet(_sorted(found))
    # The domain's files are given classes of their own to inherit from: whatever they do to them, ours stay as they are.
    lent = _global(folder)
    before = {name: _content(policy) for name, policy in lent.items()}
    added = {path.stem: _policy(_module(path, f"{PACKAGE}_of_{domain}.{path.stem}"), path, domain) for path in _files(own)}
    faults = [fault for name, policy in added.items() if (fault := _loosened(name, policy, lent, f"domains/{domain}/policies/{name}.py"))]
    changed = [name for name, policy in lent.items() if _content(policy) != before[name]]
    faults += [Fault(f"domains/{domain}/policies", f"changes {name}, a policy of the mesh, from outside.") for name in changed]
    good = {name: policy for name, policy in added.items() if not any(fault.file.endswith(f"/{name}.py") for fault in faults)}
    return PolicySet(_sorted(found | {name: _raised(found.get(name), policy) for name, policy in good.items()}), tuple(faults))


def _sorted(found: Mapping[str, Policy]) -> tuple[Policy, ...]:
    return tuple(found[name] for name in sorted(found))


def _raised(own: Policy | None, policy: Policy) -> Policy:
    """A domain's own policy; in place of one of the mesh, the mesh's own code with the severity that the domain wants."""
    if own is None:
        return policy
    made: type[Policy] = type(type(own).__name__, (type(own),), {"severity": policy.severity, "__doc__": type(own).__doc__})
    return made()


def _global(folder: Path) -> dict[str, Policy]:
    """The policies of the mesh, by name, their modules loaded anew as `policies.<name>`."""
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    if not folder.is_dir():
        return {}
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    sys.modules[PACKAGE] = package
    importlib.invalidate_caches()
    return {path.stem: _policy(_imported(path), path) for path in _files(folder)}


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]


def _imported(path: Path) -> ModuleType:
    try:
        return importlib.import_module(f"{PACKAGE}.{path.stem}")
    except Exception as error:
        raise MeshError(f"{_shown(path)}: cannot be imported: {type(error).__name__}: {error}") from error


def _module(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise MeshError(f"{_shown(path)}: cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _shown(path: Path) -> str:
    start = "domains" if "domains" in path.parts[-4:] else "platform"
    return "/".join(path.parts[len(path.parts) - 1 - path.parts[::-1].index(start) :])


def _policy(module: ModuleType, path: Path, domain: str | None = None) -> Policy:
    """The one policy of a file, named after it."""
    classes = [v for v in vars(module).values() if inspect.isclass(v) and issubclass(v, Policy) and v.__module__ == module.__name__]
    complaint = _complaint(classes, tightens=domain is not None)
    if complaint:
        raise MeshError(f"{_shown(path)}: {complaint}")
    classes[0].name, classes[0].title = path.stem, (module.__doc__ or classes[0].template()).strip().splitlines()[0]
    policy: Policy = classes[0]()
    return policy


def _complaint(classes: list[type[Policy]], tightens: bool) -> str:
    if len(classes) != 1:
        return f"has {len(classes)} subclasses of dm.Policy; write one, its docstring is the message."
    policy = classes[0]
    if policy.severity not in SEVERITIES:
        return f"severity {policy.severity!r} is unknown; choose {one_of(SEVERITIES)}."
    if policy.template() == Policy.template():
        return "has no docstring; write the message for whoever breaks it, with the next step."
    try:
        list(string.Formatter().parse(policy.template()))
    except ValueError as error:
        return f"its docstring cannot be filled: {error}; write {{column}} for a fact of the finding and double all other braces."
    if all(getattr(policy, hook) is getattr(Policy, hook) for hook in HOOKS):
        return f"looks at nothing; override {one_of(HOOKS)}."
    return ""


def _content(policy: Policy) -> dict[str, Any]:
    return {name: value for cls in reversed(type(policy).__mro__) for name, value in vars(cls).items() if not name.startswith("__")}


def _loosened(name: str, policy: Policy, lent: Mapping[str, Policy], file: str) -> Fault | None:
    """Why a domain's policy is no addition and no tightening; None when it is one of them."""
    above = next((other for other in lent.values() if isinstance(policy, type(other))), None)
    if above is None:
        return Fault(file, f"replaces {name}, a policy of the mesh; give yours another name.") if name in lent else None
    if _STRICTNESS[policy.severity] < _STRICTNESS[above.severity]:
        return Fault(file, f"makes {above.name} a warning, and in the mesh it is an error; severity can only be raised.")
    changed = sorted(set(vars(type(policy))) - _MAY_SAY)
    if changed:
        return Fault(
            file,
            f"changes {one_of(changed)} of {above.name}; only severity can be raised. Write what is to be added as a policy of its own.",
        )
    if above.name != name:
        return Fault(file, f"tightens {above.name} under another name; call the file {above.name}.py.")
    return None
