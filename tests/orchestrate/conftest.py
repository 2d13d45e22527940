"""The small mesh of tests/small_mesh.py, and its nodes."""

import pytest
from tests.orchestrate.graph import Graph
from tests.small_mesh import SmallMesh, small_mesh

__all__ = ["graph", "small_mesh"]


@pytest.fixture
def graph(small_mesh: SmallMesh) -> Graph:
    """The nodes of a small mesh with nothing made."""
    return Graph(small_mesh)
