"""Source files: what a product's file says that its declaration does not, and on which line it says what."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_PLACE = re.compile(r"(?P<word>[a-z_]+)(?:\.(?P<field>\w+)|\['(?P<key>[^']*)'\]| '(?P<name>[^']*)')?")
_BARE = re.compile(r"\s*select\s+(\*|\w+(\s*,\s*\w+)*)\s+from\s+(?P<source>\w+)\s*;?\s*\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """The file of one product. `contract` and `function` are the names of the class and the function that declare it."""

    file: str
    content: bytes
    contract: str
    function: str

    @cached_property
    def text(self) -> str | None:
        """The file as text, or None when it is not UTF-8."""
        try:
            return self.content.decode("utf-8")
        except UnicodeDecodeError:
            return None

    @cached_property
    def _tree(self) -> ast.Module:
        return ast.parse(self.content)

    @cached_property
    def imports(self) -> frozenset[str]:
        """The top-level names of the modules that the file imports, anywhere in it."""
        return frozenset(name.partition(".")[0] for node in ast.walk(self._tree) for name in _imported(node))

    @cached_property
    def handed_on(self) -> str | None:
        """The input that the function gives back column by column as it is; None when it works on it."""
        function = self._function
        returned = function.body[-1] if function else None
        if not function or not isinstance(returned, ast.Return) or returned.value is None:
            return None
        parameters = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
        given = _given(returned.value)
        return given if given in parameters else None

    @cached_property
    def _function(self) -> ast.FunctionDef | None:
        functions = (node for node in self._tree.body if isinstance(node, ast.FunctionDef))
        return next((node for node in functions if node.name == self.function), None)

    @cached_property
    def _declaration(self) -> ast.Call | None:
        decorators = self._function.decorator_list if self._function else []
        return next((node for node in decorators if isinstance(node, ast.Call)), None)

    def line(self, place: str) -> int:
        """The line, from 1, of what a place names; of the declaration where the place is not written down."""
        node = self._node(place) or self._declaration
        return node.lineno if node else 1

    def segment(self, place: str) -> str | None:
        """The text of what a place names, or None when it is not written down or not in UTF-8."""
        node = self._node(place)
        return ast.get_source_segment(self.text, node) if node and self.text is not None else None

    def _node(self, place: str) -> ast.stmt | ast.expr | None:
        match = _PLACE.match(place)
        if match is None:
            return None
        if match["word"] == "column":
            return next(self._column(match["name"]), None)
        if match["word"] == "import":
            return next((n for n in ast.walk(self._tree) if isinstance(n, ast.stmt) and _names(n, match["name"])), None)
        value = _argument(self._declaration, match["word"])
        if match["field"]:
            return _argument(value, match["field"]) or value
        return _entry(value, match["key"]) or value

    def _column(self, name: str) -> Iterator[ast.stmt]:
        classes = [node for node in self._tree.body if isinstance(node, ast.ClassDef)]
        for node in sorted(classes, key=lambda node: node.name != self.contract):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.target.id == name:
                    yield line


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []


def _names(node: ast.stmt, module: str) -> bool:
    return any(name.partition(".")[0] == module for name in _imported(node))


def _argument(call: ast.expr | None, word: str) -> ast.expr | None:
    keywords = call.keywords if isinstance(call, ast.Call) else []
    return next((keyword.value for keyword in keywords if keyword.arg == word), None)


def _entry(value: ast.expr | None, key: str | None) -> ast.expr | None:
    if not isinstance(value, ast.Dict):
        return None
    return next((k for k in value.keys if isinstance(k, ast.Constant) and k.value == key), None)


def _given(value: ast.expr) -> str | None:
    """The name that an expression gives back unchanged: `rows`, or `dm.sql("SELECT a, b FROM rows", rows=rows)`."""
    if isinstance(value, ast.Name):
        return value.id
    text = value.args[0] if isinstance(value, ast.Call) and value.args else None
    match = _BARE.match(text.value) if isinstance(text, ast.Constant) and isinstance(text.value, str) else None
    return match["source"] if match else None


def private_names(package: Path) -> frozenset[str]:
    """The names of the plain `@dg.asset` functions in a domain's package, read without importing it."""
    files = [path for path in sorted(package.glob("*.py")) if path.stem != "definitions"]
    return frozenset(name for path in files for name in _assets(ast.parse(path.read_bytes())))


def _assets(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(_is_asset(decorator) for decorator in node.decorator_list):
            yield node.name


def _is_asset(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in ("asset", "multi_asset")
