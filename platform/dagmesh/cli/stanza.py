"""A domain's entry in workspace.yaml, added as text so that comments and form stay as they are."""

from __future__ import annotations

from textwrap import indent
from typing import Any

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, SequenceNode

from dagmesh.errors import MeshError


def with_stanza(text: str, domain: str) -> str:
    """The workspace file's text with the domain's entry at the end of `load_from`, in the form of the entry before it.

    Raises:
        MeshError: `load_from` is written in a way this cannot add to; the message holds the entry to add by hand.
    """
    entries = _entries(yaml.compose(text, Loader=yaml.SafeLoader))
    if isinstance(entries, SequenceNode) and entries.value and not entries.flow_style:
        entry = indent(_entry(domain, _in_one_line(entries.value[-1])), " " * entries.start_mark.column)
        added = _after_line(text, _end(entries.value[-1]), entry)
    elif entries is None:
        added = _after_line(text, len(text), f"load_from:\n{indent(_entry(domain, one_line=True), '  ')}")
    else:
        head, tail = text[: entries.start_mark.index].rstrip(" "), text[entries.end_mark.index :]
        added = _after_line(head + tail, len(head), indent(_entry(domain, one_line=True), "  "))
    return _checked(text, added, domain)


def _entries(workspace: Node | None) -> Node | None:
    pairs = workspace.value if isinstance(workspace, MappingNode) else []
    return next((value for key, value in pairs if key.value == "load_from"), None)


def _entry(domain: str, one_line: bool) -> str:
    module = _module(domain)
    if one_line:
        return f"- python_module: {yaml.safe_dump(module, default_flow_style=True, sort_keys=False, width=1000).strip()}\n"
    return yaml.safe_dump([{"python_module": module}], default_flow_style=False, sort_keys=False)


def _module(domain: str) -> dict[str, str]:
    return {
        "module_name": f"{domain}.definitions",
        "attribute": "defs",
        "working_directory": f"domains/{domain}",
        "location_name": domain,
    }


def _in_one_line(entry: Node) -> bool:
    """Whether the entry's own mapping is written `{like: this}`."""
    return isinstance(entry, MappingNode) and isinstance(entry.value[-1][1], MappingNode) and bool(entry.value[-1][1].flow_style)


def _end(node: Node) -> int:
    """Where the node's last character is; a block's own end mark lies after the comments that follow it."""
    while isinstance(node, CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    index: int = node.end_mark.index
    return index


def _after_line(text: str, index: int, addition: str) -> str:
    end = text.find("\n", index)
    head, tail = (text, "") if end < 0 else (text[: end + 1], text[end + 1 :])
    return f"{head}{'' if not head or head.endswith(chr(10)) else chr(10)}{addition}{tail}"


def _checked(before: str, after: str, domain: str) -> str:
    """The new text, when it means the old one and one entry more."""
    wanted: dict[str, Any] = yaml.safe_load(before) or {}
    wanted = {**wanted, "load_from": [*(wanted.get("load_from") or []), {"python_module": _module(domain)}]}
    try:
        meant = yaml.safe_load(after)
    except yaml.YAMLError:
        meant = None
    if meant != wanted:
        raise MeshError(f"workspace.yaml: load_from is no plain list of entries; add this one by hand:\n{_entry(domain, one_line=True)}")
    return after
