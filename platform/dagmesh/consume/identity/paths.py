"""What a path of the mesh's servers is for: the scope a caller needs, and whether it is open to everybody."""

from __future__ import annotations

from collections.abc import Collection

from dagmesh.consume.identity.principal import Scope

LOGIN, LOGOUT = "/login", "/logout"
OPEN = ("/healthz", "/static/")
_DESCRIBING = ("/v1/products", "/v1/feedback")  # what is said of products, none of their rows


def is_open(path: str, opened: Collection[str]) -> bool:
    """Whether a path is one of these, or below one that ends in a slash."""
    return ".." not in path and any(path == one or (one.endswith("/") and path.startswith(one)) for one in opened)


def scope_of(path: str) -> Scope:
    """The scope that a path needs; of the interface for programs, whatever is not known to be without rows needs `query`."""
    if _is_below(path, "/mcp"):
        return "agent"
    if not _is_below(path, "/v1"):
        return "catalogue"
    describes = any(_is_below(path, one) for one in _DESCRIBING) and not path.rstrip("/").endswith("/data")
    return "catalogue" if describes else "query"


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
