"""Documents as YAML a person reads in a diff: deterministic, in the order given, nothing shared by reference."""

from __future__ import annotations

import re
from typing import Any

import yaml

# PyYAML follows YAML 1.1: what it writes plain may be a number to a reader of 1.2.
_NUMBER = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_LINE_BREAKS = re.compile("[\x85\u2028\u2029\ufeff]")


class _Plain(yaml.SafeDumper):
    """A dumper that writes a value twice where it occurs twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """Whether a value is written out again: always."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists below their key, as the standards' own examples do."""
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """The text as YAML; PyYAML itself folds the rarer line breaks away unless they are escaped in double quotes."""
    style = '"' if _LINE_BREAKS.search(text) else "'" if _NUMBER.match(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Plain.add_representer(str, _text)


def yaml_text(document: Any) -> str:
    """The document as YAML, UTF-8 characters as they are; every value reads back as it was."""
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


class _Strict(yaml.SafeLoader):
    """YAML without repeated keys: of two, one would be silently dropped."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping; refused when a key is there twice."""
        keys = [key.value for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{twice!r} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_strictly(text: str) -> Any:
    """What a YAML text says; yaml.YAMLError when it is none, or says something twice."""
    return yaml.load(text, Loader=_Strict)  # noqa: S506  # a SafeLoader
